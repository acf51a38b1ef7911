"""Ask the student's process for changes of its text that make a check right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.repair.solution import Inside
from gradkit.errors import contain_reported
from gradkit.lines import packed
from gradkit.records.submission import Place
from gradkit.records.task import Draw, FunctionCheck, Made
from gradkit.runtime.frames import Frame
from gradkit.runtime.repair.clock import SLOW
from gradkit.sandbox.observe import SEED, Step
from gradkit.sandbox.process import StudentProcess
from gradkit.text import clean_text

BUDGET, LEAST = 160_000, 1_500
"""What the searches for one task may do, and what one needs: see `runtime.repair.clock.Budget`."""


def patience(budget: int) -> float:
    """Return the deadline for code that is searched: a search ends by itself within a quarter."""
    return 4 * SLOW * budget


class SearchError(Exception):
    """A search ended with an exception, in the student's process; the text is what that said."""


class Wanted(Struct, frozen=True):
    """The changes that are looked for: ``most`` so many one after the other, first at ``near``.

    With ``only`` they are looked for nowhere else. ``budget`` is what all searches may do, see
    `gradkit.runtime.repair.clock.Budget`; only changes of some ``kinds`` are tried, or all where
    none are said. A search looks at ``hard`` inputs at once, or else where it finds nothing.
    """

    budget: int = BUDGET
    near: tuple[Place, ...] = ()
    only: bool = False
    kinds: frozenset[str] = frozenset()
    most: int = 5
    hard: bool = True


class Asked(Struct, frozen=True):
    """A check at throwaway inputs: each with the lines to run and what is right there.

    ``functions`` are the student's names for those of the lines, ``model`` the inputs by the
    convention that is followed.
    """

    check: FunctionCheck
    functions: Mapping[str, str]
    draws: tuple[tuple[Draw, Sequence[Step], Made], ...]
    model: tuple[Draw, ...]


class Proposal(Struct, frozen=True):
    """A change: lines ``first`` to ``last`` of a cell's text are to be ``lines``.

    The doubtful part is from column ``start`` of ``line`` to column ``end`` of ``until``, in
    characters from 0. Nobody has looked yet whether it makes anything right.
    """

    cell: str
    kind: str
    first: int
    last: int
    lines: tuple[str, ...]
    line: int
    start: int
    until: int
    end: int


def trimmed(proposal: Proposal, source: str) -> Proposal:
    """Return a change without the lines at either end that stay as they are.

    One that only puts lines in ends in the line before.
    """
    before = source.split("\n")[proposal.first - 1 : proposal.last]
    after = list(proposal.lines)
    first, last = proposal.first, proposal.last
    while len(after) > 1 and before and before[0] == after[0]:
        before, after, first = before[1:], after[1:], first + 1
    while len(after) > 1 and before and before[-1] == after[-1]:
        before, after, last = before[:-1], after[:-1], last - 1
    return replace(proposal, first=first, last=last, lines=tuple(after))


def line_before(changes: Sequence[Proposal], line: int) -> int:
    """Return what a line was before some changes, each made to the text that the others left."""
    for each in reversed(changes):
        more = len(each.lines) - (each.last - each.first + 1)
        line -= more if line > each.last + more else 0
    return line


def proposals(
    process: StudentProcess,
    asked: Asked,
    inside: Inside,
    changed: Sequence[tuple[str, int, str]],
    sources: Mapping[str, str],
    places: Sequence[tuple[str, int, bool]],
    near: Sequence[tuple[str, int]],
    wanted: Wanted,
    refused: Sequence[Proposal],
    budget: int,
) -> tuple[list[Proposal], int]:
    """Return the changes that the student's process proposes, in the order to be made in.

    Besides, what it says that it spent of its budget.

    Parameters
    ----------
    process : StudentProcess
    asked : Asked
    inside : Inside
        The model solution's.
    changed : sequence of (cell id, line, text)
        Definitions that are others than those that are loaded.
    sources : mapping of str to str
        The text of each cell that may be changed.
    places : sequence of (cell id, line, right)
        Where the functions begin that may be, and whether what they give alone is right.
    near : sequence of (cell id, line)
        Where to look first.
    wanted : Wanted
    refused : sequence of Proposal
        Changes that are not to be proposed again.
    budget : int
        What it may do, see `gradkit.runtime.repair.clock.Budget`.
    """
    values, parts = inside.values(asked.check, asked.model)
    trees = {
        str(number): {
            "inputs": dict(draw.values),
            "steps": {str(n): dict(step.put) for n, step in enumerate(steps)},
        }
        for number, (draw, steps, _) in enumerate(asked.draws)
    }
    tree, arrays = packed(trees)
    told = []
    for number, (draw, steps, right) in enumerate(asked.draws):
        entry = dict(dict(tree["dict"])[str(number)]["dict"])
        puts = dict(entry["steps"]["dict"])
        names = [f"right/{number}/{n}" for n in range(len(asked.check.compare))]
        arrays |= {
            name: np.asarray(right.values[expression])
            for name, expression in zip(names, asked.check.compare, strict=True)
        }
        flat = [value.reshape(-1) for value in values[number]]
        arrays[f"pool/{number}"] = np.concatenate(flat) if flat else np.zeros(0)
        told.append(
            {
                "inputs": entry["inputs"],
                "steps": [[s.text, dict(puts[str(n)]["dict"])] for n, s in enumerate(steps)],
                "right": names,
                "sizes": sorted({size for size in draw.sizes.values() if size > 1}),
                "shapes": [list(value.shape) for value in values[number]],
            }
        )
    data: dict[str, Any] = {
        "changed": changed,
        "sources": dict(sources),
        "places": [list(place) for place in places],
        "near": [list(place) for place in near],
        "only": wanted.only,
        "kinds": sorted(wanted.kinds),
        "most": wanted.most,
        "refused": [[each.cell, each.first, list(each.lines)] for each in refused],
        "functions": dict(asked.functions),
        "draws": told,
        "parts": [
            [p.text, p.role, [[leaf, list(n)] for leaf, n in p.leaves], list(p.numbers)]
            for p in parts
        ],
        "reads": list(asked.check.compare),
        "untouched": list(asked.check.untouched),
        "seed": SEED,
        "budget": budget,
    }
    reply = process.ask(Frame("repair", arrays, data))
    if not isinstance(reply, Frame):
        return [], budget
    if reply.data["fault"] is not None:
        fault = SearchError(clean_text(reply.data["fault"]))
        contain_reported(fault, f"looking for changes that make {asked.check.name} right")
    found = [
        Proposal(**{**each, "lines": tuple(each["lines"])}) for each in reply.data["proposals"]
    ]
    return found, reply.data["spent"]
