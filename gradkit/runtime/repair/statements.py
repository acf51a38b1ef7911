"""The changes of a statement, and of where it stands, that a search tries."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.edits.calls import REARRANGED
from gradkit.edits.costs import A_LINE, AGAIN, LARGE, LARGER, PER_NODE, SIMPLE
from gradkit.edits.nodes import called_name, is_same, replaced, with_context
from gradkit.edits.operands import RefusedError, Vocabulary
from gradkit.edits.patterns import build, match, pattern
from gradkit.edits.rows import rows
from gradkit.edits.statements import (
    ANEW,
    BEFORE_IN,
    BLOCKS,
    FAR,
    NEAR,
    NEXT_IN,
    Change,
    if_conditions_in,
)
from gradkit.edits.text import replace_everywhere
from gradkit.runtime.repair.indices import beside, entries_within, indices, moved, slices_of
from gradkit.runtime.repair.tree import expression, owner_of, statement_of
from gradkit.runtime.syntax import every, names_in

EXCHANGED = 12
"""Pairs of a row that are exchanged at most."""

COUNTED = ("range", "enumerate", "zip", "reversed")
"""Functions that loops go over, of which the order is another matter, or not to be had."""

Block = list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A block of statements that may replace another, and the row that allows it.

    ``name`` is the name of the row in a reference, ``at`` the node that it changes, ``values`` the
    row's values, and ``within`` the node in which all equal nodes change, see
    `gradkit.edits.text.Slots.reference`.
    """

    name: str
    cost: float
    block: Block
    at: ast.AST
    values: Any = ()
    within: ast.AST | None = None

    @property
    def kind(self) -> str:
        """Return the kind of mistake that the change mends."""
        return self.name.partition(": ")[0]


def changed_blocks(
    block: Block,
    place: int,
    parent: ast.AST,
    function: ast.AST,
    counts: Sequence[str],
    held: Container[str],
) -> Iterator[Rewritten]:
    """Yield blocks that may replace ``block``, each with a change of the statement at ``place``.

    The statement is left out, moved, rewritten, given another target or index, or preceded by a
    copy of an array or a shift by the maximum. ``parent`` is the node with the block, and
    ``function`` contains it; ``counts`` are names of integers, and ``held`` the names that have a
    value. The given block is not changed.
    """
    statement = block[place]
    before, after = block[:place], block[place + 1 :]
    change = Change(block, place, Vocabulary(), (), function)
    for kind, name, value, cost in _block_changes(change, parent, held):
        row, operands = BLOCKS[name], [] if value is None else [(value,)]
        try:
            made = row.make(change, operands)
        except RefusedError:
            continue
        values = [] if value is None else [value]
        yield Rewritten(f"{kind}: {name}", cost or row.cost, made, statement, values)
    for name, node, given, other, within in _target_changes(statement, function, counts):
        cost = SIMPLE if name == OF_ORDER else LARGER
        yield Rewritten(name, cost, [*before, other, *after], node, given, within)
    for index, moved_one in _other_indices(block, place, parent, counts):
        whole = replace_everywhere(parent, index, moved_one)
        yield Rewritten(OF_INDEX, LARGE, whole.body, index, {"index_": moved_one}, parent)
    for name in _arrays_written_in_place(statement, function) if parent is function else ():
        for copied in (f"{name}.copy()", f"{{key: value.copy() for key, value in {name}.items()}}"):
            copy = statement_of(f"{name} = {copied}")
            longer = [*before, copy, statement, *after]
            yield Rewritten("missing-copy: put in", LARGER, longer, statement, (copy, 0))
    for far, shifted in _shifted(block[place:]):
        cost = LARGE + A_LINE + PER_NODE * far
        longer = [*before, shifted, statement, *after]
        yield Rewritten("missing-shift: put in", cost, longer, statement, (shifted, 0))


