"""What was given back and who was left out, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from gradkit.language import say, say_each
from gradkit.records.feedback import Given, Left
from gradkit.report.table import filled
from gradkit.text import clean_text

NAMES = 10
"""Students who are named in a line; the rest are counted."""


def show_left(left: Sequence[Left], console: Console) -> None:
    """Print who is left out of what, with the reason; nothing where nobody is."""
    if not left:
        return
    rows = ((each.student, each.what, each.why) for each in left)
    console.print(filled((say("left out"), say("of"), say("why")), rows))


def said(given: Given, *, write: bool) -> list[str]:
    """Counts, paths, and what has to be known before anything is uploaded."""
    lines = []
    if given.pages:
        pages = say_each("{count} page", "{count} pages", given.pages)
        said = (
            say("{pages} written, {new} of them new or changed.", pages=pages, new=given.new)
            if write
            else say(
                "{pages} would be written, {new} of them new or changed.",
                pages=pages,
                new=given.new,
            )
        )
        lines.append(said)
    if given.filled:
        rows = say_each("{count} row", "{count} rows", given.filled)
        lines.append(
            say("{rows} filled.", rows=rows) if write else say("{rows} would be filled.", rows=rows)
        )
    lines += [clean_text(note) for note in given.notes]
    if given.absent:
        names = ", ".join(clean_text(name) for name in given.absent[:NAMES])
        more = (
            say(" and {count} more", count=len(given.absent) - NAMES)
            if len(given.absent) > NAMES
            else ""
        )
        lines.append(
            say(
                "{count} of the roster handed nothing in, and stay as they are: {names}{more}.",
                count=len(given.absent),
                names=names,
                more=more,
            )
        )
    return lines
