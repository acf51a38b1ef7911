"""The small changes that may be made to a statement, and to where it stands."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.edits.costs import A_LINE, AGAIN, LARGE, LARGER, LITTLE, PER_NODE, SIMPLE
from gradkit.edits.nodes import called_name, new, with_parts
from gradkit.edits.statements import NEAR, range_from_zero
from gradkit.runtime.repair.indices import beside, entries_within, indices, moved, slices_of
from gradkit.runtime.repair.tree import (
    binary,
    called_with,
    expression,
    method_of,
    owner_of,
    renamed,
    statement_of,
)
from gradkit.runtime.syntax import every, names_in

EXCHANGED = 12
"""Pairs of a row that are exchanged at most."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Statements in the place of others: the kind of the change, its cost, the doubtful one."""

    kind: str
    cost: float
    block: list[ast.stmt]
    told: ast.stmt | ast.expr


COUNTED = ("range", "enumerate", "zip", "reversed")
"""Functions that loops go over, of which the order is another matter, or not to be had."""

IN_PLACE = ("not-added", "not-replaced", "changed-in-place", "not-in-place")
"""Kinds of changes of what a statement does with its value."""


def changed_blocks(
    block: list[ast.stmt],
    place: int,
    parent: ast.AST,
    function: ast.AST,
    counts: Sequence[str],
    held: Container[str],
) -> Iterator[Rewritten]:
    """Yield what may stand in the place of a block, for the statement at a place in it.

    ``counts`` are names there of what counts something, and ``held`` those that have a value.
    """
    statement, rest = block[place], [*block[:place], *block[place + 1 :]]
    before, after = block[:place], block[place + 1 :]
    computes = isinstance(
        statement, ast.Assign | ast.AugAssign | ast.Expr | ast.If | ast.For | ast.AnnAssign
    )
    if computes and rest:
        near = block[max(place - 1, 0) : place + 2]
        again = sum(ast.dump(each) == ast.dump(statement) for each in near) > 1
        # To change places with another statement is more.
        yield Rewritten("extra-statement", AGAIN if again else LARGER - LITTLE, rest, statement)
    for step in (1, -1, 2, -2, 3, -3) if computes else ():
        other = place + step
        over = block[min(place, other) : max(place, other) + 1] if other >= 0 else []
        over = [each for each in over if each is not statement]
        returns = any(isinstance(each, ast.Return) for each in over)
        if 0 <= other < len(block) and not returns and any(_meet(statement, o) for o in over):
            moved = [*rest[:other], statement, *rest[other:]]
            yield Rewritten("wrong-statement-order", LARGER, moved, statement)
    for kind, made in _statements(statement, held):
        cost = LARGER if kind in IN_PLACE else SIMPLE
        yield Rewritten(kind, cost, [*before, made, *after], statement)
    for changed, told in _indented(before, statement, after):
        # To change places with another statement is less.
        yield Rewritten("wrong-indentation", LARGER + LITTLE, changed, told)
    for test in _tests(function) if computes and isinstance(parent, ast.For | ast.While) else ():
        branch = new(ast.If, test, [statement], [])
        yield Rewritten("wrong-indentation", LARGE, [*before, branch, *after], statement)
    for indexed in _indexed(block, place, counts):
        yield Rewritten("wrong-element", LARGE, indexed, statement)
    for kind, made in _other_targets(statement, function, counts):
        yield Rewritten(kind, LARGER, [*before, made, *after], statement)
    for name, part in _entries_of_others(statement, function) if parent is function else ():
        for copied in (f"{name}.copy()", f"{{key: value.copy() for key, value in {name}.items()}}"):
            made = statement_of(f"{name} = {copied}")
            yield Rewritten("missing-copy", LARGER, [*before, made, statement, *after], part)
    for far, shifted in _shifted(block[place:]):
        cost = LARGE + A_LINE + PER_NODE * far
        yield Rewritten("missing-shift", cost, [*before, shifted, statement, *after], statement)
    if isinstance(statement, ast.Return) and isinstance(parent, ast.For):
        yield Rewritten("early-return", LARGER, rest or [new(ast.Pass)], statement)


def _indented(
    before: list[ast.stmt], statement: ast.stmt, after: list[ast.stmt]
) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """Yield a block with a statement moved into or out of the loop or branch in it, and which."""
    if not isinstance(statement, ast.For | ast.If | ast.While):
        return
    body = statement.body
    if len(body) > 1:
        if not isinstance(body[-1], ast.Break | ast.Continue):
            yield [*before, with_parts(statement, body=body[:-1]), body[-1], *after], body[-1]
        yield [*before, body[0], with_parts(statement, body=body[1:]), *after], body[0]
    if after and not isinstance(statement, ast.While):
        following, *rest = after
        if not isinstance(following, ast.Return) or isinstance(statement, ast.For):
            yield [*before, with_parts(statement, body=[*body, following]), *rest], following
    for each in before[-NEAR:] if not isinstance(statement, ast.If) else ():
        if isinstance(each, ast.Assign) and _meet(each, statement):
            kept = [one for one in before if one is not each]
            yield [*kept, with_parts(statement, body=[each, *body]), *after], each


