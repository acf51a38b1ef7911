"""Where results go: a terminal, standard output in the characters it has, a file, GitHub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.refusal import Refusal
from gradkit.report.formats import FORMATS, refusal, render

if TYPE_CHECKING:
    from gradkit.records.result import Result


def write(
    results: Sequence[Result],
    refused: Sequence[str],
    hints: int,
    format_: str,
    out: Path | None,
    *,
    many: bool,
) -> None:
    """Write results in that format; ``refused`` says why others could not be graded.

    Raises
    ------
    Refusal
        A file cannot be written.
    """
    if format_ == "text":
        _text(results, hints, out)
        return
    text = refusal(format_, refused) if refused and not results else ""
    if not text and (results or many):
        text = render(format_, results, hints, many=many)
    if not text:
        return
    if out is not None:
        to_file(text.encode(), out)
    else:
        _to_stdout(text, sys.stdout.encoding if FORMATS[format_].for_people else "utf-8")
    if format_ == "github":
        from gradkit.cli.actions import leave

        try:
            leave(results, refused, hints)
        except OSError as error:
            raise Refusal(f"{error.filename}: cannot be written ({error.strerror}).") from None


def _text(results: Sequence[Result], hints: int, out: Path | None) -> None:
    if not results:
        return
    from gradkit.report.text import is_unicode, show, to_text

    if out is not None:
        to_file(to_text(results, hints).encode(), out)
    elif sys.stdout.isatty() and is_unicode(sys.stdout.encoding):
        from rich.console import Console

        show(results, hints, Console())
    else:
        encoding = sys.stdout.encoding
        _to_stdout(to_text(results, hints, encoding=encoding), encoding)


def tell(sentences: Sequence[str], most: int = 10) -> None:
    """Print sentences on standard error, and count those past the first few."""
    for sentence in sentences[:most]:
        click.echo(f"gradkit: {sentence}", err=True)
    if len(sentences) > most:
        click.echo(f"gradkit: and {len(sentences) - most} more.", err=True)


def to_stdout(data: bytes) -> None:
    """Write bytes to standard output, so that no line ending or encoding comes in between."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def to_file(data: bytes, out: Path) -> None:
    """Write bytes into a file.

    Raises
    ------
    Refusal
        It cannot be written.
    """
    try:
        out.write_bytes(data)
    except OSError as error:
        raise Refusal(f"{out}: cannot be written ({error.strerror}).") from None


def _to_stdout(text: str, encoding: str) -> None:
    from gradkit.text import spell

    to_stdout(spell(text, encoding).encode(encoding, "replace"))
