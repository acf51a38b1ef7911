"""Plant mistakes into the text of a right solution, one at a time, as somebody who writes tests.

`plants` lists what can be changed in a text, `drawn` puts that in a random order in which kinds
take turns, and `planted` makes one or several of the changes. Nothing of gradkit is used here:
what measures a diagnosis may not share its idea of what a mistake is.

Only the planted spot changes. All other lines stay where they are, but for a statement that is
written twice, which moves what is below it. Docstrings, asserts, errors, prints and f-strings are
left alone, and so is what says how large an array is: arguments of ``zeros`` and ``reshape``, and
statements of which nothing else is made.

Operators are: ``operand`` (another name or attribute in scope), ``key`` (another string), ``index``
(another one, two exchanged, an edge of a slice), ``sign``, ``operator``, ``comparison``,
``constant``, ``power`` (no exponent), ``factor`` and ``term`` (left out), ``axis`` (another, or
none), ``keepdims``, ``transpose`` (one more or less), ``call dropped``, ``call swapped``,
``arguments`` and ``order`` (two exchanged, of a call, and of what is returned or taken apart),
``parenthesis`` (regrouped), ``augmented`` (``=`` for ``+=``), ``loop bound``, ``loop`` (a statement
taken into one, or out of it), ``statement dropped``, ``statement moved``, ``statement twice``.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from planting_spots import UNREAD, Spots
from planting_text import Edit, Scope, Source, name_of, names


@dataclass(frozen=True, slots=True)
class Plant:
    """One mistake.

    ``lines`` are those at which a diagnosis is right, of the text in which only this is planted:
    those of the changed spot and the first of its statement. Of a statement that was dropped: where
    it was, the statements before and after in its block, the block's header where it came first,
    and the last statement of its function. Of two that were exchanged: the first lines of both. Of
    one taken into a loop, or out of it: its own and the loop's header. Of one written twice: both.

    ``span`` are the statements in which it lies, as offsets; ``added`` is how many lines it adds.
    """

    operator: str
    edits: tuple[Edit, ...]
    lines: frozenset[int]
    span: tuple[int, int]
    added: int = 0


def planted(text: str, *chosen: Plant) -> tuple[str, list[frozenset[int]]]:
    """Return a text with mistakes planted in it, and the lines of each mistake in the new text.

    Raises
    ------
    ValueError
        Two of the mistakes are in the same statement.
    """
    ordered = sorted(chosen, key=lambda plant: plant.span)
    for one, other in pairwise(ordered):
        if one.span[1] > other.span[0]:
            raise ValueError(f"{one} and {other} are in one statement")
    lines = {}
    shift = 0
    for plant in ordered:
        lines[plant] = frozenset(line + shift for line in plant.lines)
        shift += plant.added
    for start, end, new in sorted((e for plant in chosen for e in plant.edits), reverse=True):
        text = text[:start] + new + text[end:]
    return text, [lines[plant] for plant in chosen]


def is_sound(text: str, plant: Plant) -> bool:
    """Return whether a text with a planted mistake is another valid program of the right length."""
    new, _ = planted(text, plant)
    if new.count("\n") != text.count("\n") + plant.added:
        return False
    try:
        tree = ast.parse(new)
    except SyntaxError:
        return False
    return ast.dump(tree) != _tree_of(text)


@cache
def _tree_of(text: str) -> str:
    return ast.dump(ast.parse(text))


def drawn(text: str, seed: int | str) -> Iterator[Plant]:
    """Yield the sound mistakes of a text in random order; the operators take turns.

    Of mistakes that give the same text, only one is yielded.
    """
    dice = random.Random(seed)
    waiting: dict[str, list[Plant]] = {}
    for plant in plants(text):
        waiting.setdefault(plant.operator, []).append(plant)
    for each in waiting.values():
        dice.shuffle(each)
    seen = set()
    while waiting:
        for operator in dice.sample(sorted(waiting), len(waiting)):
            while waiting[operator]:
                plant = waiting[operator].pop()
                new, _ = planted(text, plant)
                if new not in seen and is_sound(text, plant):
                    seen.add(new)
                    yield plant
                    break
            if not waiting[operator]:
                del waiting[operator]


def plants(text: str) -> Iterator[Plant]:
    """Yield all mistakes that can be planted into a text, sound or not; see `is_sound`."""
    source = Source(text)
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef):
            yield from _Function(source, function).plants()


class _Function:
    """One function, of whose own statements mistakes are made."""

    def __init__(self, source: Source, node: ast.FunctionDef) -> None:
        self.source, self.node, self.text = source, node, source.text
        self.scope = Scope(source, node)
        self.spots = Spots(self.scope)

    def plants(self) -> Iterator[Plant]:
        """Yield all plants of the function's own statements."""
        yield from self._block(self.node.body, self.node)

    def _block(self, body: Sequence[ast.stmt], header: ast.stmt) -> Iterator[Plant]:
        for index, statement in enumerate(body):
            if isinstance(statement, ast.FunctionDef | ast.ClassDef) or self._is_left(statement):
                continue
            # Nothing is to run for ever: that takes as long as a thousand others.
            counts = isinstance(header, ast.While) and names(header.test, ast.Load) & names(
                statement, ast.Store
            )
            if not counts and not isinstance(statement, ast.While):
                yield from self._in_statement(statement)
                yield from self._of_block(body, index, header)
            for inner in ("body", "orelse"):
                if isinstance(statement, ast.For | ast.While | ast.If | ast.With):
                    yield from self._block(getattr(statement, inner, []), statement)

    def _is_left(self, statement: ast.stmt) -> bool:
        """Return whether nothing is planted in a statement, as for imports, messages and shapes."""
        if isinstance(statement, ast.Expr):
            value = statement.value
            called = isinstance(value, ast.Call)
            return not called or name_of(value) in UNREAD
        if isinstance(statement, ast.Assign):
            written = set().union(*(names(t, ast.Store) for t in statement.targets))
            if written and written <= self.scope.only_shapes:
                return True
        left = ast.Assert | ast.Raise | ast.Pass | ast.Import | ast.ImportFrom | ast.Global
        return isinstance(statement, left)

    # --- whole statements ---------------------------------------------------------------------

    def _of_block(self, body: Sequence[ast.stmt], index: int, header: ast.stmt) -> Iterator[Plant]:
        statement = body[index]
        before = body[index - 1] if index else header
        after = body[index + 1] if index + 1 < len(body) else None
        start, end = self.source.span(statement)
        last = self.node.body[-1].lineno
        around = {before.lineno, last} | ({after.lineno} if after else set())
        own = set(range(statement.lineno, (statement.end_lineno or 0) + 1))
        simple = isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr)
        if simple and self.scope.is_bound_before(statement):
            blank = "\n" * (len(own) - 1)
            gone = "pass" + blank if len(body) == 1 else blank
            lines = frozenset(own | around)
            yield Plant("statement dropped", ((start, end, gone),), lines, (start, end))
        repeats = isinstance(statement, ast.AugAssign | ast.Expr) or (
            isinstance(statement, ast.Assign)
            and bool(names(statement, ast.Store) & names(statement.value, ast.Load))
        )
        if repeats and simple:
            stop = self.source.starts[statement.end_lineno or 0]
            copy = f"{self.source.indent(statement)}{self.text[start:end]}\n"
            both = frozenset({statement.lineno, statement.lineno + len(own)})
            yield Plant("statement twice", ((stop, stop, copy),), both, (start, stop), len(own))
        if after is not None and self._matters(statement, after):
            low, high = self.source.span(after)
            moved = self.text[low:high] + self.text[end:low] + self.text[start:end]
            second = statement.lineno + self.text[start:high].count("\n") - len(own) + 1
            firsts = frozenset({statement.lineno, second})
            yield Plant("statement moved", ((start, high, moved),), firsts, (start, high))
        if isinstance(header, ast.For) and index == len(body) - 1 and index and simple:
            out = self.source.starts[statement.lineno - 1]
            indent = self.source.indent(header)
            lines = frozenset({*own, header.lineno})
            yield Plant("loop", ((out, start, indent),), lines, (start, end))
        if isinstance(after, ast.Assign | ast.AugAssign | ast.Return) and isinstance(
            statement, ast.For
        ):
            low, high = self.source.span(after)
            at = self.source.starts[after.lineno - 1]
            its = range(after.lineno, (after.end_lineno or 0) + 1)
            indent = self.source.indent(statement.body[-1])
            lines = frozenset({*its, statement.lineno})
            yield Plant("loop", ((at, low, indent),), lines, (low, high))

    def _matters(self, one: ast.stmt, other: ast.stmt) -> bool:
        """Return whether two statements can be exchanged, and their order matters."""
        kept = ast.Return | ast.FunctionDef | ast.Import | ast.ImportFrom
        if isinstance(other, kept) or isinstance(one, kept) or self._is_left(other):
            return False
        if not self.scope.is_bound_before(one) and names(one, ast.Store) & names(other, ast.Load):
            return False
        written, read = names(one, ast.Store), names(one, ast.Load)
        return bool(written & (names(other, ast.Load) | names(other, ast.Store))) or bool(
            read & names(other, ast.Store)
        )

    # --- within a statement -------------------------------------------------------------------

    def _in_statement(self, statement: ast.stmt) -> Iterator[Plant]:
        span = self.source.span(statement)
        if isinstance(statement, ast.For | ast.If | ast.While | ast.With):
            span = span[0], self.source.starts[statement.body[0].lineno - 1]
        for operator, edits in self.spots.changes(statement):
            changed = {
                line
                for start, end, _ in edits
                for line in range(self.source.line(start), self.source.line(end) + 1)
            }
            yield Plant(operator, edits, frozenset(changed | {statement.lineno}), span)
