"""Texts with changes in them, and what is told of a change."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading.guards import guarded
from gradkit.records.submission import Cell
from gradkit.submission.definitions import Definition, definitions
from gradkit.submission.source import parse


class Told(Struct, frozen=True):
    """A change that makes outputs of a check right: in which function, and the text before it."""

    check: str
    function: str
    outputs: tuple[str, ...]
    proposal: Proposal
    cell: Cell
    line: int
    source: str


WHOLE, STEP = "wrong-expression", "missing-statement"
"""Kinds of changes: one of a line that is several, or none of another kind, and one that may be
instead of several."""

END = 100_000
"""A column behind whatever a line has."""


def joined(told: Sequence[Told]) -> list[Told]:
    """Return changes, those of a line that another one has made as one with that."""
    joined: list[Told] = []
    for each in told:
        new = each.proposal
        # None of what is put in behind the last line.
        made = tuple(each.source.split("\n")[new.first - 1 : new.first])
        for number, one in enumerate(joined):
            if one.cell is each.cell and one.proposal.lines == made and new.first == new.last:
                borrowed = new.reference if new.borrows else one.proposal.reference
                whole = replace(
                    one.proposal,
                    kind=WHOLE,
                    lines=new.lines,
                    start=0,
                    end=END,
                    reference=borrowed,
                )
                outputs = tuple(dict.fromkeys([*one.outputs, *each.outputs]))
                joined[number] = replace(one, outputs=outputs, proposal=whole)
                break
        else:
            joined.append(each)
    return joined


def with_guards(proposal: Proposal, source: str, guards: Mapping[str, str]) -> Proposal:
    """Return a change of a text without guards as one of the text that has them."""
    rows = source.split("\n")
    return replace(
        proposal,
        lines=tuple(guarded(each, guards) for each in proposal.lines),
        start=len(guarded(rows[proposal.line - 1][: proposal.start], guards)),
        end=len(guarded(rows[proposal.until - 1][: proposal.end], guards)),
    )


def without(changes: Sequence[Proposal], number: int) -> list[Proposal]:
    """Return changes, each of the text that the others before it left, without one of them.

    Those that another is made on top of go with it.
    """
    gone, kept = changes[number], [*changes[:number]]
    first, last = gone.first, gone.first + len(gone.lines) - 1
    more = len(gone.lines) - (gone.last - gone.first + 1)
    for each in changes[number + 1 :]:
        grown = len(each.lines) - (each.last - each.first + 1) if each.cell == gone.cell else 0
        if each.cell != gone.cell or each.last < first:
            kept.append(each)
            first, last = first + grown, last + grown
        elif each.first > last:
            start, end = each.first - more, each.last - more
            line, until = each.line - more, each.until - more
            kept.append(replace(each, first=start, last=end, line=line, until=until))
        else:
            first, last = min(first, each.first), max(last, each.last) + grown
            more += grown
    return kept


def replaced(source: str, proposal: Proposal) -> str | None:
    """Return a text with a change in it; None where that is no text of Python."""
    lines = source.split("\n")
    # What only puts lines in ends before it begins.
    ends = (proposal.first, proposal.last + 1), (proposal.line, proposal.until + 1)
    if any(not 1 <= first <= end <= len(lines) + 1 for first, end in ends):
        return None
    lines[proposal.first - 1 : proposal.last] = proposal.lines
    text = "\n".join(lines)
    return text if parse(text).tree is not None else None


def function_at(cell: Cell, line: int) -> Definition | None:
    """Return the function that a line of a cell stands in."""
    for each in definitions([cell]).values():
        node = each.node
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            return each
    return None
