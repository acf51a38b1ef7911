"""Count what a search does, and end what takes too long."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator

TIMED = hasattr(signal, "setitimer")

LATE = 1.0
"""Seconds after which a run of changed text is given up: it may never end."""


class LateError(BaseException):
    """A run took too long. No ``except Exception`` of a student's catches it."""


RUN, SLOTS, ENDLESS = 16, 32, 30_000
"""What a run of the text costs, in values, besides one for so many slots that it comes through
unless it raises; and what one costs that is given up after `LATE`."""

SLOW = 90e-6
"""Seconds of processor time that a value takes at most; it is 30 µs on a computer of 2024."""


class Budget:
    """The work that a search may do, in units, so that it finds the same on every computer.

    Parameters
    ----------
    values : int
        The number of units. A unit is the evaluation of one expression; other work, such as a run,
        costs a number of units. If a unit takes longer than `SLOW`, as with large arrays, the
        processor time of this thread ends the search. (Some systems take longer to tell the
        processor time of the process than a change takes.)
    """

    def __init__(self, values: int) -> None:
        self._values = self.left = values
        self._end = time.thread_time() + values * SLOW
        self._until = time.monotonic() + values * SLOW

    def spend(self, values: int) -> None:
        """Subtract a number of units from the budget."""
        self.left -= values

    def is_over(self) -> bool:
        """Return whether the budget, or the processor time that belongs to it, is used up.

        Reading the processor time is slow on some systems, so it is read only when enough time has
        passed on the wall clock.
        """
        if self.left > 0 and time.monotonic() < self._until:
            return False
        left = self._end - time.thread_time()
        self._until = time.monotonic() + left
        return self.left <= 0 or left < 0

    @property
    def spent(self) -> int:
        """The number of units that were spent so far, at most the whole budget."""
        return self._values - max(0, self.left)


@contextlib.contextmanager
def alarmed() -> Iterator[None]:
    """Return a context manager that sets a handler for `limit`, which raises `LateError`.

    On systems without a timer of processor time nothing is limited. The former handler is restored.
    """
    if not TIMED:
        yield
        return

    def late(*_: object) -> None:
        raise LateError

    before = signal.signal(signal.SIGPROF, late)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


class limit:  # noqa: N801  (a context manager, and made too often for one of a generator)
    """A context manager that raises `LateError` if its block takes too long.

    Parameters
    ----------
    seconds : float
        The processor time that the block may take.
    """

    def __init__(self, seconds: float = LATE) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if TIMED:
            signal.setitimer(signal.ITIMER_PROF, self._seconds)

    def __exit__(self, *_: object) -> None:
        if TIMED:
            signal.setitimer(signal.ITIMER_PROF, 0)
