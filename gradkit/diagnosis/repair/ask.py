"""Ask the student's process for changes of its text that make a check right."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from string import digits
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.repair.solution import Inside
from gradkit.edits.operands import ModelPart, RefusedError, Vocabulary
from gradkit.edits.text import Reference, apply
from gradkit.edits.write import replaced
from gradkit.errors import contain_reported
from gradkit.lines import packed
from gradkit.records.submission import Place
from gradkit.records.task import Draw, FunctionCheck, Made
from gradkit.runtime.frames import Frame
from gradkit.runtime.repair.clock import SLOW
from gradkit.runtime.repair.pool import Part
from gradkit.runtime.syntax import readable, walk
from gradkit.sandbox.observe import SEED, Step
from gradkit.sandbox.process import StudentProcess
from gradkit.text import clean_text

BUDGET, LEAST = 160_000, 1_500
"""What the searches for one task may do, and what one needs: see `runtime.repair.clock.Budget`."""


def patience(budget: int) -> float:
    """Return the deadline of search processes, in seconds of processor time.

    A search ends by itself within a third of the deadline. One request may use half of it.
    """
    return 3 * SLOW * budget


class SearchError(Exception):
    """A search ended with an exception, in the student's process; the text is what that said."""


class Wanted(Struct, frozen=True):
    """The changes to search for: at most ``most`` in a row, first in the lines ``near``.

    With ``only``, no other lines are searched. ``budget`` limits all searches together, see
    `gradkit.runtime.repair.clock.Budget`. ``kinds`` restricts the kinds of changes; all are tried
    if it is empty. With ``hard``, a search uses the hard inputs from the start, otherwise only if
    it finds nothing at the easy ones.
    """

    budget: int = BUDGET
    near: tuple[Place, ...] = ()
    only: bool = False
    kinds: frozenset[str] = frozenset()
    most: int = 5
    hard: bool = True


class Asked(Struct, frozen=True):
    """A check at throwaway inputs: each with the lines to run and the right outputs.

    ``functions`` are the student's names for the functions in the lines, ``model`` the inputs for
    the model solution, by the convention that the student follows.
    """

    check: FunctionCheck
    functions: Mapping[str, str]
    draws: tuple[tuple[Draw, Sequence[Step], Made], ...]
    model: tuple[Draw, ...]


class Proposal(Struct, frozen=True):
    """A change: ``lines`` replace lines ``first`` to ``last`` of a cell's text.

    The doubtful part is from column ``start`` of ``line`` to column ``end`` of ``until``, in
    characters from 0. The change is not verified yet. ``reference`` is set if a search process
    sent the change.
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
    reference: Reference | None = None

    @property
    def borrows(self) -> bool:
        """Return whether the change puts a part of the model solution in."""
        return self.reference is not None and self.reference.borrows


def trimmed(proposal: Proposal, source: str) -> Proposal:
    """Return a change without the lines at its start and end that it leaves as they are.

    ``source`` is the text of the cell before the change. At least one new line stays. The result is
    a pure insertion if its ``last`` line is before its ``first``.
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
    """Return the number that a line of the changed text had before ``changes``.

    Each change is given for the text after the changes before it.
    """
    for each in reversed(changes):
        more = len(each.lines) - (each.last - each.first + 1)
        line -= more if line > each.last + more else 0
    return line


class Searched(Struct, frozen=True):
    """The text that a search may change.

    ``sources`` is the text of each cell. ``places`` are the first lines of functions, each with its
    cell and whether the function's own check passes. ``near`` are the lines to look at first.
    ``changed`` are definitions that differ from the loaded ones, as cell, line and text.
    """

    sources: Mapping[str, str]
    places: Sequence[tuple[str, int, bool]]
    near: Sequence[tuple[str, int]]
    changed: Sequence[tuple[str, int, str]]


