"""What was given back and who was left out, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from gradkit.records.feedback import Given, Left
from gradkit.render.table import filled
from gradkit.text import clean_text

NAMES = 10
"""Students who are named in a line; the rest are counted."""


def show_left(left: Sequence[Left], console: Console) -> None:
    """Print who is left out of what, with the reason; nothing where nobody is."""
    if not left:
        return
    rows = ((each.student, each.what, each.why) for each in left)
    console.print(filled(("left out", "of", "why"), rows))


def said(given: Given, *, write: bool) -> list[str]:
    """Counts, paths, and what has to be known before anything is uploaded."""
    verb = "written" if write else "would be written"
    lines = []
    if given.pages:
        plural = "s" * (given.pages != 1)
        lines.append(f"{given.pages} page{plural} {verb}, {given.new} of them new or changed.")
    if given.filled:
        plural = "s" * (given.filled != 1)
        lines.append(f"{given.filled} row{plural} {'filled' if write else 'would be filled'}.")
    lines += [clean_text(note) for note in given.notes]
    if given.absent:
        names = ", ".join(clean_text(name) for name in given.absent[:NAMES])
        more = f" and {len(given.absent) - NAMES} more" if len(given.absent) > NAMES else ""
        lines.append(
            f"{len(given.absent)} of the roster handed nothing in, and stay as they are: "
            f"{names}{more}."
        )
    return lines
