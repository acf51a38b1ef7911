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
from gradkit.sandbox.workshop import Launcher, Link, Method, Recipe, _launcher


class Lent:
    """A launcher that borrows another from the store until its process has stopped."""

    def __init__(self, store: Store, method: Method, recipe: Recipe) -> None:
        self._store, self._method, self._recipe = store, method, recipe
        self._launcher: Launcher | None = None
        self._closed = False

    def start(self) -> Link:
        """See `Launcher`."""
        if self._closed:
            raise WorkshopError("the workshop has been closed, it starts no more processes")
        self._launcher = self._store.take(self._method, self._recipe)
        return self._launcher.start()

    def ended(self) -> bool:
        """See `Launcher`."""
        return self._launcher is None or self._launcher.ended()

    def cpu_seconds(self) -> float | None:
        """See `Launcher`."""
        return None if self._launcher is None else self._launcher.cpu_seconds()

    def stop(self) -> int | None:
        """See `Launcher`."""
        if self._launcher is None:
            return None
        lane, self._launcher = self._launcher, None
        code = lane.stop()
        self._store.put(self._method, self._recipe, lane)
        return code

    def complaint(self) -> str:
        """See `Launcher`."""
        return "it said nothing" if self._launcher is None else self._launcher.complaint()

    def close(self) -> None:
        """Stop the running process, and return the server to the store."""
        self._closed = True
        self.stop()


class Store:
    """The idle servers, by the settings that they were started with."""

    def __init__(self) -> None:
        self._idle: dict[tuple[Method, Recipe], list[Launcher]] = {}
        self._owner = os.getpid()

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Let workshops that are opened in this context use the servers of this store."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradkit.sandbox.workshop._launcher", self._lend)
            yield

    def _lend(self, method: Method, recipe: Recipe) -> Launcher:
        # A fork of this process gets a new server: two processes must not share a socket.
        if os.getpid() != self._owner:
            return _launcher(method, recipe)
        return Lent(self, method, recipe)

    def take(self, method: Method, recipe: Recipe) -> Launcher:
        """Return an idle server with these settings, or a new one."""
        idle = self._idle.get((method, recipe))
        return idle.pop() if idle else _launcher(method, recipe)

    def put(self, method: Method, recipe: Recipe, lane: Launcher) -> None:
        """Add a server to the idle servers."""
        self._idle.setdefault((method, recipe), []).append(lane)

    def close(self) -> None:
        """Stop all idle servers."""
        for launchers in self._idle.values():
            while launchers:
                launchers.pop().close()
