"""Who does the grading: one lane for each core, and a slow one for what holds the others up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from subprocess import Popen, TimeoutExpired
from typing import Protocol, Self

import msgspec

from gradkit.classroom.grading_worker import main
from gradkit.grading.settings import Settings
from gradkit.processes import start
from gradkit.records.classroom import Filed, Order, Reply

AT_LEISURE = 19
"""Niceness of the slow lane: its endless loops leave the cores to the others."""

PATIENCE = 600.0
"""Seconds after which a lane that has not answered is given up. Deadlines end long before."""

GRACE = 5.0
"""Seconds that lanes are given to end of their own accord."""


class Crew(Protocol):
    """Takes orders and gives replies, on this machine or elsewhere."""

    def room(self, *, leisure: bool) -> int:
        """How many orders it takes now; ``leisure``: of those that must not hold up others."""

    def put(self, orders: Sequence[Order], *, leisure: bool) -> None:
        """Hand over orders, no more than there is room for."""

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """What has come back within that time. No reply: whoever had the order was lost."""

    def close(self) -> None:
        """Drop what is in hand, and end."""


@dataclass(slots=True)
class _Lane:
    process: Popen[bytes]
    connection: Connection
    order: Order | None = None
    since: float = 0.0


class Lanes:
    """A crew of processes on this machine.

    Parameters
    ----------
    settings : Settings
    lanes : int
        How many submissions are graded at a time, besides one that is overdue. They start
        with the first orders: where there are none, nothing starts.
    """

    def __init__(self, settings: Settings, lanes: int) -> None:
        self._settings = settings
        self._most = lanes
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._slow: list[_Lane] = []
        self._lanes: list[_Lane] = []

    def room(self, *, leisure: bool) -> int:
        """See `Crew`."""
        lanes, most = (self._slow, 1) if leisure else (self._lanes, self._most)
        return most - len([lane for lane in lanes if lane.order is not None])

    def put(self, orders: Sequence[Order], *, leisure: bool) -> None:
        """See `Crew`."""
        lanes, niceness = (self._slow, AT_LEISURE) if leisure else (self._lanes, 0)
        for order in orders:
            lane = next((lane for lane in lanes if lane.order is None), None)
            if lane is None:
                lane = self._start(niceness)
                lanes.append(lane)
            lane.order, lane.since = order, time.monotonic()
            # A lane that is gone is noticed when there is no answer.
            with contextlib.suppress(OSError):
                lane.connection.send_bytes(msgspec.msgpack.encode(order))

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """See `Crew`."""
        busy = [lane for lane in self._all() if lane.order is not None]
        ready = wait([lane.connection for lane in busy], seconds)
        taken: list[tuple[Order, Reply | None]] = []
        for lane in busy:
            if lane.connection in ready:
                taken.append((self._done(lane), self._answer(lane)))
            elif time.monotonic() - lane.since > PATIENCE:
                order = self._done(lane)
                taken.append((order, Reply(_given_up(order))))
                self._replace(lane)
        return taken

    def _answer(self, lane: _Lane) -> Reply | None:
        try:
            return self._decoder.decode(lane.connection.recv_bytes())
        except (EOFError, OSError):
            self._replace(lane)
            return None

    def _done(self, lane: _Lane) -> Order:
        order, lane.order = lane.order, None
        if order is None:  # pragma: no cover
            raise RuntimeError
        return order

    def _start(self, niceness: int) -> _Lane:
        started = start(main, self._settings, niceness)
        return _Lane(started.process, started.connection)

    def _replace(self, lane: _Lane) -> None:
        """Put a new process in the place of one that is lost."""
        lane.connection.close()
        _end(lane.process, time.monotonic() + GRACE)
        fresh = self._start(AT_LEISURE if lane in self._slow else 0)
        lane.process, lane.connection = fresh.process, fresh.connection

    def _all(self) -> list[_Lane]:
        return [*self._lanes, *self._slow]

    def close(self) -> None:
        """See `Crew`."""
        for lane in self._all():
            lane.connection.close()
        until = time.monotonic() + GRACE
        for lane in self._all():
            if lane.order is None:
                _wait(lane.process, until)
            lane.process.terminate()
        for lane in self._all():
            _end(lane.process, time.monotonic() + GRACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _given_up(order: Order) -> Filed:
    """What is filed of a submission that a lane has not come to an end with, and never will."""
    parcel = order.parcel
    told = (
        f"gradkit's own process did not come to an end with this submission within {PATIENCE:g} "
        "seconds. Please report this; look at it yourself, and start the same command to have it "
        "tried again."
    )
    return Filed(parcel.name, parcel.path, parcel.digest, order.key, "failed", told)


def _end(process: Popen[bytes], until: float) -> None:
    """Have a lane end in good order, its workers stopped and folders removed, or else end it."""
    process.terminate()
    _wait(process, until)
    process.kill()
    process.wait()


def _wait(process: Popen[bytes], until: float) -> None:
    with contextlib.suppress(TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))
