"""Apply changes to the text of a submission, and combine several changes of the same text."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading.guards import guarded
from gradkit.records.submission import Cell
from gradkit.submission.definitions import Definition, definitions
from gradkit.submission.source import parse


class Repair(Struct, frozen=True):
    """A change of ``function`` that makes some ``outputs`` of a check right.

    ``line`` is the changed line of ``cell``, and ``source`` the text of the cell before the change.
    """

    check: str
    function: str
    outputs: tuple[str, ...]
    proposal: Proposal
    cell: Cell
    line: int
    source: str


WHOLE = "wrong-expression"
"""Code of a change that replaces a whole line, because no smaller change has a name."""

STEP = "missing-statement"
"""Code of a change that inserts a statement."""

LAST_COLUMN = 100_000
"""A column, in characters, after the end of every line."""

WRITTEN_ANEW: Mapping[str, Any] = {"kind": WHOLE, "start": 0, "end": LAST_COLUMN}
"""The fields of a change that replaces a whole line."""


def merge_repairs(repairs: Sequence[Repair]) -> list[Repair]:
    """Merge changes of the same line: a later change of a line that an earlier change wrote.

    Parameters
    ----------
    repairs : sequence of Repair
        Changes in the order in which they are made. Each is a change of the text that the changes
        before it left.

    Returns
    -------
    list of Repair
        The changes that are left. A merged change replaces the whole line, or still inserts it,
        and makes the outputs of both changes right.
    """
    merged: list[Repair] = []
    for later in repairs:
        change = later.proposal
        # A change that only inserts lines replaces none, so that this is empty.
        replaced_lines = tuple(later.source.split("\n")[change.first - 1 : change.first])
        for number, earlier in enumerate(merged):
            if (
                earlier.cell is later.cell
                and earlier.proposal.lines == replaced_lines
                and change.first == change.last
            ):
                # A statement that is put in is no line of the student's: it is only missing.
                whole = {} if earlier.proposal.kind == STEP else WRITTEN_ANEW
                both = replace(
                    earlier.proposal,
                    **whole,
                    lines=change.lines,
                    reference=change.reference if change.borrows else earlier.proposal.reference,
                )
                outputs = tuple(dict.fromkeys([*earlier.outputs, *later.outputs]))
                merged[number] = replace(earlier, outputs=outputs, proposal=both)
                break
        else:
            merged.append(later)
    return merged


def with_guards(proposal: Proposal, source: str, guards: Mapping[str, str]) -> Proposal:
    """Translate a change of a text without guards into a change of the text with its guards.

    Guards are small constants such as ``1e-8``.

    Parameters
    ----------
    proposal : Proposal
        A change of ``source``.
    source : str
        The text that `gradkit.grading.guards.unguarded` returned.
    guards : mapping of str to str
        The guards that it took out, by their placeholders.
    """
    lines = source.split("\n")
    return replace(
        proposal,
        lines=tuple(guarded(line, guards) for line in proposal.lines),
        start=len(guarded(lines[proposal.line - 1][: proposal.start], guards)),
        end=len(guarded(lines[proposal.until - 1][: proposal.end], guards)),
    )


def without(changes: Sequence[Proposal], number: int) -> list[Proposal]:
    """Return changes without the one at index ``number``, with the later lines renumbered.

    Each change is a change of the text that the changes before it left. Later changes of lines that
    the removed change wrote are removed too.
    """
    removed, kept = changes[number], [*changes[:number]]
    # The lines that removed changes wrote, and how many more lines they are than before.
    first, last = removed.first, removed.first + len(removed.lines) - 1
    added = _added_lines(removed)
    for change in changes[number + 1 :]:
        grown = _added_lines(change) if change.cell == removed.cell else 0
        if change.cell != removed.cell or change.last < first:
            kept.append(change)
            first, last = first + grown, last + grown
        elif change.first > last:
            moved = {
                name: getattr(change, name) - added for name in ("first", "last", "line", "until")
            }
            kept.append(replace(change, **moved))
        else:
            first, last = min(first, change.first), max(last, change.last) + grown
            added += grown
    return kept


def _added_lines(change: Proposal) -> int:
    """Return how many more lines the text has after a change than before."""
    return len(change.lines) - (change.last - change.first + 1)


def replaced(source: str, proposal: Proposal) -> str | None:
    """Return the text ``source`` with the change ``proposal`` made; None if that is impossible.

    It is impossible if the lines do not exist, or if the result is not valid Python.
    """
    lines = source.split("\n")
    # A change that only inserts lines has a last line before its first.
    ranges = (proposal.first, proposal.last + 1), (proposal.line, proposal.until + 1)
    if any(not 1 <= first <= end <= len(lines) + 1 for first, end in ranges):
        return None
    lines[proposal.first - 1 : proposal.last] = proposal.lines
    text = "\n".join(lines)
    return text if parse(text).tree is not None else None


def function_at(cell: Cell, line: int) -> Definition | None:
    """Return the first function or method of a cell that contains a line, or None."""
    for definition in definitions([cell]).values():
        node = definition.node
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            return definition
    return None
