"""Grade in processes: one worker for each core, and a slow one for what holds up the others."""

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

SLOW_NICENESS = 19
"""Niceness of the slow worker: its endless loops leave the cores to the others."""

PATIENCE = 600.0
"""Seconds after which a worker that has not answered is given up. Deadlines end long before."""

GRACE = 5.0
"""Seconds that workers are given to end of their own accord."""


class WorkerPool(Protocol):
    """Takes orders and gives replies, on this machine or elsewhere."""

    def capacity(self, *, slow: bool) -> int:
        """Count the orders that it takes now; ``slow``: of those that must not hold up others."""

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """Hand over orders, no more than there is room for."""

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """Return what has come back within that time; no reply where the worker was lost."""

    def close(self) -> None:
        """Drop what is in hand, and end."""


@dataclass(slots=True)
class _Worker:
    process: Popen[bytes]
    connection: Connection
    order: Order | None = None
    since: float = 0.0


class LocalPool:
    """A pool of processes on this machine.

    Parameters
    ----------
    settings : Settings
    workers : int
        How many submissions are graded at a time, besides one that is overdue. They start
        with the first orders: where there are none, nothing starts.
    """

    def __init__(self, settings: Settings, workers: int) -> None:
        self._settings = settings
        self._most = workers
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._slow: list[_Worker] = []
        self._workers: list[_Worker] = []

    def capacity(self, *, slow: bool) -> int:
        """See `WorkerPool`."""
        workers, most = (self._slow, 1) if slow else (self._workers, self._most)
        return most - len([worker for worker in workers if worker.order is not None])

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """See `WorkerPool`."""
        workers, niceness = (self._slow, SLOW_NICENESS) if slow else (self._workers, 0)
        for order in orders:
            worker = next((worker for worker in workers if worker.order is None), None)
            if worker is None:
                worker = self._start(niceness)
                workers.append(worker)
            worker.order, worker.since = order, time.monotonic()
            # A worker that is gone is noticed when there is no answer.
            with contextlib.suppress(OSError):
                worker.connection.send_bytes(msgspec.msgpack.encode(order))

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """See `WorkerPool`."""
        busy = [worker for worker in self._all() if worker.order is not None]
        ready = wait([worker.connection for worker in busy], seconds)
        taken: list[tuple[Order, Reply | None]] = []
        for worker in busy:
            if worker.connection in ready:
                taken.append((self._done(worker), self._answer(worker)))
            elif time.monotonic() - worker.since > PATIENCE:
                order = self._done(worker)
                taken.append((order, Reply(_given_up(order))))
                self._replace(worker)
        return taken

    def _answer(self, worker: _Worker) -> Reply | None:
        try:
            return self._decoder.decode(worker.connection.recv_bytes())
        except (EOFError, OSError):
            self._replace(worker)
            return None

    def _done(self, worker: _Worker) -> Order:
        order, worker.order = worker.order, None
        if order is None:  # pragma: no cover
            raise RuntimeError
        return order

    def _start(self, niceness: int) -> _Worker:
        started = start(main, self._settings, niceness)
        return _Worker(started.process, started.connection)

    def _replace(self, worker: _Worker) -> None:
        """Put a new process in the place of one that is lost."""
        worker.connection.close()
        _end(worker.process, time.monotonic() + GRACE)
        fresh = self._start(SLOW_NICENESS if worker in self._slow else 0)
        worker.process, worker.connection = fresh.process, fresh.connection

    def _all(self) -> list[_Worker]:
        return [*self._workers, *self._slow]

    def close(self) -> None:
        """See `WorkerPool`."""
        for worker in self._all():
            worker.connection.close()
        until = time.monotonic() + GRACE
        for worker in self._all():
            if worker.order is None:
                _wait(worker.process, until)
            worker.process.terminate()
        for worker in self._all():
            _end(worker.process, time.monotonic() + GRACE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _given_up(order: Order) -> Filed:
    """Return the result of a submission that a worker has not come to an end with."""
    parcel = order.parcel
    told = (
        f"gradkit's own process did not come to an end with this submission within {PATIENCE:g} "
        "seconds. Please report this; look at it yourself, and start the same command to have it "
        "tried again."
    )
    return Filed(parcel.name, parcel.path, parcel.digest, order.key, "failed", told)


def _end(process: Popen[bytes], until: float) -> None:
    """Have a worker end in good order, its workers stopped and folders removed, or else end it."""
    process.terminate()
    _wait(process, until)
    process.kill()
    process.wait()


def _wait(process: Popen[bytes], until: float) -> None:
    with contextlib.suppress(TimeoutExpired):
        process.wait(max(0.0, until - time.monotonic()))
