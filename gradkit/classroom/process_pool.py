"""Processes that share a piece of work, and end with the one that they help."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import Connection
from queue import SimpleQueue
from subprocess import PIPE, TimeoutExpired
from typing import Any, TypeVar

from gradkit.grading.settings import BreakdownError
from gradkit.processes import Started, ignore_interrupts, start

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 2
"""Items for each process that are taken before the first of them is given back."""

GRACE = 5.0
"""Seconds that processes are given to end of their own accord."""


class Helpers(contextlib.AbstractContextManager["Helpers"]):
    """So many processes; what they are given to do lies in modules that they can import.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        self._started: list[Started] = []
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        try:
            for _ in range(count):
                self._started.append(start(_serve, stdin=PIPE))
                self._idle.put(self._started[-1].connection)
        except BaseException:  # an interrupt: nobody has these processes yet, to close them
            self.close()
            raise

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Give what a function makes of each item, in the order of the items.

        A few are taken at a time: memory does not grow with their number.

        Raises
        ------
        BreakdownError
            A process was lost. What the function raises is raised here.
        """
        threads = ThreadPoolExecutor(len(self._started))
        ahead: deque[Future[R]] = deque()
        try:
            for item in items:
                ahead.append(threads.submit(self._ask, function, item))
                if len(ahead) == AHEAD * len(self._started):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, function: Callable[[T], R], item: T) -> R:
        """Have a process that is idle call the function."""
        connection = self._idle.get()
        try:
            connection.send((function, item))
            error, value = connection.recv()
        except (EOFError, OSError):
            raise BreakdownError(
                "A process of gradkit's own was lost; perhaps the machine had no memory left. "
                "Nothing was given up: start the same command again."
            ) from None
        self._idle.put(connection)
        if error is not None:
            raise error
        made: R = value
        return made

    def close(self) -> None:
        """Let each finish what it has in hand, and end."""
        for each in self._started:
            each.connection.close()
        for each in self._started:
            with contextlib.suppress(TimeoutExpired):
                each.process.wait(GRACE)
            each.process.kill()
            each.process.wait()
            if each.process.stdin is not None:
                each.process.stdin.close()

    def __exit__(self, *exception: object) -> None:
        self.close()


def map_chunks(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    size: int,
    workers: int,
) -> Iterator[R]:
    """Give what a function makes of each item, in the order of the items.

    Parameters
    ----------
    function : callable
        Of a module that can be imported.
    items : iterable
    size : int
        Items that go to a process at a time.
    workers : int
        Processes; where there is one, it is this one.
    """
    rest = iter(items)
    chunks = iter(lambda: list(islice(rest, size)), [])
    if workers == 1:
        yield from map(function, items)
        return
    with Helpers(workers) as helpers:
        yield from chain.from_iterable(helpers.map(partial(_each, function), chunks))


def _each(function: Callable[[T], R], items: list[T]) -> list[R]:
    return list(map(function, items))


def cores() -> int:
    """Count the processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _serve(connection: Connection) -> None:
    """Do what is asked for until nobody asks any more."""
    # An interrupt is the other process' business, which then wants no more of this one.
    ignore_interrupts()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, item = connection.recv()
            connection.send(_tried(function, item))


def _tried(function: Callable[[Any], object], item: object) -> tuple[Exception | None, object]:
    try:
        return None, function(item)
    except Exception as error:  # for whoever asked, who knows what it means
        return error, None


def _end_with_parent() -> None:
    """End as soon as the parent has ended, however it did, in the middle of work too."""
    with contextlib.suppress(OSError):
        os.read(0, 1)
    os._exit(1)
