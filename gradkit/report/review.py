"""Who is to be looked at, on a terminal or as a table for whoever does it."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gradkit.language import say, say_each
from gradkit.records.reports import Look
from gradkit.report.escape import csv_cell
from gradkit.report.table import filled
from gradkit.text import clean_text


def show_review(looks: Sequence[Look], console: Console, folder: Path) -> None:
    """Print who is to be looked at, why, by whom, and with which command.

    Parameters
    ----------
    looks : sequence of Look
    console : Console
    folder : Path
        Folder of the class.
    """
    if not looks:
        console.print(Text(say("Nobody has to be looked at.")))
        return
    count = Counter(look.assistant for look in looks)
    split = ", ".join(f"{name} {count[name]}" for name in sorted(count) if name)
    head = say_each(
        "{count} student to be looked at", "{count} students to be looked at", len(looks)
    ) + (f": {split}" if split else "")
    console.print(Text(clean_text(head), style="bold"))
    heads = (say("student"), say("why"), *((say("who"),) if split else ()), say("see"))
    rows = (
        (look.name, _why(look, ", "), *((look.assistant,) if split else ()), command(look, folder))
        for look in looks
    )
    console.print(filled(heads, rows))


def to_csv(looks: Sequence[Look], folder: Path) -> str:
    """One row for each student, in UTF-8 with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("student", "kind", "why", "assistant", "command"))
    for look in looks:
        cells = (look.name, look.reasons[0].kind, _why(look, "; "), look.assistant)
        writer.writerow([csv_cell(cell) for cell in (*cells, command(look, folder))])
    return buffer.getvalue()


def command(look: Look, folder: Path) -> str:
    """What to type to see it."""
    # What begins with a dash would be taken for an option.
    words = ["--"] if look.name.startswith("-") or str(folder).startswith("-") else []
    return shlex.join(["gradkit", "show", *words, str(folder), look.name])


def _why(look: Look, between: str) -> str:
    said = [reason.words for reason in look.reasons]
    return between.join([look.told, *said[1:]] if look.told else said)