OF_INDEX, OF_ENTRY = "wrong-element: A => index_", "wrong-element: A[B] => A[index_]"
OF_NAME, OF_WHOLE = "wrong-name: L => like_", "wrong-element: L => L[index_]"
OF_ORDER = "wrong-order: two values exchanged"
"""Rows for the target of a statement."""


def _block_changes(
    change: Change, parent: ast.AST, held: Container[str]
) -> Iterator[tuple[str, str, int | None, float]]:
    """Yield changes of a block of statements by the rules in `BLOCKS` that are worth a try.

    ``change`` describes the block and its statement, ``parent`` is the node with the block, and
    ``held`` are the names that have a value. An item is the kind of mistake, the name of the row
    (the rule), its operand (None without one), and the cost, which is 0 for the cost of the row.
    """
    block, place, statement = change.block, change.at, change.statement
    computes = isinstance(
        statement, ast.Assign | ast.AugAssign | ast.Expr | ast.If | ast.For | ast.AnnAssign
    )
    if computes:
        near = block[max(place - 1, 0) : place + 2]
        again = sum(ast.dump(each) == ast.dump(statement) for each in near) > 1
        yield "extra-statement", "left out", None, AGAIN * again
    for step in (1, -1, 2, -2, 3, -3) if computes else ():
        other = place + step
        over = block[min(place, other) : max(place, other) + 1] if other >= 0 else []
        over = [each for each in over if each is not statement]
        returns = any(isinstance(each, ast.Return) for each in over)
        if not returns and any(_meet(statement, each) for each in over):
            yield "wrong-statement-order", "moved", step + FAR, 0.0
    for text, kind in ANEW.items():
        if not text.startswith("A = B =>") or _has_value(statement, held):
            yield kind, f"anew {text}", None, 0.0
    for way in _ways_in_and_out(change):
        yield "wrong-indentation", "indented", way, 0.0
    if computes and isinstance(parent, ast.For | ast.While):
        for number, _ in enumerate(if_conditions_in(change.function)):
            yield "wrong-indentation", "in a branch", number, 0.0
    if isinstance(statement, ast.For):
        if called_name(statement.iter) not in COUNTED:
            yield "wrong-bounds", "reversed", None, 0.0
        yield "wrong-bounds", "from zero", None, 0.0
    if isinstance(statement, ast.Return) and isinstance(parent, ast.For):
        yield "early-return", "left out" if len(block) > 1 else "no return", None, LARGER


def _has_value(statement: ast.stmt, held: Container[str]) -> bool:
    """Return whether the target of a statement has a value before it, by the names in ``held``.

    The result is True for a target that is no name, and for a statement that is no assignment.
    """
    target = statement.targets[0] if isinstance(statement, ast.Assign) else None
    return not isinstance(target, ast.Name) or target.id in held


def _ways_in_and_out(change: Change) -> Iterator[int]:
    """Yield the ways in which a statement may move into or out of a loop or ``if``, as numbers.

    The statement of ``change`` is the loop or ``if``; nothing is yielded for others. A statement
    before a loop may only move in if the two share a name. The numbers are the operands of the rule
    ``indented`` in `BLOCKS`.
    """
    loop, after = change.statement, change.block[change.at + 1 :]
    if not isinstance(loop, ast.For | ast.If | ast.While):
        return
    first = int(isinstance(loop.body[-1], ast.Break | ast.Continue))
    yield from range(first, NEXT_IN)
    returns = bool(after) and isinstance(after[0], ast.Return)
    if after and not isinstance(loop, ast.While) and (isinstance(loop, ast.For) or not returns):
        yield NEXT_IN
    before = change.block[max(0, change.at - NEAR) : change.at]
    for back, each in enumerate(reversed(before)) if not isinstance(loop, ast.If) else ():
        if isinstance(each, ast.Assign) and _meet(each, loop):
            yield BEFORE_IN + back


Targeted = tuple[str, ast.AST, Any, Any, ast.AST | None]
"""The name of a row, the node that it changes, its values, the statement that it makes, and where
the same is changed."""


