"""Describe a change that makes code right as a finding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from difflib import unified_diff
from textwrap import dedent
from typing import Any

from gradkit.diagnosis.catalogue import kinds
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.formatting import format_text
from gradkit.records.result import Finding
from gradkit.records.submission import Cell


def finding_of(
    task: str,
    check: str,
    function: str,
    outputs: Sequence[str],
    proposal: Proposal,
    cell: Cell,
    line: int,
    source: str,
) -> Finding:
    """Return the finding for a change that was seen to make outputs right.

    Parameters
    ----------
    task, check : str
    function : str
        The student's function that is changed.
    outputs : sequence of str
        What it makes right.
    proposal : Proposal
    cell : Cell
    line : int
        The doubtful one, in the cell's own text.
    source : str
        The text of the cell before the change.
    """
    kind = kinds()[proposal.kind]
    # The kind's name in the search stays in the id when its code in the catalogue changes.
    text = "/".join((task, check, proposal.kind, function, *outputs))
    place = cell.place(line)
    return Finding(
        id=hashlib.sha256(text.encode()).hexdigest()[:10],
        check=check,
        mistake=kind.code,
        title=kind.title,
        entries=tuple(outputs),
        place=place,
        sentence=format_text(kind.sentence, function=function),
        hints=tuple(format_text(hint, function=function) for hint in kind.hints),
        **marked(proposal, source, cell, place.line),
    )


def marked(proposal: Proposal, source: str, cell: Cell, at: int) -> dict[str, Any]:
    """Return the parts of a finding that tell of the doubtful line, and of what mends it.

    ``at`` is the number that the line is told with.
    """
    line = source.split("\n")[proposal.line - 1]
    ends = min(proposal.end, len(line)) if proposal.until == proposal.line else len(line)
    # What is shown begins where the line's text does.
    indent = len(line) - len(line.lstrip())
    return {
        "source": line.strip(),
        "columns": (max(proposal.start - indent, 0), max(ends - indent, 0)),
        "fix": dedent("\n".join(proposal.lines)).strip("\n"),
        "adds": at + proposal.last - proposal.line if proposal.last < proposal.first else None,
        "diff": diff_of(proposal, source, cell),
    }


def diff_of(proposal: Proposal, source: str, cell: Cell) -> str:
    """Return a change of a cell's text as a unified diff, with the lines of its file."""
    name = cell.file if cell.cell is None else f"{cell.file}, cell {cell.cell}"
    above = [""] * (cell.first_line - 1)
    lines = source.split("\n")
    after = [*lines[: proposal.first - 1], *proposal.lines, *lines[proposal.last :]]
    # What stands behind the last line break is no line: `patch` would look for it in the file.
    if lines[-1:] == after[-1:] == [""]:
        lines, after = lines[:-1], after[:-1]
    # What is above a cell is another's: nothing is said of it.
    n = 0 if above else 3
    return "\n".join(unified_diff(above + lines, above + after, name, name, lineterm="", n=n))
