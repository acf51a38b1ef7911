"""Say when there is no more time, and end what takes too long."""

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


class Clock:
    """Processor time of this thread, so many seconds from now.

    That of the process takes some systems longer to tell than a change takes.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def is_over(self) -> bool:
        """Tell whether the seconds are over."""
        return time.thread_time() > self._end


@contextlib.contextmanager
def alarmed() -> Iterator[None]:
    """Have `limit` raise, where the system can: once around all that is limited.

    It goes by processor time, as other processes may have that of the clock on the wall.
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


@contextlib.contextmanager
def limit(seconds: float = LATE) -> Iterator[None]:
    """Raise `LateError` in what takes too long."""
    if TIMED:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        if TIMED:
            signal.setitimer(signal.ITIMER_PROF, 0)