def _tests(function: ast.AST) -> Iterator[ast.expr]:
    """Yield what is asked in a function's branches, and each part of it."""
    for test in (part.test for part in every(ast.If, function)):
        yield test
        yield from test.values if isinstance(test, ast.BoolOp) else ()


def _indexed(block: list[ast.stmt], place: int, counts: Sequence[str]) -> Iterator[list[ast.stmt]]:
    """Yield a block with another index in a statement, and in those after it that have the same."""
    entries = [{ast.unparse(each): each for each in _entries(one)} for one in block]
    for index in {ast.dump(each.slice): each.slice for each in entries[place].values()}.values():
        text = ast.dump(index)
        same = [
            {name: each for name, each in row.items() if ast.dump(each.slice) == text}
            for row in entries
        ]
        if any(same[place + 1 :]) and not any(same[:place]):
            for other in (*indices(index), *moved(index, counts)):
                yield [
                    renamed(one, {n: with_parts(each, slice=other) for n, each in row.items()})
                    if row
                    else one
                    for one, row in zip(block, same, strict=True)
                ]


def _entries(statement: ast.stmt) -> Iterator[ast.Subscript]:
    """Yield what a simple statement has with an index, but for keys and numbers."""
    for part in ast.walk(statement) if isinstance(statement, ast.Assign | ast.AugAssign) else ():
        if isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Constant):
            yield part


def _other_targets(
    statement: ast.stmt, function: ast.AST, counts: Sequence[str]
) -> Iterator[tuple[str, ast.stmt]]:
    """Yield a statement that changes entries of an array with others, or another array's."""
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    (target,) = targets if len(targets) == 1 else (getattr(statement, "target", None),)
    if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AugAssign):
        updates = isinstance(statement, ast.AugAssign) or target.id in names_in(statement.value)
        for each in slices_of(function) if updates else ():
            entry = new(ast.Subscript, with_parts(target, ctx=ast.Load()), each, target.ctx)
            yield "wrong-element", renamed(statement, {target.id: entry})
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Attribute):
        own = ast.unparse(target.value)
        held, base = every(ast.Attribute, function), ast.dump(target.value.value)
        rows = {ast.unparse(each) for each in held if ast.dump(each.value) == base}
        for other in sorted(rows - {own}):
            changed = with_parts(target, value=expression(other))
            yield "wrong-name", _with_target(statement, changed)
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return
    names = names_in(function, ast.Store)
    lost = names - names_in(function, ast.Load)
    unread = dict.fromkeys(each.id for each in every(ast.Name, function) if each.id in lost)
    index: Any = target.slice
    slices = (
        *indices(index),
        *moved(index, counts),
        *beside(index, slices_of(function)),
        *entries_within(index, [*unread]),
    )
    others = [("wrong-element", with_parts(target, slice=each)) for each in slices]
    for name in sorted(names - {target.value.id}):
        others += [("wrong-name", with_parts(target, value=with_parts(target.value, id=name)))]
    for kind, other in others:
        yield kind, _with_target(statement, other)


def _with_target(statement: ast.stmt, target: ast.expr) -> Any:
    """Return a statement that gives what it computes to another target."""
    if isinstance(statement, ast.Assign):
        return with_parts(statement, targets=[target])
    return with_parts(statement, target=target)


