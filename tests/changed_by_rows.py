"""Make the changes that a search tries, and find the reference that a grader applies.

Tests write a text before and after a change. A search knows which row it applies; here every row
is tried.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradkit.edits.calls import REARRANGED
from gradkit.edits.operands import RefusedError, Vocabulary
from gradkit.edits.patterns import match, pattern
from gradkit.edits.rows import ADDITIONS, EXCHANGES, rows
from gradkit.edits.statements import BLOCKS
from gradkit.edits.text import Reference, Slots, apply
from gradkit.edits.write import replaced
from gradkit.runtime.repair.by_rows import Change, changes_of
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.spots import below
from gradkit.runtime.repair.values import Names, Values

LOCAL = {
    **{"a": np.ones((2, 3)), "b": np.arange(6.0).reshape(2, 3), "c": np.arange(3.0)},
    **{"rate": 0.25, "np": np, "f": np.exp, "count": 3, "row": (2, 3), "image": np.ones((2, 4, 5))},
    **{"mask": np.array([True, False]), "cache": {"sizes": {"pad": 1, "stride": 2}}},
    **{"cache": {"sizes": {"pad": 1, "stride": 2}}, "turn": 1},
    **{"places": np.array([2, 0]), "held": {"a": np.ones(3), "b": np.zeros(3)}},
    **dict.fromkeys(("W1", "W2", "W3"), np.ones((2, 3))),
}


def changes(text: str, *helpers: str) -> Mapping[str, Change]:
    """Return the changed texts of an expression, each with its smallest change."""
    holder = ast.parse(text, mode="eval")
    values = Values(Names({}, LOCAL), kept=False)

    def put(node: Any) -> None:
        holder.body = node

    made: dict[str, Change] = {}
    scope = scope_of(LOCAL, ("turn",), Scope(helpers=helpers))
    for spot in [*below(holder.body, put, scope, values, whole=True)]:
        for change in (c for table in (EXCHANGES, ADDITIONS) for c in changes_of(spot, table)):
            spot.put(change.node)
            written = ast.unparse(holder)
            spot.put(spot.node)
            if written not in made or change.cost < made[written].cost:
                made[written] = change
    return made


def find(text: str, known: Vocabulary, kind: str, after: str) -> Reference | None:
    """Return the reference of a kind that makes one text of another; None if no row does."""
    tree, wanted = ast.parse(text), ast.dump(ast.parse(after))
    functions = {node.lineno for node in tree.body}
    for reference in _references(Slots(tree, known), kind, text, after):
        try:
            written = apply(text, reference, known, functions).written
        except RefusedError:
            continue
        if ast.dump(ast.parse(replaced(text, written))) == wanted:
            return reference
    return None


def _references(slots: Slots, kind: str, text: str, after: str) -> Iterator[Reference]:
    """Yield the references of a kind that may make one text of another."""
    rows_of_text, rows_of_after = text.split("\n"), after.split("\n")
    pairs = [*zip(rows_of_text, rows_of_after, strict=False)]
    first = next((n for n, (one, other) in enumerate(pairs, 1) if one != other), len(pairs))
    near = range(first - 1, first + 2)
    tree = ast.parse(after)
    others = [
        each
        for each in ast.walk(tree)
        if isinstance(each, ast.expr | ast.stmt) and each.lineno in near
    ]
    for node in slots.nodes:
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.stmt) and abs(line - first) < 4 and line > 2:
            yield from _of_statement(slots, kind, node, others)
        elif isinstance(node, ast.expr) and line in near:
            yield from _of_expression(slots, kind, node, others)


def _of_expression(slots: Slots, kind: str, node: Any, others: list[Any]) -> Iterator[Reference]:
    """Yield the references that may make one of some nodes of an expression."""
    fitting = [row for row in rows().values() if row.kind == kind]
    for row in fitting:
        own: dict[str, Any] = {}
        if not match(pattern(row.before), node, own):
            continue
        for other in others if row.holes else others[:1]:
            bound = dict(own)
            if row.holes and not match(pattern(row.after), other, bound):
                continue
            for within in (None, *slots.above(node)[2:]) if row.holes else (None,):
                yield from filter(None, [slots.reference("x", row.name, node, bound, within)])
    for name, each in REARRANGED.items():
        if kind in each.kinds:
            for values in itertools.product(range(4), repeat=len(each.sorts)):
                yield from filter(
                    None, [slots.reference("x", f"{kind}: {name}", node, list(values))]
                )


def _of_statement(
    slots: Slots, kind: str, node: ast.stmt, others: list[Any]
) -> Iterator[Reference]:
    """Yield the references that may make one of some statements of a statement's block."""
    for name, row in BLOCKS.items():
        values: list[tuple[Any, ...]] = [(), *((number,) for number in range(8))]
        if name == "put in":
            known = [*map(ast.dump, slots.nodes)]
            new = [e for e in others if isinstance(e, ast.stmt) and ast.dump(e) not in known]
            last = slots.block_of(node)[1][-1] is node
            values = [(each, behind) for each in new for behind in range(1 + last)]
        for each in values if kind in row.kinds else ():
            try:
                reference = slots.reference("x", f"{kind}: {name}", node, each)
            except RefusedError:
                continue
            if reference is not None:
                yield reference