def proposals(
    process: StudentProcess,
    asked: Asked,
    inside: Inside,
    text: Searched,
    wanted: Wanted,
    refused: Sequence[Proposal],
    budget: int,
) -> tuple[list[Proposal], int]:
    """Ask a search process for changes of the text, and apply the references that it sends.

    A reference names a row of the tables in `gradkit.edits` and a place in the text.

    Parameters
    ----------
    process : StudentProcess
        A process in which no answer is judged, before or after.
    asked : Asked
        The check.
    inside : Inside
        The values of the model solution.
    text : Searched
        The text that may be changed.
    wanted : Wanted
        Limits of the search.
    refused : sequence of Proposal
        Changes that are not to be proposed again.
    budget : int
        The work that the search may do, see `gradkit.runtime.repair.clock.Budget`.

    Returns
    -------
    proposals : list of Proposal
        Each for the text with the changes before it, up to the first reference that is refused.
    spent : int
        The work that the process reports, at most the budget.
    """
    values, parts = inside.values(asked.check, asked.model)
    known = vocabulary_of(asked, inside, text, parts)
    draws, arrays = _sent_draws(asked, values)
    data = {**_sent_text(text, wanted), **_sent_words(known, parts), "draws": draws}
    data |= {
        "refused": [_sent(each.reference) for each in refused if each.reference],
        "functions": dict(asked.functions),
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
    references = [*map(_received, reply.data["references"])]
    return applied(references, text, known), min(reply.data["spent"], budget)


def _sent_draws(
    asked: Asked, values: Sequence[Sequence[np.ndarray[Any, Any]]]
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Return the draws of a check as plain data, and by name the arrays that the data refer to.

    Each draw has its inputs, its lines with their inputs, and the names of the right outputs.
    ``values`` has, for each draw, the arrays that the model solution computes; they are sent as one
    flat array with their shapes.
    """
    trees = {
        str(number): {
            "inputs": dict(draw.values),
            "steps": {str(n): dict(step.put) for n, step in enumerate(steps)},
        }
        for number, (draw, steps, _) in enumerate(asked.draws)
    }
    tree, arrays = packed(trees)
    draws = []
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
        draws.append(
            {
                "inputs": entry["inputs"],
                "steps": [[s.text, dict(puts[str(n)]["dict"])] for n, s in enumerate(steps)],
                "right": names,
                "sizes": sorted({size for size in draw.sizes.values() if size > 1}),
                "shapes": [list(value.shape) for value in values[number]],
            }
        )
    return draws, arrays


def _sent_text(text: Searched, wanted: Wanted) -> dict[str, Any]:
    """Return the text to change, and the limits of the search in ``wanted``, as plain data."""
    return {
        "changed": [list(each) for each in text.changed],
        "sources": dict(text.sources),
        "places": [list(place) for place in text.places],
        "near": [list(place) for place in text.near],
        "only": wanted.only,
        "kinds": sorted(wanted.kinds),
        "most": wanted.most,
    }


def _sent_words(known: Vocabulary, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the words and constants of ``known``, and the model's expressions, as plain data."""
    return {
        "parts": [
            [p.text, p.role, [[leaf, list(n)] for leaf, n in p.leaves], list(p.numbers)]
            for p in parts
        ],
        "words": list(known.words),
        "numbers": [*map(repr, known.numbers)],
        "factors": [*map(repr, known.factors)],
    }


def applied(references: Sequence[Reference], text: Searched, known: Vocabulary) -> list[Proposal]:
    """Return the changes that references stand for, up to the first that is refused.

    ``known`` are the words and constants that a change may put in. Each change is applied to the
    text with the changes before it. A reference to an unknown cell is refused too.
    """
    sources, made = dict(text.sources), list[Proposal]()
    for reference in references:
        source = sources.get(reference.cell)
        if source is None:
            break
        # Lines before a change stay where they are, and those behind it move with it.
        earlier = [each for each in made if each.cell == reference.cell]
        functions = {
            _line_after(earlier, line) for cell, line, _ in text.places if cell == reference.cell
        }
        try:
            edit = apply(source, reference, known, functions)
        except RefusedError:
            break
        written = asdict(edit.written)
        lines = tuple(written.pop("lines"))
        made.append(
            Proposal(reference.cell, edit.kind, lines=lines, reference=reference, **written)
        )
        sources[reference.cell] = replaced(source, edit.written)
    return made


def _line_after(changes: Sequence[Proposal], line: int) -> int:
    """Return the number that a line has after some changes, made one after the other."""
    for each in changes:
        line += (len(each.lines) - (each.last - each.first + 1)) * (line > each.last)
    return line


def _received(data: Mapping[str, Any]) -> Reference:
    """Return the reference that plain data stand for."""
    operands = tuple(tuple(numbers) for numbers in data["operands"])
    return Reference(data["cell"], data["row"], data["slot"], data["within"], operands)


def _sent(one: Reference) -> dict[str, Any]:
    """Return a reference as plain data."""
    operands = [list(each) for each in one.operands]
    own = {"cell": one.cell, "row": one.row, "slot": one.slot, "within": one.within}
    return {**own, "operands": operands}


def vocabulary_of(
    asked: Asked, inside: Inside, text: Searched, parts: Sequence[Part]
) -> Vocabulary:
    """Return the words and constants that a change of a text may put in.

    They come from the text, the check's lines, the inputs and the model solution; ``parts`` are
    expressions of the model solution. Constants next to those of the text, or ten times as large,
    are included. Constants that only the model solution has may be factors.
    """
    lines = [step.text for _, steps, _ in asked.draws[:1] for step in steps]
    trees = [*map(readable, (*text.sources.values(), *lines, *asked.check.compare, inside.source))]
    words = {word for tree in trees for word in _words_in(tree)} | {*asked.functions.values()}
    words |= {word for draw, _, _ in asked.draws[:1] for word in _keys_in(draw.values)}
    # Keys are also made of a stem and a number, as in `grads["dW" + str(layer)]`.
    words |= {word.rstrip(digits) for word in words}
    constants = {repr(n): n for tree in trees for n in _constants_in(tree)}
    near = [each for n in constants.values() for each in _beside(n)]
    numbers = {repr(n): n for n in (*range(10), 0.5, *constants.values(), *near)}
    factors = {repr(n): n for n in (2, 0.5, *_constants_in(readable(inside.source)))}
    own = (ModelPart(p.text, p.role, tuple(leaf for leaf, _ in p.leaves)) for p in parts)
    ordered = sorted(numbers.values(), key=lambda n: (n, repr(n)))
    return Vocabulary(
        tuple(sorted(words | {"T", "shape", "size"})),
        tuple(ordered),
        tuple(sorted(factors.values(), key=lambda n: (n, repr(n)))),
        tuple(own),
    )


def _words_in(tree: ast.AST) -> Iterator[str]:
    """Yield the names, attributes, keywords and strings in a tree.

    A string that is longer than `LONGEST` or not printable, and a keyword ``**``, give "".
    """
    for node in walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword):
            yield node.arg or ""
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A text with half a character (a lone surrogate) cannot be sent to a process.
            is_word = len(node.value) <= LONGEST and node.value.isprintable()
            yield node.value if is_word else ""


LONGEST = 40
"""Characters of a text that may be a key or an option."""


def _keys_in(value: object) -> Iterator[str]:
    """Yield the text keys of all dicts in a value of nested dicts, lists and tuples."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from [key] if isinstance(key, str) else []
            yield from _keys_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _keys_in(part)


def _constants_in(tree: ast.AST) -> Iterator[float]:
    """Yield the int and float constants in a tree whose size is below `LARGE`."""
    for node in walk(tree):
        value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGE:
            yield value


LARGE = 1e15
"""More than any constant that is put in."""


def _beside(number: float) -> Iterator[float]:
    """Yield constants that are taken for one: the next ones, twice, half, ten times as large."""
    yield from (number + 1, abs(number - 1), number * 2, number / 2, number * 10, number / 10)