def _target_changes(
    statement: ast.stmt, function: ast.AST, counts: Sequence[str]
) -> Iterator[Targeted]:
    """Yield changes of a statement's target, and exchanges of two values of a statement.

    ``function`` contains the statement, and ``counts`` are names of integers, from which indices
    are made. The exchanged values are those of a tuple that is assigned to or returned, or of a
    dict. An item is the row (the rule that changes the text), the changed node, the values that
    fill the row, the new statement, and the node within which all equal expressions change, or
    None.
    """
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    (target,) = targets if len(targets) == 1 else (getattr(statement, "target", None),)
    value: Any = getattr(statement, "value", None)
    exchanged: list[Any] = [target] if isinstance(target, ast.Tuple) else []
    if isinstance(value, ast.Dict) or (
        isinstance(value, ast.Tuple) and isinstance(statement, ast.Return)
    ):
        exchanged.append(value)
    for node in exchanged:
        row = node.values if isinstance(node, ast.Dict) else node.elts
        pairs = itertools.combinations(range(len(row)), 2)
        for pair in sorted(pairs, key=lambda pair: pair[1] - pair[0])[:EXCHANGED]:
            made = REARRANGED["two values exchanged"].make(node, pair)
            yield OF_ORDER, node, pair, replaced(statement, {id(node): made}), None
    if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AugAssign):
        updates = isinstance(statement, ast.AugAssign) or target.id in names_in(statement.value)
        for each in slices_of(function) if updates else ():
            yield _with_target(OF_WHOLE, statement, target, each)
    if not isinstance(target, ast.Subscript):
        return
    for name in _other_bases(target.value, function):
        yield _with_target(OF_NAME, statement, target.value, expression(name))
    if isinstance(target.value, ast.Name):
        lost = names_in(function, ast.Store) - names_in(function, ast.Load)
        unread = dict.fromkeys(each.id for each in every(ast.Name, function) if each.id in lost)
        index: Any = target.slice
        others = (
            *indices(index),
            *moved(index, counts),
            *beside(index, slices_of(function)),
            *entries_within(index, [*unread]),
        )
        for each in others:
            yield _with_target(OF_ENTRY, statement, target, each)


def _other_bases(base: ast.expr, function: ast.AST) -> list[str]:
    """Return other arrays that a statement may write to in place of ``base``, as sorted texts.

    For ``self.W`` these are the other attributes of ``self`` in the function, for a name the other
    names that the function assigns, and for another expression none.
    """
    if isinstance(base, ast.Attribute):
        owner = ast.dump(base.value)
        attributes = (a for a in every(ast.Attribute, function) if ast.dump(a.value) == owner)
        return sorted({ast.unparse(each) for each in attributes} - {ast.unparse(base)})
    own = {base.id} if isinstance(base, ast.Name) else set()
    return sorted(names_in(function, ast.Store) - own) if own else []


def _with_target(name: str, statement: ast.stmt, node: ast.expr, operand: ast.expr) -> Targeted:
    """Return a statement in which a row, a rule, changes its target, or the array of the target.

    ``name`` is the row, ``node`` the part that changes, and ``operand`` fills the row's hole. For
    `OF_WHOLE` the node is changed everywhere in the statement. See `_target_changes` for the
    result.
    """
    row, bound = rows()[name], dict[str, Any]()
    match(pattern(row.before), node, bound)
    values = {**bound, row.holes[0]: operand}
    made = build(row.after, values)
    if name == OF_WHOLE:
        whole = replace_everywhere(statement, node, made)
        return name, node, values, whole, statement
    return name, node, values, replaced(statement, {id(node): with_context(made, node)}), None


