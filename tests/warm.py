"""Workers' servers that outlive a test, lent to the next one that would start the same.

Most of what a test costs that grades one small submission is the start of an interpreter, of
numpy, or of torch. A class that is graded has that once; so has a run of tests.
"""

from __future__ import annotations

import os
import socket

from gradkit.worker import WorkshopError
from gradkit.worker.interpreter import Recipe
from gradkit.worker.lane import Ending, Lane, Link
from gradkit.worker.workshop import Method, _lane

Kind = tuple[Method, Recipe]


class Lent:
    """A lane that is given back when it is closed, with nothing running in it."""

    def __init__(self, store: Store, kind: Kind, lane: Lane) -> None:
        self._store, self._kind, self._lane = store, kind, lane
        self._closed = False

    def start(self) -> Link:
        """See `Lane`."""
        if self._closed:
            raise WorkshopError("the workshop has been closed, it starts no more processes")
        return self._lane.start()

    def pulse(self) -> socket.socket | None:
        """See `Lane`."""
        return self._lane.pulse()

    def ended(self) -> bool:
        """See `Lane`."""
        return self._lane.ended()

    def stop(self) -> Ending | None:
        """See `Lane`."""
        return None if self._closed else self._lane.stop()

    def complaint(self) -> str:
        """See `Lane`."""
        return self._lane.complaint()

    def close(self) -> None:
        """Stop what runs; the lane is for whoever comes next."""
        if not self._closed:
            self._lane.stop()
            self._closed = True
            self._store.take_back(self._kind, self._lane)


class Store:
    """Lanes that nobody uses just now, each under all that it was started with."""

    def __init__(self) -> None:
        self._idle: dict[Kind, list[Lane]] = {}
        self._owner = os.getpid()

    def lend(self, method: Method, recipe: Recipe) -> Lane:
        """In the place of `gradkit.worker.workshop._lane`: one that is there, else a new one."""
        if os.getpid() != self._owner:  # a fork of ours, which shares no sockets with us
            return _lane(method, recipe)
        idle = self._idle.get((method, recipe))
        return Lent(self, (method, recipe), idle.pop() if idle else _lane(method, recipe))

    def take_back(self, kind: Kind, lane: Lane) -> None:
        """Keep it for the next."""
        self._idle.setdefault(kind, []).append(lane)

    def close(self) -> None:
        """Stop them all."""
        for lanes in self._idle.values():
            while lanes:
                lanes.pop().close()
