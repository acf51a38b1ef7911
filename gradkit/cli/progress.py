"""Show on a terminal which submission is being checked, until the report is printed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from gradkit.text import clean_text


class Progress:
    """A context manager that shows a progress line on standard error, and erases it at the end.

    Nothing is written unless standard error is a terminal, so that logs do not contain the line.

    Parameters
    ----------
    count : int
        Number of submissions. If there are several, the line shows the present one's number.
    stream : text stream, optional
        Stream to write to, by default standard error.
    """

    def __init__(self, count: int, stream: TextIO | None = None) -> None:
        self._count = count
        self._stream = sys.stderr if stream is None else stream
        self._is_shown = self._stream.isatty()
        self._number = 0
        self._width = 0

    def __enter__(self) -> Self:
        """Show that the check has begun."""
        self.show("Starting the check ...")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Erase the line."""
        self.clear()

    def begin(self, path: Path) -> None:
        """Show the name and number of the submission that is being checked."""
        self._number = self._number % self._count + 1
        number = f" ({self._number} of {self._count})" if self._count > 1 else ""
        self.show(f"Checking {clean_text(path.name or str(path))}{number} ...")

    def show(self, text: str) -> None:
        """Replace the line, cut to the terminal's width, since a wrapped line is not erased."""
        if self._is_shown:
            self.clear()
            text = text[: shutil.get_terminal_size().columns // 2 - 1]
            self._stream.write(text)
            self._stream.flush()
            # Each character may be two columns wide.
            self._width = 2 * len(text)

    def clear(self) -> None:
        """Erase the line."""
        if self._is_shown and self._width:
            self._stream.write(f"\r{' ' * self._width}\r")
            self._stream.flush()
            self._width = 0
