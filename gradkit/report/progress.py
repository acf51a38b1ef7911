"""Show how far grading is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gradkit.records.classroom import Filed

EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


class Watcher:
    """A context manager that is told of each submission, and tells people.

    Parameters
    ----------
    console : Console
        On standard error.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = console.is_terminal
        self._progress = Progress(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not self._live,
            transient=True,
        )
        self._total = self._skipped = self._done = 0
        self._started = self._said = time.monotonic()

    def begin(self, total: int) -> None:
        """There are so many submissions."""
        self._total = total
        self._started = self._said = time.monotonic()
        self._bar = self._progress.add_task("grading", total=total, rate="")

    def skip(self) -> None:
        """One is done and unchanged."""
        self._skipped += 1
        self._progress.update(self._bar, completed=self._done + self._skipped)

    def step(self, filed: Filed) -> None:
        """One more has been graded."""
        self._done += 1
        passed = time.monotonic() - self._started
        rate = f"{self._done / passed:.1f}/s" if passed else ""
        self._progress.update(self._bar, completed=self._done + self._skipped, rate=rate)
        if not self._live and time.monotonic() - self._said >= EVERY:
            self._said = time.monotonic()
            left = self._total - self._done - self._skipped
            eta = left * passed / self._done
            self._console.print(
                f"{self._done + self._skipped} of {self._total} graded, {rate}, "
                f"about {eta:.0f} s left",
                highlight=False,
            )

    def warn(self, text: str) -> None:
        """Tell what a person should know first."""
        self._console.print(Text(f"gradkit: {text}"), soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
