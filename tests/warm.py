"""Share the servers of workers between tests that would start the same server.

A test that grades one small submission spends most of its time on the start of an interpreter,
of numpy, or of torch. With shared servers, a run of tests starts each server once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gradkit.sandbox import WorkshopError
from gradkit.sandbox.workshop import Link, Method, Recipe, Slot, _slot


class Lent:
    """A slot that takes a server from the store, and returns it when its process has stopped."""

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

    def cpu_seconds(self) -> float | None:
        """See `Slot`."""
        return None if self._slot is None else self._slot.cpu_seconds()

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
        """Stop the running process, and return the server to the store."""
        self._closed = True
        self.stop()


class Store:
    """The idle servers, by the settings that they were started with."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Method, Recipe], list[Slot]] = {}
        self._owner = os.getpid()

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Let workshops that are opened in this context use the servers of this store."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradkit.sandbox.workshop._slot", self._lend)
            yield

    def _lend(self, method: Method, recipe: Recipe) -> Slot:
        # A fork of this process gets a new server: two processes must not share a socket.
        if os.getpid() != self._owner:
            return _slot(method, recipe)
        return Lent(self, method, recipe)

    def take(self, method: Method, recipe: Recipe) -> Slot:
        """Return an idle server with these settings, or a new one."""
        idle = self._idle.get((method, recipe))
        return idle.pop() if idle else _slot(method, recipe)

    def put(self, method: Method, recipe: Recipe, lane: Slot) -> None:
        """Add a server to the idle servers."""
        self._idle.setdefault((method, recipe), []).append(lane)

    def close(self) -> None:
        """Stop all idle servers."""
        for slots in self._idle.values():
            while slots:
                slots.pop().close()
