"""Who is to be looked at, on a terminal or as a table for whoever does it."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gradkit.language import say, say_each
from gradkit.records.account import Look
from gradkit.render.escape import csv_cell
from gradkit.render.table import filled
from gradkit.text import clean_text


def show_review(looks: Sequence[Look], console: Console, where: str = "") -> None:
    """Print who is to be looked at, why, by whom, and with which command.

    Parameters
    ----------
    looks : sequence of Look
    console : Console
    where : str
        What the command needs to find the class, as words of a shell.
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
        (look.name, _why(look, ", "), *((look.assistant,) if split else ()), command(look, where))
        for look in looks
    )
    console.print(filled(heads, rows))


def to_csv(looks: Sequence[Look], where: str = "") -> str:
    """One row for each student, in UTF-8 with a header."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("student", "kind", "why", "assistant", "command"))
    for look in looks:
        cells = (look.name, look.reasons[0].kind, _why(look, "; "), look.assistant)
        writer.writerow([csv_cell(cell) for cell in (*cells, command(look, where))])
    return buffer.getvalue()


def command(look: Look, where: str = "") -> str:
    """What to type to see it."""
    name = shlex.quote(look.name)
    words = (where, "--", name) if look.name.startswith("-") else (name, where)
    return " ".join(filter(None, ("gradkit show", *words)))


def _why(look: Look, between: str) -> str:
    said = [reason.words for reason in look.reasons]
    return between.join([look.told, *said[1:]] if look.told else said)