def _entries_of_others(statement: ast.stmt, function: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names below a statement that are given entries and no value, and where first."""
    given = every(ast.Assign, function)
    seen = {each.id for one in given for each in one.targets if isinstance(each, ast.Name)}
    for part in ast.walk(statement):
        out = isinstance(part, ast.keyword) and part.arg == "out"
        target: Any = part.value if out else part  # type: ignore[attr-defined]
        if isinstance(target, ast.Subscript) and (out or isinstance(target.ctx, ast.Store)):
            for name in _base_of(target) - seen:
                seen.add(name)
                yield name, target


def _shifted(block: Sequence[ast.stmt]) -> Iterator[tuple[int, ast.stmt]]:
    """Yield what takes the largest off what the first of some statements reads.

    That is of what exponentials are taken in them, so many statements further on.
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
    """Tell statements of which one makes what the other one reads or makes."""
    (made, read), (others, reads) = _touched(one), _touched(other)
    return bool(made & (others | reads) or others & read)


def _touched(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """Return the names that a statement may change, and those that it reads."""
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
    """Return the name of what an entry or attribute is of."""
    if isinstance(target, ast.Subscript | ast.Attribute):
        return _base_of(target.value)
    return {target.id} if isinstance(target, ast.Name) else set()


def _statements(statement: ast.stmt, held: Container[str]) -> Iterator[tuple[str, ast.stmt]]:
    """Yield what may stand in the place of a statement."""
    if isinstance(statement, ast.AugAssign):
        for operator in (ast.Add, ast.Sub, ast.Mult, ast.Div):
            if not isinstance(statement.op, operator):
                turned = {operator, type(statement.op)} == {ast.Add, ast.Sub}
                kind = "turned-sign" if turned else "wrong-operator"
                yield kind, with_parts(statement, op=operator())
        target = statement.target
        yield "not-replaced", new(ast.Assign, [target], statement.value)
        if isinstance(target, ast.Subscript) and isinstance(statement.op, ast.Add):
            # Of an index that is there twice only one counts otherwise.
            parts = [with_parts(target.value, ctx=ast.Load()), target.slice, statement.value]
            yield "wrong-function", new(ast.Expr, method_of(expression("np.add"), "at", *parts))
        read = with_parts(target, ctx=ast.Load())
        whole = binary(read, type(statement.op), statement.value)
        yield "changed-in-place", new(ast.Assign, [target], whole)
        if isinstance(statement.value, ast.BinOp) and isinstance(statement.op, ast.Mult | ast.Div):
            # It is all of the value that is multiplied or divided by.
            first = binary(read, type(statement.op), statement.value.left)
            apart = with_parts(statement.value, left=first)
            yield "wrong-brackets", new(ast.Assign, [target], apart)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        # What it gives was meant for what it is handed.
        own = statement.value.args[0] if statement.value.args else None
        if isinstance(own, ast.Name | ast.Attribute | ast.Subscript):
            target = with_parts(own, ctx=ast.Store())
            yield "not-kept", new(ast.Assign, [target], statement.value)
    elif isinstance(statement, ast.For) and called_name(statement.iter) not in COUNTED:
        yield "wrong-bounds", with_parts(statement, iter=called_with("reversed(x)", statement.iter))
    elif isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple | ast.Dict):
        for swapped in _swapped(statement.value):
            yield "wrong-order", with_parts(statement, value=swapped)
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        (assigned,) = statement.targets
        if isinstance(statement.value, ast.Dict):
            for swapped in _swapped(statement.value):
                yield "wrong-order", with_parts(statement, value=swapped)
        if isinstance(assigned, ast.Tuple):
            for swapped in _swapped(assigned):
                yield "wrong-order", with_parts(statement, targets=[swapped])
        elif isinstance(assigned, ast.Name | ast.Subscript | ast.Attribute):
            begins = isinstance(assigned, ast.Name) and assigned.id not in held
            for operator in (ast.Add, ast.Sub, ast.Mult, ast.Div) if not begins else ():
                kind = "not-added" if operator in (ast.Add, ast.Sub) else "missing-factor"
                yield kind, new(ast.AugAssign, assigned, operator(), statement.value)
            if isinstance(statement.value, ast.BinOp) and isinstance(statement.value.op, ast.Add):
                # What is added up begins anew each time.
                for part in (statement.value.right, statement.value.left):
                    yield "not-added", new(ast.AugAssign, assigned, ast.Add(), part)
        value = statement.value
        if isinstance(value, ast.BinOp) and ast.unparse(value.left) == ast.unparse(assigned):
            yield "not-in-place", new(ast.AugAssign, assigned, value.op, value.right)
    elif isinstance(statement, ast.For) and isinstance(inner := statement.body[0], ast.For):
        outer, below = range_from_zero(statement.iter), range_from_zero(inner.iter)
        if outer is not None and below is not None:
            body = [with_parts(inner, iter=below), *statement.body[1:]]
            yield "wrong-bounds", with_parts(statement, iter=outer, body=body)


def _swapped(row: ast.Tuple | ast.Dict) -> Iterator[ast.expr]:
    """Yield a row, or a dict, with two of its values exchanged, neighbours first."""
    name = "elts" if isinstance(row, ast.Tuple) else "values"
    values: list[ast.expr] = getattr(row, name)
    pairs = sorted(itertools.combinations(range(len(values)), 2), key=lambda p: p[1] - p[0])
    for one, other in pairs[:EXCHANGED]:
        exchanged = [*values]
        exchanged[one], exchanged[other] = exchanged[other], exchanged[one]
        yield with_parts(row, **{name: exchanged})