def _other_indices(
    block: Block, place: int, parent: Any, counts: Sequence[str]
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield pairs of an index that several statements share, and an index to replace it.

    The statement at ``place`` and a later one of the block have the index, and it is replaced
    everywhere. Indices that also occur in earlier statements of the block, or elsewhere in
    ``parent``, are left out. ``counts`` are names of integers, from which indices are made.
    """
    entries = [[*_entries(each)] for each in block]
    if getattr(parent, "body", None) is not block:
        return
    for index in {ast.dump(each.slice): each.slice for each in entries[place]}.values():
        same = [sum(is_same(each.slice, index) for each in row) for row in entries]
        everywhere = sum(is_same(part, index) for part in ast.walk(parent))
        if any(same[place + 1 :]) and not any(same[:place]) and everywhere == sum(same):
            for other in (*indices(index), *moved(index, counts)):
                yield index, other


def _entries(statement: ast.stmt) -> Iterator[ast.Subscript]:
    """Yield the indexed expressions in an assignment whose index is no constant, such as ``A[i]``.

    Nothing is yielded for other statements.
    """
    for part in ast.walk(statement) if isinstance(statement, ast.Assign | ast.AugAssign) else ():
        if isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Constant):
            yield part


def _arrays_written_in_place(statement: ast.stmt, function: ast.AST) -> Iterator[str]:
    """Yield the names of the caller's arrays that a statement writes entries of.

    An array is the function's own, and left out, if ``function`` assigns its name. All other names
    are parameters or globals, whose arrays belong to the caller. Each name is yielded once. An
    argument ``out=`` counts if it has an index.
    """
    given = every(ast.Assign, function)
    seen = {each.id for one in given for each in one.targets if isinstance(each, ast.Name)}
    for part in ast.walk(statement):
        out = isinstance(part, ast.keyword) and part.arg == "out"
        target: Any = part.value if out else part  # type: ignore[attr-defined]
        if isinstance(target, ast.Subscript) and (out or isinstance(target.ctx, ast.Store)):
            for name in _base_of(target) - seen:
                seen.add(name)
                yield name


def _shifted(block: Sequence[ast.stmt]) -> Iterator[tuple[int, ast.stmt]]:
    """Yield statements that subtract the maximum from an array whose exponential is taken below.

    `Z` gives `Z = Z - np.max(Z, axis=1, keepdims=True)`, and the same for axis 0 and for no axis.
    The array is read in the first statement of ``block``; the number before each is the distance to
    the statement with ``exp``. Nothing is yielded if the first one is a loop or ``if``.
    """
    if isinstance(block[0], ast.For | ast.If | ast.While):
        return
    read = {ast.unparse(p) for p in ast.walk(block[0]) if isinstance(p, ast.Name | ast.Subscript)}
    for far, one in enumerate(block):
        calls: list[Any] = [part for part in ast.walk(one) if called_name(part) == "exp"]
        for name in sorted(read.intersection(ast.unparse(a) for call in calls for a in call.args)):
            for along in (", axis=1, keepdims=True", ", axis=0, keepdims=True", ""):
                yield far, statement_of(f"{name} = {name} - np.max({name}{along})")


def _meet(one: ast.stmt, other: ast.stmt) -> bool:
    """Return whether one of two statements assigns a name that the other reads or assigns."""
    (made, read), (others, reads) = _changed_and_read_names(one), _changed_and_read_names(other)
    return bool(made & (others | reads) or others & read)


def _changed_and_read_names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Return two sets: the names that a statement may change, and the names that it reads.

    Changed are assigned names, the objects of assigned entries and attributes, and those whose
    methods are called.
    """
    made: set[str] = set()
    read: set[str] = set()
    for part in ast.walk(statement):
        if isinstance(part, ast.Name):
            (made if isinstance(part.ctx, ast.Store) else read).add(part.id)
        elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            made |= _base_of(part)
        elif isinstance(owner := owner_of(part), ast.Name):
            made.add(owner.id)
    return made, read


def _base_of(target: ast.expr) -> set[str]:
    """Return the name below all indices and attributes of a target; empty if there is none."""
    if isinstance(target, ast.Subscript | ast.Attribute):
        return _base_of(target.value)
    return {target.id} if isinstance(target, ast.Name) else set()
