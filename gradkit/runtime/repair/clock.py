"""Say when there is no more time."""

from __future__ import annotations

import time


class Clock:
    """Processor time of this thread, so many seconds from now.

    That of the process takes some systems longer to tell than a change takes.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.thread_time() + seconds

    def is_over(self) -> bool:
        """Tell whether the seconds are over."""
        return time.thread_time() > self._end
