"""Show how far grading is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gradkit.records.classroom import Filed

EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


class Watcher(Progress):
    """A context manager that is told of each submission, and tells people.

    Parameters
    ----------
    console : Console
        On standard error.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._skipped = self._graded = 0

    def begin(self, total: int) -> None:
        """There are so many submissions."""
        self._total = total
        self._began = self._said = time.monotonic()
        self._bar = self.add_task("grading", total=total, rate="")

    def skip(self) -> None:
        """One is done and unchanged."""
        self._skipped += 1
        self.advance(self._bar)

    def step(self, filed: Filed) -> None:
        """One more has been graded."""
        self._graded += 1
        now = time.monotonic()
        passed = now - self._began
        rate = f"{self._graded / passed:.1f}/s" if passed else ""
        self.update(self._bar, advance=1, rate=rate)
        if self.disable and now - self._said >= EVERY:
            self._said = now
            done = self._graded + self._skipped
            eta = (self._total - done) * passed / self._graded
            said = f"{done} of {self._total} graded, {rate}, about {eta:.0f} s left"
            self.console.print(said, highlight=False)

    def warn(self, text: str) -> None:
        """Tell what a person should know first."""
        self.console.print(Text(f"gradkit: {text}"), soft_wrap=True)
