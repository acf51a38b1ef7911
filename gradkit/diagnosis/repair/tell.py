"""Describe a change that makes code right as a finding."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from difflib import unified_diff
from textwrap import dedent
from typing import Any

from gradkit.diagnosis.catalogue import kinds
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.records.result import Finding
from gradkit.records.submission import Cell
from gradkit.text import format_text


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
    """Return the finding for a change that is verified to make outputs right.

    Parameters
    ----------
    task, check : str
        Their ids.
    function : str
        The student's function that is changed.
    outputs : sequence of str
        The outputs that become right.
    proposal : Proposal
        The change.
    cell : Cell
        The cell that it changes.
    line : int
        The doubtful line, in the cell's own text.
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
    """Return the fields of a finding that show the doubtful line and its correction.

    ``source`` is the text of ``cell`` before the change, and ``at`` the line number that the
    finding shows. The fields are the line, the columns of its doubtful part, the new lines
    (``fix``), the diff, and ``adds``: for a pure insertion the number of the line that it follows,
    else None.
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


CONTEXT = 3
"""Unchanged lines that a diff shows above and below a change."""

UNENDED = "\n\\ No newline at end of file\n"
"""How a diff says that a file's last line has no newline, behind the text of that line."""


def diff_of(proposal: Proposal, source: str, cell: Cell) -> str:
    """Return a change of a cell's text as a unified diff that ``patch`` applies to its file.

    ``source`` is the text of ``cell`` before the change. Lines end as they do in the file. For a
    cell of a notebook, the diff is for the cell's source. Context is only shown if the cell is the
    whole file: ``patch`` takes a change with fewer lines of context below than above for one at the
    end of the file.
    """
    name = cell.file if cell.cell is None else f"{cell.file}, cell {cell.cell}"
    lines = source.split("\n")
    changed = [*lines[: proposal.first - 1], *proposal.lines, *lines[proposal.last :]]
    before, after = (_ended(text, cell) for text in (lines, changed))
    above = [cell.newline] * (cell.first_line - 1)
    context = CONTEXT if cell.is_whole else 0
    rows = unified_diff(above + before, above + after, name, name, n=context)
    return "".join(row if row.endswith("\n") else row + UNENDED for row in rows)


def _ended(lines: list[str], cell: Cell) -> list[str]:
    """Return lines with the newlines of their file.

    If the file ends in a newline, an empty last line is dropped; else the last line gets none.
    """
    if cell.has_last_newline:
        kept = lines[:-1] if lines[-1:] == [""] else lines
        return [line + cell.newline for line in kept]
    return [*(line + cell.newline for line in lines[:-1]), *lines[-1:]]
