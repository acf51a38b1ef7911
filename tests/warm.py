"""Workers' servers that outlive a test, lent to the next one that would start the same.

Most of what a test costs that grades one small submission is the start of an interpreter, of
numpy, or of torch. A class that is graded has that once; so has a run of tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gradkit.sandbox import WorkshopError
from gradkit.sandbox.slots import Link, Recipe, Slot
from gradkit.sandbox.workshop import Method, _slot


class Lent:
    """A lane that has a server for as long as a process of it runs, and then gives it back."""

    def __init__(self, store: Store, method: Method, recipe: Recipe) -> None:
        self._store, self._method, self._recipe = store, method, recipe
        self._slot: Slot | None = None
        self._closed = False

    def start(self) -> Link:
        """See `Slot`."""
        if self._closed:
            raise WorkshopError("the workshop has been closed, it starts no more processes")
        self._slot = self._store.take(self._method, self._recipe)
        return self._slot.start()

    def ended(self) -> bool:
        """See `Slot`."""
        return self._slot is None or self._slot.ended()

    def stop(self) -> int | None:
        """See `Slot`."""
        if self._slot is None:
            return None
        lane, self._slot = self._slot, None
        code = lane.stop()
        self._store.put(self._method, self._recipe, lane)
        return code

    def complaint(self) -> str:
        """See `Slot`."""
        return "it said nothing" if self._slot is None else self._slot.complaint()

    def close(self) -> None:
        """Stop what runs; the server is for whoever comes next."""
        self._closed = True
        self.stop()


class Store:
    """Servers that nobody uses just now, each under all that it was started with."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Method, Recipe], list[Slot]] = {}
        self._owner = os.getpid()

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Whoever opens a workshop meanwhile, in this process, is lent its servers."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradkit.sandbox.workshop._slot", self._lend)
            yield

    def _lend(self, method: Method, recipe: Recipe) -> Slot:
        # Not to a fork of this process: two would talk over one socket.
        if os.getpid() != self._owner:
            return _slot(method, recipe)
        return Lent(self, method, recipe)

    def take(self, method: Method, recipe: Recipe) -> Slot:
        """One that is there, else a new one."""
        idle = self._idle.get((method, recipe))
        return idle.pop() if idle else _slot(method, recipe)

    def put(self, method: Method, recipe: Recipe, lane: Slot) -> None:
        """Keep it for the next."""
        self._idle.setdefault((method, recipe), []).append(lane)

    def close(self) -> None:
        """Stop them all."""
        for slots in self._idle.values():
            while slots:
                slots.pop().close()
