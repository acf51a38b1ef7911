"""Apply a unified diff to the text of a cell, as a reader of a finding would."""

from __future__ import annotations

import re

from gradkit.records.submission import Cell


def applied(diff: str, source: str, cell: Cell) -> str:
    """Return a cell's text with the change that a unified diff describes."""
    lines = source.split("\n")
    for hunk in reversed(re.split(r"^@@ -", diff, flags=re.MULTILINE)[1:]):
        head, *rows = hunk.split("\n")
        first, _, count = head.split(" ")[0].partition(",")
        # A hunk that takes out no lines names the line before them.
        start = int(first) - cell.first_line + (count == "0")
        rows = [row for row in rows if row]
        old = sum(row[0] in " -" for row in rows)
        lines[start : start + old] = [row[1:] for row in rows if row[0] in " +"]
    return "\n".join(lines)
