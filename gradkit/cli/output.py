"""Write results to a terminal, standard output, a file, or GitHub."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import click

from gradkit.cli.options import Refusal
from gradkit.report import FORMATS, refusal, render
from gradkit.text import clean_text
from gradkit.writing import refusing

if TYPE_CHECKING:
    from rich.console import Console

    from gradkit.records.result import Result


def write(
    results: Sequence[Result],
    refused: Sequence[str],
    hints: int,
    format_: str,
    out: Path | None,
    *,
    many: bool,
    one_hint: bool = False,
) -> None:
    """Write results in a format to a file or to standard output.

    If no submission has a result, formats that can report a refusal do so. Otherwise nothing is
    written for a single submission. The format ``github`` also appends to the files that GitHub
    names, see `leave`.

    Parameters
    ----------
    results : sequence of Result
        Results of the graded submissions. Text names files by the path that the user gave.
    refused : sequence of str
        Reasons why other submissions were not graded, one for each.
    hints : int
        The hint level.
    format_ : str
        A name in `FORMATS`, or ``text``.
    out : Path or None
        The file to write; None is standard output.
    many : bool
        Whether several submissions were given. Text on standard output is then an overview.
    one_hint : bool
        Text has one hint for each finding, and says how to get more.

    Raises
    ------
    Refusal
        A file cannot be written.
    """
    if format_ == "text" and out is None and many:
        from gradkit.report.text import show_overview

        print_shown(partial(show_overview, results, hints))
        return
    if format_ == "text":
        _write_text(results, hints, out, one_hint=one_hint)
        return
    text = refusal(format_, refused) if refused and not results else ""
    if not text and (results or many):
        text = render(format_, results, hints, many=many)
    if not text:
        return
    if out is not None:
        to_file(text.encode(), out)
    else:
        print_text(text, sys.stdout.encoding if FORMATS[format_].for_people else "utf-8")
    if format_ == "github":
        with refusing(Refusal):
            leave(results, refused, hints)


def _write_text(results: Sequence[Result], hints: int, out: Path | None, *, one_hint: bool) -> None:
    """Write mark sheets to the file ``out``, or else to the terminal or standard output.

    ``hints`` is the hint level. With ``one_hint``, only the first useful hint of each finding is
    written. Without results, no file and no standard output is written; a terminal may get an empty
    sheet.

    Raises
    ------
    Refusal
        The file cannot be written.
    """
    from gradkit.report.text import show, to_text
    from gradkit.report.words import locate

    located = [locate(result) for result in results]
    if out is None and _is_terminal():
        show(located, hints, console(), one_hint=one_hint)
    elif located:
        text = to_text(located, hints, one_hint=one_hint)
        if out is not None:
            to_file(text.encode(), out)
        else:
            print_text(text, sys.stdout.encoding)


def print_wrapped(sentence: str) -> None:
    """Print a sentence to standard output; on a terminal no word is broken at the margin."""
    from rich.text import Text

    print_shown(lambda console: console.print(Text(sentence)))


def print_shown(show: Callable[[Console], None]) -> None:
    """Print to standard output the text that ``show`` prints on the console given to it.

    On a terminal, ``show`` gets a console with colours. Otherwise the text is made as plain text
    for a log: lines are wrapped only at the width in ``COLUMNS`` or at `LOG_WIDTH`, and no line
    looks like a command to the build server that reads the log.
    """
    from gradkit.report.data import log_text
    from gradkit.report.text import printed

    if _is_terminal():
        show(console())
    else:
        width = int(os.environ.get("COLUMNS", LOG_WIDTH))
        print_text(log_text(printed(show, width)), sys.stdout.encoding)


def _is_terminal() -> bool:
    """Return whether standard output shows colours and every Unicode character."""
    return sys.stdout.isatty() and sys.stdout.encoding.lower().replace("-", "").startswith("utf")


def tell(sentences: Sequence[str], most: int = 10) -> None:
    """Print the first ``most`` sentences to standard error, then how many more there are."""
    for sentence in sentences[:most]:
        click.echo(f"gradkit: {sentence}", err=True)
    if len(sentences) > most:
        click.echo(f"gradkit: and {len(sentences) - most} more.", err=True)


LOG_WIDTH = 2_000
"""Characters in a line of a log; no line of a table is that long."""


def console(*, stderr: bool = False) -> Console:
    """Return a console of rich for tables and pages."""
    from rich.console import Console

    console = Console(stderr=stderr)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        # Lines of a log are not wrapped, so that commands in it can be copied.
        console.width = LOG_WIDTH
    return console


def to_stdout(data: bytes) -> None:
    """Write bytes to standard output unchanged: no line ending or encoding is converted."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def to_file(data: bytes, out: Path) -> None:
    """Write bytes into a file.

    Raises
    ------
    Refusal
        The file cannot be written.
    """
    with refusing(Refusal, out):
        out.write_bytes(data)


def print_text(text: str, encoding: str) -> None:
    """Write a text to standard output, spelled with the characters of the encoding."""
    from gradkit.text import spell

    to_stdout(spell(text, encoding).encode(encoding, "replace"))


SUMMARY_BYTES = 1 << 20
"""Largest summary of a step: GitHub does not show a larger one at all."""


def leave(
    results: Sequence[Result],
    refused: Sequence[str],
    hints: int,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Append a Markdown summary, and for one submission also the result for GitHub Classroom.

    Parameters
    ----------
    results : sequence of Result
    refused : sequence of str
        Reasons why other submissions could not be graded, one for each.
    hints : int
    environment : mapping of str to str
        ``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT`` are the paths of the files. Without these
        variables, as outside of GitHub, nothing is written.

    Raises
    ------
    OSError
        One of these files cannot be written.
    """
    from gradkit.report import classroom, markdown

    if path := environment.get("GITHUB_STEP_SUMMARY"):
        file = Path(path)
        room = SUMMARY_BYTES - (file.stat().st_size if file.exists() else 0)
        reasons = markdown.refusal(refused)
        if len(reasons.encode()) > room // 2:
            reasons = f"{len(refused)} could not be graded: the log says why.\n"
        _append(file, markdown.summary(results, hints, room - len(reasons.encode())) + reasons)
    if (path := environment.get("GITHUB_OUTPUT")) and len(results) + len(refused) == 1:
        line = (
            classroom.render(results, hints, many=False) if results else classroom.refusal(refused)
        )
        _append(Path(path), line)


def _append(file: Path, text: str) -> None:
    """Append a text to a file in UTF-8, without converting line ends."""
    with file.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


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
        """Prepare a progress line for ``count`` submissions, by default on standard error."""
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
        """Replace the line by a text, cut to half of the terminal's width.

        A wrapped line could not be erased. Nothing is written if the stream is not a terminal.
        """
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
