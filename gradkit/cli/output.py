"""Where results go: a terminal, standard output in the characters it has, a file, GitHub."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradkit.cli.refusal import Refusal
from gradkit.render.formats import SPOKEN, refuser, renderer

if TYPE_CHECKING:
    from gradkit.records.result import Result


def write(
    results: Sequence[Result],
    refused: Sequence[str],
    hints: int,
    format_: str,
    output: Path | None,
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
        _text(results, hints, output)
        return
    refuse = refuser(format_)
    if refused and not results and refuse is not None:
        text = refuse(refused)
    elif results or many:
        text = renderer(format_)(results, hints, many=many)
    else:
        return
    if output is not None:
        _to_file(text, output)
    else:
        _to_stdout(text, sys.stdout.encoding if format_ in SPOKEN else "utf-8")
    if format_ == "github":
        from gradkit.cli.actions import leave

        try:
            leave(results, refused, hints)
        except OSError as error:
            raise Refusal(f"{error.filename}: cannot be written ({error.strerror}).") from None


def _text(results: Sequence[Result], hints: int, output: Path | None) -> None:
    if not results:
        return
    from gradkit.render.text import is_unicode, show, to_text

    if output is not None:
        _to_file(to_text(results, hints), output)
    elif sys.stdout.isatty() and is_unicode(sys.stdout.encoding):
        from rich.console import Console

        show(results, hints, Console())
    else:
        encoding = sys.stdout.encoding
        _to_stdout(to_text(results, hints, encoding=encoding), encoding)


def _to_stdout(text: str, encoding: str) -> None:
    from gradkit.text import spell

    # Bytes, so that no line ending or second encoding comes in between.
    sys.stdout.buffer.write(spell(text, encoding).encode(encoding, "replace"))
    sys.stdout.flush()


def _to_file(text: str, output: Path) -> None:
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"{output}: cannot be written ({error.strerror}).") from None
