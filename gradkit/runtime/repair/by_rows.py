"""Make the changes of an expression that the rows of the table allow.

A row is tried where its conditions hold and the expression fits its pattern, with every operand
that `gradkit.runtime.repair.operands` lists for its holes.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradkit.edits.calls import REARRANGED
from gradkit.edits.costs import BORROWED, LARGE
from gradkit.edits.nodes import is_same, numbered, replaced
from gradkit.edits.patterns import build, match, pattern
from gradkit.edits.rows import BORROWINGS, EXCHANGES, Row, groups_for, with_size
from gradkit.runtime.repair.choices import CHOICES
from gradkit.runtime.repair.conditions import holds
from gradkit.runtime.repair.operands import fillings
from gradkit.runtime.repair.pool import Part
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import NAMED, adds, size_of

KEPT = "missing-copy"
"""The kind of changes that leave a value as it is; only what is done with it shows them."""


@dataclass(frozen=True, slots=True)
class Change:
    """An expression that may replace another, and the row that allows it.

    Parameters
    ----------
    kind : str
        The kind of mistake that the change corrects.
    node : ast.expr
        The expression after the change.
    cost : float
        How large the change is; see `gradkit.edits.costs`.
    name : str
        The name of the row in a reference.
    at : ast.AST
        The part of the expression that the row changes.
    values : mapping of str, or sequence
        For a pattern, the expressions for its letters and holes; for other rows, their values.
    row : Row or None
        The row, if it is a pattern.
    within : ast.AST or None
        The expression in which all parts equal to ``at`` are changed.
    always : bool
        Whether the change is tried even if it gives the same value as another change.
    """

    kind: str
    node: ast.expr
    cost: float
    name: str
    at: ast.AST
    values: Any = ()
    row: Row | None = None
    within: ast.AST | None = None
    always: bool = False

    @property
    def is_hidden(self) -> bool:
        """Return whether the value stays the same, and only what is done with it may show it."""
        return self.kind == KEPT


def changes_of(spot: Spot, table: Sequence[Row], kinds: Collection[str] = ()) -> Iterator[Change]:
    """Yield the changes of an expression that the rows of a table allow.

    A row is a rule: a pattern of the wrong expression, and one of the right expression. ``spot`` is
    the expression with its position and value, and ``kinds`` are the kinds of mistakes to correct;
    all if empty. A change is left out if the new expression, or an operation around it, then has no
    effect, such as a factor 1; unless the student wrote it so.
    """
    # In the first round of a comprehension its number may be that of another name.
    held = {} if any(hasattr(a, "generators") for a in spot.above) else spot.scope.values
    whole = (a for a in spot.above if isinstance(a, ast.BinOp | ast.Compare))
    above = [each for each in whole if not _has_no_effect(each, held)]
    own: set[ast.AST] = set()
    for change in _all_changes(spot, table, kinds):
        node: Any = change.node
        parts = (node, node.left, node.right) if isinstance(node, ast.BinOp) else (node,)
        idle = [part for part in parts if _has_no_effect(part, held)]
        # What the student has so is not made by the change.
        if idle and not {*idle} <= (own := own or {*ast.walk(spot.node)}):
            continue
        if above:
            spot.put(node)
            idle = [each for each in above if _has_no_effect(each, held)]
            spot.put(spot.node)
            if idle:
                continue
        yield change


def _all_changes(spot: Spot, table: Sequence[Row], kinds: Collection[str]) -> Iterator[Change]:
    """Yield all changes of an expression by the rows of a table, also those without effect.

    A row is a rule; see `changes_of` for ``spot`` and ``kinds``. For the table `EXCHANGES` these
    are also rearranged arguments and elements and, for a whole expression, the change of every name
    or call that occurs several times in it, everywhere at once.
    """
    yield from _by_patterns(spot, table, kinds)
    if table is not EXCHANGES:
        return
    for name, each in REARRANGED.items():
        for kind, values in CHOICES[name](spot) if not kinds or each.kinds & {*kinds} else ():
            if not kinds or kind in kinds:
                made = each.make(spot.node, values)
                yield Change(kind, made, each.cost, f"{kind}: {name}", spot.node, values)
    if not spot.above:
        for again in _repeated_parts(spot):
            for change in _by_patterns(again, table, kinds):
                parts = (part for part in numbered(spot.node) if is_same(part, again.node))
                made = replaced(spot.node, {id(part): change.node for part in parts})
                yield replace(change, node=made, within=spot.node)


def _by_patterns(spot: Spot, table: Sequence[Row], kinds: Collection[str]) -> Iterator[Change]:
    """Yield the changes by those rows of a table whose pattern and conditions an expression fits.

    A row is a rule: a pattern, and the expression that replaces it, with holes for other
    expressions. ``spot`` is the expression with its position and value. There is one change for
    each way to fill the holes. If ``kinds`` is not empty, only changes that correct these kinds of
    mistakes are yielded.
    """
    for before, conditions, rows in groups_for(spot.node, table):
        if spot.again and ("again", True) not in conditions:
            continue
        if not all(holds(spot, name) is wanted for name, wanted in conditions):
            continue
        bound: dict[str, Any] = {}
        if not match(pattern(before), spot.node, bound):
            continue
        for row in rows:
            if kinds and row.kind not in kinds:
                continue
            for filled in fillings(spot, row, bound):
                yield _apply_row(spot, row, {**bound, **filled}, row.cost)


def _apply_row(spot: Spot, row: Row, bound: Mapping[str, Any], cost: float) -> Change:
    """Replace an expression by the expression of a row, and return this as a change.

    ``spot`` is the expression, and ``row`` the rule with the pattern that it fits. ``bound`` has
    the expression for each letter and hole of the row's patterns, and ``cost`` is the cost of the
    change. A moved window in a larger expression, or an index counted from the end, is marked as
    ``always``: it is tried even if it gives the same value as another change.
    """
    # From the other end an index is the same entry in one round. A window is one slip, however
    # often it is made, and of several windows the largest may be the same.
    part = getattr(spot.node, "slice", None)
    always = ("window_" in bound and bool(spot.above)) or (
        "index_" in bound and isinstance(part, ast.UnaryOp)
    )
    made = build(row.after, bound)
    return Change(row.kind, made, cost, row.name, spot.node, bound, row, always=always)


def _repeated_parts(spot: Spot) -> Iterator[Spot]:
    """Yield each name or call that occurs several times in an expression.

    ``spot`` is the expression. The name or call is yielded as a spot marked ``again``: a change of
    it is to be made in all these places. `(a - b) * a` gives ``a``.
    """
    parts = [part for part in ast.walk(spot.node) if isinstance(part, NAMED)]
    times = Counter(map(ast.unparse, parts)) if len(parts) > 1 else {}
    for text, node in {ast.unparse(part): part for part in parts}.items() if times else ():
        if times[text] > 1:
            value, above = spot.scope.values.get(text), frozenset({spot.node})
            yield replace(spot, node=node, value=value, above=above, again=True, known={})


def borrowed_changes(spot: Spot, parts: Sequence[tuple[Part, Any]]) -> Iterator[Change]:
    """Yield changes that add an expression of the model solution to the student's, or replace it.

    ``spot`` is the student's expression. ``parts`` are pairs of a part of the model solution and
    its tree in the student's names. If the part is a factor or a term of the model, the student's
    expression is multiplied or divided by it, or it is added or subtracted. Any part may replace
    the whole expression. The rules in `BORROWINGS` say which of this is allowed.
    """
    for borrowed, tree in parts:
        for role in (borrowed.role, ""):
            for row in BORROWINGS.get(role, ()):
                bound = {row.holes[0]: tree}
                fits = all(holds(spot, name) is wanted for name, wanted in row.conditions)
                if fits and match(pattern(row.before), spot.node, bound):
                    yield _apply_row(spot, row, bound, row.cost + BORROWED * size_of(tree))


def same_change(change: Change, spot: Spot) -> Iterator[Change]:
    """Yield the change that adds to another expression what ``change`` added, such as a factor.

    ``spot`` is the other expression. Nothing is yielded if the change has no pattern, or the
    pattern does not fit the expression.
    """
    row, bound = change.row, dict[str, Any]()
    if row is not None and match(pattern(row.before), spot.node, bound):
        added = {hole: change.values[hole] for hole in row.holes}
        yield _apply_row(spot, row, {**bound, **added}, LARGE)


def sized_changes(change: Change, spot: Spot) -> Iterator[Change]:
    """Yield versions of a change that also multiply or divide by a size, such as ``m``.

    ``spot`` is the expression that ``change`` changes. Only an added slope or factor has such
    versions, see `with_size`; for others nothing is yielded.
    """
    for row in with_size(change.row) if change.row is not None else ():
        more = change.cost - change.row.cost if change.row else 0
        for filled in fillings(spot, row, change.values):
            yield _apply_row(spot, row, {**change.values, **filled}, row.cost + more)


# --- changes without effect --------------------------------------------------------------------


def _has_no_effect(node: Any, values: Mapping[str, Any]) -> bool:
    """Return whether an operation has no effect, or always gives the same value.

    Examples are ``a - a``, ``a == a``, ``--a``, ``a * 1``, ``a + 0`` and ``a.T.T``; the result is
    False for other expressions. ``values`` has the values of names: two names with the same object
    count as equal, unless it is an integer.
    """
    if isinstance(node, ast.Compare):
        return len(node.comparators) == 1 and is_same(node.left, node.comparators[0])
    if isinstance(node, ast.Attribute | ast.UnaryOp):
        inner: Any = node.value if isinstance(node, ast.Attribute) else node.operand
        twice = type(inner) is type(node)
        if isinstance(node, ast.Attribute):
            return twice and node.attr == inner.attr == "T"
        return twice and type(inner.op) is type(node.op)
    if not isinstance(node, ast.BinOp):
        return False
    left, right = (getattr(part, "value", None) for part in (node.left, node.right))
    if adds(node):
        idle = right == 0 or (left == 0 and isinstance(node.op, ast.Add))
    elif isinstance(node.op, ast.Mult):
        idle = left in (0, 1) or right in (0, 1) or _divides_again(node)
    else:
        idle = right == 1 or (left == 0 and isinstance(node.op, ast.Div))
    if idle or not isinstance(node.op, ast.Sub | ast.Div):
        return bool(idle)
    one, other = (values.get(getattr(part, "id", "")) for part in (node.left, node.right))
    # A number that counts is one object, whoever counts it.
    alias = one is other and not isinstance(one, int | None)
    return alias or is_same(node.left, node.right)


def _divides_again(node: ast.BinOp) -> bool:
    """Return whether a product divides by its factor again: ``a * (b / a)``.

    The caller has tested that ``node`` is a product. The operator before it is not looked at:
    `(x + a) * (b / a)` counts too.
    """
    last = node.left.right if isinstance(node.left, ast.BinOp) else node.left
    other = node.right
    return (
        isinstance(other, ast.BinOp)
        and isinstance(other.op, ast.Div)
        and is_same(last, other.right)
    )
