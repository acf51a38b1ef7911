"""The small changes that may be made to an expression, as a table of kinds.

A kind is a way to be wrong: another name of the same shape, a factor that is missing, an axis. Each
proposes what may stand in the place of a part of the student's text.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradkit.runtime.repair.scope import FEW, WHOLE, Scope, is_array, is_number, written_like
from gradkit.runtime.repair.spots import REDUCERS, Spot
from gradkit.runtime.repair.tree import (
    LARGE,
    LARGER,
    NAMED,
    SIGNED,
    SIMPLE,
    Change,
    beside,
    binary,
    called,
    expression,
    indices,
    is_numpy,
    moved,
    new,
    renamed,
    with_parts,
)
from gradkit.runtime.syntax import base_name, names_in

NUMBERS = (0, 1, 2, -1)
"""Constants that are tried in the place of another."""

SCALED = 1.05
"""What it costs to have a constant so many times as large, or a half."""

BRACKETS = 0.1
"""What brackets cost besides, that a change needs."""


Maker = Callable[[Spot], Iterator[Change]]


def _names(spot: Spot) -> Iterator[Change]:
    node, scope = spot.node, spot.scope
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or called(node) == "len":
        text = ast.unparse(node)
        kind = "wrong-entry" if isinstance(node, ast.Subscript) else "wrong-name"
        near = scope.alike(text, spot.value)
        lost = spot.value is None and text not in scope.values
        if lost:
            # What is not there at all was to be one that is written nearly so, of the same names.
            near = written_like(text, scope.values)
            near = [n for n in near if names_in(node) <= names_in(expression(n))] or near
        # In a sum that counts there is as likely too much.
        sums = [a for a in spot.above if _adds(a) and node in (a.left, a.right)]  # type: ignore[attr-defined]
        counted = sums and spot.counts and isinstance(spot.value, WHOLE)
        for other in near:
            yield Change(kind, expression(other), SCALED if counted else SIMPLE)
        if lost or spot.value is not None:
            # A row is no operand, and as often as a large number says it takes all memory.
            alone = not any(
                isinstance(a, ast.BinOp) and node in (a.left, a.right) for a in spot.above
            )
            held = scope.values.items() if alone else ()
            rows = [n for n, v in held if n.isidentifier() and isinstance(v, ROWS)]
            # First those of another number alone, ``db2`` for ``db1``.
            both = (scope.numbers_that(count=each) for each in (False, True))
            likely = (sorted(few, key=lambda n: n[:-1] != text[:-1]) for few in both)
            some = [n for few in likely for n in few[:RATES]]
            numbers = () if is_array(spot.value) else scope.numbers
            rest = dict.fromkeys((*rows, *some, *scope.arrays, *numbers))
            for other in [n for n in rest if n != text and n not in near][:FEW]:
                yield Change(kind, expression(other), LARGER)


BOUNDED = ("maximum", "minimum", "clip", "where")
"""Functions of which a constant is a bound, or a value, and no size."""

RATES = 4
"""Numbers of either sort that are tried in the place of an array."""


def _others_together(spot: Spot) -> Iterator[Change]:
    """Yield all that is computed with two names exchanged, or with several as a dict holds them."""
    if spot.above or isinstance(spot.node, ast.Name):
        return
    parts = (n for n in ast.walk(spot.node) if isinstance(n, ast.Name | ast.Subscript))
    names = dict.fromkeys(map(ast.unparse, parts))
    values = spot.scope.values
    pairs = itertools.combinations(names, 2)
    alike = (p for p in pairs if _is_like(values.get(p[0]), values.get(p[1])))
    made = [
        {one: expression(other), other: expression(one)}
        for one, other in itertools.islice(alike, AT_ONCE)
    ]
    for held, row in values.items():
        own = (
            sorted(names.keys() & row.keys())
            if isinstance(row, dict) and held.isidentifier()
            else []
        )
        made += [{name: expression(f"{held}[{name!r}]") for name in own}] if len(own) > 1 else []
    for others in made:
        yield Change("wrong-name", renamed(spot.node, others), LARGER)


def _throughout(spot: Spot) -> Iterator[Change]:
    """Yield all that is computed with another name wherever one stands, or without a call.

    One slip that is made again is one mistake.
    """
    if spot.above:
        return
    parts = [part for part in ast.walk(spot.node) if isinstance(part, NAMED)]
    times = Counter(ast.unparse(part) for part in parts)
    again = {text: part for part in parts if times[text := ast.unparse(part)] > 1}
    for text, part in again.items():
        for other in spot.scope.alike(text, spot.scope.values.get(text)):
            yield Change("wrong-name", renamed(spot.node, {text: expression(other)}), SCALED)
        rate = text in spot.scope.numbers_that(count=False)
        for scaled in (f"{text} / 2", f"2 * {text}") if rate else ():
            by = {text: expression(scaled)}
            yield Change("missing-factor", renamed(spot.node, by), SCALED)
        if isinstance(part, ast.Call) and len(part.args) == 1:
            (own,) = part.args
            yield Change("extra-function", renamed(spot.node, {text: own}), SCALED)
            signed = isinstance(own, ast.UnaryOp) and isinstance(own.op, ast.USub)
            turned = own.operand if signed else new(ast.UnaryOp, ast.USub(), own)  # type: ignore[attr-defined]
            if called(part) == "exp":
                other = with_parts(part, args=[turned])
                yield Change("turned-sign", renamed(spot.node, {text: other}), SCALED)


OTHERS, AT_ONCE = 4, 30
"""Others that are handed over in the place of a name, and ways to do so with several."""

ROWS = (dict, list, tuple)
"""What holds values and is none itself."""

OPTIONS = {"axis": "wrong-axis", "keepdims": "wrong-shape"}
"""Kinds of changes of options that are about axes."""


def _constants(spot: Spot) -> Iterator[Change]:
    node = spot.node
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, str):
        rows = [each.elts for each in spot.above if isinstance(each, ast.Tuple | ast.List)]
        taken = {getattr(each, "value", None) for row in rows for each in row}
        for key in spot.scope.keys_for(value, other=not spot.above):
            if key not in taken:
                yield Change("wrong-entry", new(ast.Constant, key))
        # A key is none of these, nor what a method is asked for.
        calls = (a for a in spot.above if isinstance(a, ast.Call) and isinstance(a.func, ast.Name))
        handed = spot.of or any(node in call.args for call in calls)
        for word in spot.scope.words if handed and value in spot.scope.words else ():
            if word != value:
                yield Change("wrong-option", new(ast.Constant, word))
    elif value is None:
        # It was left for later.
        scope = spot.scope
        for name in (*scope.arrays[:FEW], *scope.numbers_that(count=False)[:FEW]):
            yield Change("wrong-expression", expression(name), LARGER)
    elif isinstance(value, bool):
        yield Change(OPTIONS.get(spot.of, "wrong-option"), new(ast.Constant, not value))
    elif isinstance(value, int | float):
        around = [a for a in spot.above if isinstance(a, ast.BinOp) and node in (a.left, a.right)]
        added = any(map(_adds, around))
        scales = any(isinstance(a.op, ast.Mult | ast.Div) for a in around)
        signed = any(isinstance(a, ast.UnaryOp) and a.operand is node for a in spot.above)
        plain = (*NUMBERS, value + 1, value - 1, -value)
        held_to = any(_is_held_to(a, spot.scope) for a in spot.above)
        scaled = (0.5, value * 2, value / 2, value / 10, value * 10)
        others = [*(value * ratio for ratio in spot.scope.ratios), *scaled]
        # In a sum that counts only the next numbers are others, and where loops are.
        counted = added and spot.counts and isinstance(value, int)
        row = spot.of == "axis" and any(isinstance(a, ast.Tuple) for a in spot.above)
        for number in dict.fromkeys([*plain, *([] if counted else others)]):
            if number != value and not (signed and number <= 0):
                # A row of axes is another row, before one of them is; what is set is hardly turned.
                set_to = number < 0 and not spot.above
                cost = SCALED if row or number not in plain else LARGER if set_to else SIMPLE
                kind = "turned-sign" if number == -value and scales else "wrong-constant"
                yield Change(OPTIONS.get(spot.of, kind), _number(number), cost)
        names = spot.scope.numbers_that(count=True) if spot.indexes else spot.scope.numbers
        names = [*spot.scope.places] if counted else names
        if not counted and (added or any(called(a) in BOUNDED for a in spot.above)):
            # Sizes are factors, and no terms or bounds of what is computed.
            names = spot.scope.numbers_that(count=False)
        few = FEW if spot.of != "axis" else 0  # an axis is no variable
        for name in [n for n in names if n.isidentifier() or not held_to][:few]:
            yield Change("wrong-constant", expression(name))
        for name in spot.scope.arrays[:FEW] if added and not counted else ():
            yield Change("wrong-name", expression(name), LARGER)


DIGITS = "0123456789"


def _rows(spot: Spot) -> Iterator[Change]:
    """Yield a row of values, or of keys, with two exchanged, and one of keys less or more.

    Of a loop over a dict it is the keys of one sort, ``("W1", "W2")``.
    """
    node = spot.node
    if isinstance(spot.value, dict) and spot.counts and not spot.above:
        keys = [key for key in spot.value if isinstance(key, str)]
        for stem in dict.fromkeys(key.rstrip(DIGITS) for key in keys):
            sort = [key for key in keys if key.rstrip(DIGITS) == stem]
            if 1 < len(sort) < len(keys):
                row = new(ast.Tuple, [new(ast.Constant, key) for key in sort], ast.Load())
                yield Change("wrong-bounds", row)
    shapes = any(called(each) in SHAPED or called(each) == "reshape" for each in spot.above)
    index = any(isinstance(each, ast.Subscript) and each.slice is node for each in spot.above)
    if not isinstance(node, ast.Tuple | ast.List) or shapes or index or spot.of == "axis":
        return
    for one, other in itertools.islice(itertools.combinations(range(len(node.elts)), 2), AT_ONCE):
        elements = [*node.elts]
        elements[one], elements[other] = elements[other], elements[one]
        yield Change("wrong-order", with_parts(node, elts=elements))
    values = [each.value for each in node.elts if isinstance(each, ast.Constant)]
    numbers = [each for each in values if type(each) is int]
    if spot.counts and numbers and len(numbers) == len(node.elts):
        # What a loop goes over may begin or end a number too late, or too soon.
        first, last = numbers[0], numbers[-1]
        around = ([first - 1, *numbers], [*numbers, last + 1], numbers[1:], numbers[:-1])
        for row in [each for each in around if each]:
            made = with_parts(node, elts=[_number(each) for each in row])
            yield Change("wrong-bounds", made)
    keys = [value for value in values if isinstance(value, str)]
    if not keys or len(keys) < len(node.elts):
        return
    for number in range(len(keys)):
        if len(keys) > 1:
            rest = [*node.elts[:number], *node.elts[number + 1 :]]
            yield Change("wrong-bounds", with_parts(node, elts=rest))
    for key in spot.scope.keys_for(keys[0], other=True):
        if key not in keys:
            yield Change(
                "wrong-bounds", with_parts(node, elts=[*node.elts, new(ast.Constant, key)])
            )


def _is_held_to(node: ast.AST, scope: Scope) -> bool:
    """Tell a comparison with an array: the size of one is no bound of its numbers."""
    parts = (node.left, *node.comparators) if isinstance(node, ast.Compare) else ()
    return any(is_array(scope.values.get(ast.unparse(part))) for part in parts)


def _is_idle(node: ast.AST, values: Mapping[str, Any]) -> bool:
    """Tell what changes nothing or is always the same, and stands for something too many.

    So is the difference of two names for one value, and what is compared with itself.
    """
    if isinstance(node, ast.Compare):
        return len(node.comparators) == 1 and _is_same(node.left, node.comparators[0])
    if not isinstance(node, ast.BinOp):
        return False
    left, right = (getattr(part, "value", None) for part in (node.left, node.right))
    if _adds(node):
        idle = right == 0 or (left == 0 and isinstance(node.op, ast.Add))
    elif isinstance(node.op, ast.Mult):
        idle = left in (0, 1) or right in (0, 1) or _is_undone(node)
    else:
        idle = right == 1 or (left == 0 and isinstance(node.op, ast.Div))
    if idle or not isinstance(node.op, ast.Sub | ast.Div):
        return bool(idle)
    one, other = (values.get(getattr(part, "id", "")) for part in (node.left, node.right))
    # A number that counts is one object, whoever counts it.
    alias = one is other and not isinstance(one, int | None)
    return alias or _is_same(node.left, node.right)


def _is_undone(node: ast.BinOp) -> bool:
    """Tell ``a * (1 / a)``, also at the end of a longer product."""
    last = node.left.right if isinstance(node.left, ast.BinOp) else node.left
    other = node.right
    return (
        isinstance(other, ast.BinOp)
        and isinstance(other.op, ast.Div)
        and _is_same(last, other.right)
    )


def _is_same(one: Any, other: Any) -> bool:
    """Tell expressions that are written alike."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, ast.AST):
        return all(_is_same(getattr(one, f), getattr(other, f)) for f in one._fields)
    return bool(one == other)


def _number(value: float) -> ast.expr:
    """Write a number; a negative one is a sign and a number."""
    constant: ast.expr = new(ast.Constant, abs(value))
    return new(ast.UnaryOp, ast.USub(), constant) if value < 0 else constant


OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult)
SUMS = (ast.Add, ast.Sub)
"""Operations of sums."""

ORDERED = ast.Sub | ast.Div | ast.MatMult | ast.Pow


def _operations(spot: Spot) -> Iterator[Change]:
    node = spot.node
    yield from _closed(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        yield Change("wrong-comparison", node.operand)
    elif is_array(spot.value) and spot.value.dtype.kind == "b":
        yield Change("wrong-comparison", new(ast.UnaryOp, ast.Invert(), node))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield Change("turned-sign", node.operand)
        if isinstance(node.operand, ast.Constant):
            yield Change("wrong-constant", new(ast.Constant, 0))
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Change("wrong-comparison", with_parts(node, op=other))
    if isinstance(node, ast.IfExp):
        yield Change("wrong-comparison", with_parts(node, body=node.orelse, orelse=node.body))
    if not isinstance(node, ast.BinOp):
        return
    added = _adds(node)
    fixed = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
    for operator in OPERATORS if not isinstance(node.op, ast.FloorDiv) else (ast.Div,):
        if not isinstance(node.op, operator) and not (fixed and operator in SUMS):
            turned = added and operator in (ast.Add, ast.Sub)
            kind = "turned-sign" if turned else "wrong-operator"
            yield Change(kind, with_parts(node, op=operator()))
    if isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant):
        yield Change("wrong-power", with_parts(node, op=ast.Pow()))
    yield Change("extra-term" if added else "surplus-factor", node.left)
    if isinstance(node.op, ast.Sub):
        yield Change("extra-term", new(ast.UnaryOp, ast.USub(), node.right), LARGER)
    else:
        yield Change("extra-term" if added else "surplus-factor", node.right)
    for part in (node.left, node.right) if not added else ():
        # What is divided besides is a mean that is written out.
        for name in LIKE.get(called(part), ()) if called(part) in REDUCERS else ():
            yield Change("wrong-function", _of_another_name(part, name), LARGER)
    if _product(node) and (before := _product(node.left)):
        # Both factors of the slope of a sigmoid.
        yield Change("surplus-factor", before.left)
    counted = added and spot.counts and isinstance(spot.value, WHOLE)
    if isinstance(node.op, ORDERED) and not counted:
        kind = "turned-sign" if isinstance(node.op, ast.Sub) else "wrong-order"
        yield Change(kind, with_parts(node, left=node.right, right=node.left))
    yield from _regrouped(node)
    yield from _other_slopes(node)


def _product(node: ast.expr) -> ast.BinOp | None:
    """Return what is a product."""
    return node if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else None


def _other_slopes(node: ast.BinOp) -> Iterator[Change]:
    """Yield the slope of tanh for that of a sigmoid, both made of the activation's value."""
    if not _product(node):
        return
    before = _product(node.left)
    last = node.left if before is None else before.right
    for own, rest in ((last, node.right), (node.right, last)):
        if _is_same(rest, binary(expression("1"), ast.Sub, own)):
            square = binary(own, ast.Pow, expression("2"))
            slope = binary(expression("1"), ast.Sub, square)
            made = slope if before is None else with_parts(before, right=slope)
            yield Change("wrong-expression", made)


def _regrouped(node: ast.BinOp) -> Iterator[Change]:
    """Yield the same row of operations with its brackets in another place.

    An operation that is another one takes other brackets with it: ``a - b + c`` for ``a - b * c``.
    """
    added = _adds(node)
    if isinstance(node.left, ast.BinOp) and isinstance(node.right, ast.BinOp) and added:
        # a - 1 - b * c for a - (1 - b) * c.
        first, second = node.left, node.right
        if isinstance(second.op, ast.Mult | ast.Div):
            factor = with_parts(node, left=first.right, right=second.left)
            product = with_parts(second, left=factor)
            yield Change("wrong-brackets", with_parts(first, right=product), LARGER)
    if isinstance(node.left, ast.BinOp) and added:
        inner = node.left
        if _adds(inner):
            for operator in (ast.Mult, ast.Div):
                product = with_parts(node, left=inner.right, op=operator())
                yield Change("wrong-operator", with_parts(inner, right=product))
    if isinstance(node.right, ast.BinOp) and added:
        inner = node.right
        if isinstance(inner.op, ast.Mult | ast.Div):
            for other in (ast.Add, ast.Sub):
                left = with_parts(node, right=inner.left)
                yield Change("wrong-operator", with_parts(inner, left=left, op=other()))
    if isinstance(node.left, ast.BinOp):
        inner = node.left
        right = with_parts(node, left=inner.right)
        yield Change("wrong-brackets", with_parts(inner, right=right), _written(node, inner))
        if isinstance(last := inner.right, ast.BinOp):
            # a / b ** (c / d) for a / b ** c / d.
            power = with_parts(last, right=with_parts(node, left=last.right))
            yield Change("wrong-brackets", with_parts(inner, right=power), LARGER)
    if isinstance(node.right, ast.BinOp):
        inner = node.right
        left = with_parts(node, right=inner.left)
        yield Change("wrong-brackets", with_parts(inner, left=left), _written(node, inner))


def _closed(node: Any) -> Iterator[Change]:
    """Yield a call that ends before an operand, or after the next one.

    That is ``f(a) - b`` for ``f(a - b)``, and ``f(a - b).sum()`` for ``f(a) - b.sum()``; and of two
    calls ``f(a * b)`` for ``f(a) * f(b)``.
    """
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        inner = node.args[0]
        shorter = with_parts(node, args=[inner.left])
        # Where it is as right without the call, that is the simpler text.
        yield Change("wrong-brackets", with_parts(inner, left=shorter), SIGNED)
    if not isinstance(node, ast.BinOp):
        return
    # Of c * f(a) - b it is the call that ends later.
    before = node.left if isinstance(node.left, ast.BinOp) else None
    call = before.right if before is not None else node.left
    if isinstance(call, ast.Call) and call.args and called(call) != "len":
        first, *rest = call.args
        last: Any = node.right
        method = last.func if isinstance(last, ast.Call) else None
        own = method.value if isinstance(method, ast.Attribute) else None
        base = last if own is None or is_numpy(own) else own
        made = with_parts(call, args=[with_parts(node, left=first, right=base), *rest])
        if base is own:
            made = with_parts(last, func=with_parts(method, value=made))
        whole = made if before is None else with_parts(before, right=made)
        yield Change("wrong-brackets", whole)
        if _is_same_but_for_one(call, last):
            both = with_parts(call, args=[with_parts(node, left=first, right=last.args[0]), *rest])
            whole = both if before is None else with_parts(before, right=both)
            yield Change("wrong-brackets", whole)


def _is_same_but_for_one(call: ast.Call, other: Any) -> bool:
    """Tell calls of the same function that are handed another value first."""
    return (
        isinstance(other, ast.Call)
        and len(other.args) > 0
        and _is_same(call.func, other.func)
        and _is_same(call.args[1:], other.args[1:])
        and _is_same(call.keywords, other.keywords)
    )


def _written(node: ast.BinOp, inner: ast.BinOp) -> float:
    """Return what it costs to move brackets: more where there were none around a sum."""
    return LARGER if _adds(node) or not _adds(inner) else SIMPLE


def _adds(node: Any) -> bool:
    """Tell a sum or a difference."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, SUMS)


TURNED: Sequence[Sequence[type]] = (
    (ast.Gt, ast.Lt, ast.GtE, ast.LtE),
    (ast.Eq, ast.NotEq),
    (ast.In, ast.NotIn),
    (ast.Is, ast.IsNot),
)
"""Comparisons that are taken for each other."""


def _comparisons(spot: Spot) -> Iterator[Change]:
    node = spot.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        own = type(node.ops[0])
        for other in (kind for row in TURNED if own in row for kind in row if kind is not own):
            yield Change("wrong-comparison", with_parts(node, ops=[other()]))
        if not spot.counts and not any(isinstance(a, ast.Compare | ast.BoolOp) for a in spot.above):
            yield Change("wrong-comparison", node.left, LARGER)
        text = ast.unparse(node.left)
        # A mask may be both: of another array, and with its edge.
        for name in spot.scope.alike(text, spot.scope.values.get(text)):
            for other in (ast.LtE, ast.Gt, ast.Eq):
                if other is not own and is_array(spot.value):
                    mask = with_parts(node, left=expression(name), ops=[other()])
                    yield Change("wrong-name", mask, LARGER)


def _slopes(spot: Spot) -> Iterator[Change]:
    """Yield where a factor is positive, which is the slope of a ReLU, in the place of its value."""
    node: Any = spot.node
    products = (a for a in spot.above if isinstance(a, ast.BinOp) and isinstance(a.op, ast.Mult))
    factor = any(node in (a.left, a.right) for a in products)
    if not (factor and is_array(spot.value) and spot.value.dtype.kind == "f"):
        return
    if called(node) == "maximum" and len(node.args) == 2:
        owners = [part for part in node.args if not isinstance(part, ast.Constant)]
    else:
        owners = [node] if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) else []
    if len(owners) == 1:
        positive = new(ast.Compare, owners[0], [ast.Gt()], [new(ast.Constant, 0)])
        # What has a name may be wrong where it is made.
        yield Change("missing-slope", positive, SIGNED if owners[0] is node else SIMPLE)


AXES = (0, 1, -1, 2, (0, 1), (0, 2), (1, 2), (2, 3), (0, 2, 3))
"""Axes that are tried in the place of another, or of none."""

LIKE: Mapping[str, tuple[str, ...]] = {
    **{"sum": ("mean", "max"), "mean": ("sum", "max", "median"), "median": ("mean",)},
    **{"min": ("minimum", "max", "argmin"), "rand": ("randn",), "randn": ("rand",)},
    **{"max": ("maximum", "min", "sum", "mean", "argmax")},
    **{"amax": ("amin",), "amin": ("amax",), "argmax": ("argmin", "max")},
    **{"argmin": ("argmax",), "std": ("var",), "var": ("std",)},
    **{"maximum": ("minimum",), "minimum": ("maximum",), "exp": ("log",), "log": ("exp",)},
    **{"sqrt": ("square",), "square": ("sqrt",), "tanh": ("cosh", "exp"), "cosh": ("tanh",)},
    **{"sinh": ("cosh", "tanh"), "arctan": ("tanh",), "cumprod": ("cumsum",), "prod": ("sum",)},
    **{"dot": ("multiply",), "multiply": ("dot", "outer"), "zeros_like": ("ones_like",)},
    **{"ones_like": ("zeros_like",), "zeros": ("ones",), "ones": ("zeros",)},
    **{"vstack": ("hstack",), "hstack": ("vstack",), "floor": ("ceil",), "ceil": ("floor",)},
    **{"expm1": ("exp",), "log1p": ("log",), "any": ("all",), "all": ("any",)},
    **{"log2": ("log",), "log10": ("log",), "sin": ("cos",), "sort": ("argsort",)},
    **{"cos": ("sin",), "power": ("multiply",), "outer": ("dot", "multiply"), "abs": ("square",)},
}
"""Functions that are taken for each other."""


def _calls(spot: Spot) -> Iterator[Change]:
    node = spot.node
    if not isinstance(node, ast.Call):
        return
    name = called(node)
    for other in LIKE.get(name, ()):
        # Whether what is drawn is, is seen by little that it comes to.
        cost = LARGE if SHAPED.get(name, 0) is None else SIMPLE
        yield Change("wrong-function", _of_another_name(node, other), cost)
    if ast.unparse(node.func) == f"math.{name}" and hasattr(np, name):
        # That takes arrays, too.
        yield Change("wrong-function", with_parts(node, func=expression(f"np.{name}")))
    helpers = spot.scope.helpers
    if len(node.args) == 1 and (name in helpers or is_numpy(getattr(node.func, "value", node))):
        known = [f"np.{each}" for each in WRAPPERS[:4]] if name in helpers else []
        for helper in (each for each in (*helpers, *known) if each != name):
            yield Change("wrong-function", _called(f"{helper}(x)", node.args[0]))
    for argument in node.args:
        if not isinstance(argument, ast.Constant | ast.Starred):
            yield Change("extra-function", argument)
    inner: Any = node.args[0] if len(node.args) == 1 else None
    if isinstance(inner, ast.Call) and len(inner.args) == 1:
        # The sum of squares for the square of the sum.
        swapped = with_parts(node, args=inner.args)
        yield Change("wrong-order", with_parts(inner, args=[swapped]))
    if isinstance(node.func, ast.Attribute) and not is_numpy(node.func.value):
        yield Change("extra-function", node.func.value)
        if name == "copy":
            yield Change("wrong-function", _called("np.zeros_like(x)", node.func.value))
    if is_array(spot.value):
        near = spot.scope.alike(ast.unparse(node), spot.value)
        held = {spot.scope.values[other].tobytes(): other for other in reversed(near)}
        for other in held.values():
            yield Change("wrong-expression", expression(other), LARGER)
    # What is drawn from a range is as wrong where the range is turned.
    last = len(node.args) - 1 if SHAPED.get(name) != DRAWN else 0
    # What is asked of `where` is true or false, and comes first.
    begin = int(name == "where")
    orders = [
        [*node.args[:n], *node.args[n : n + 2][::-1], *node.args[n + 2 :]]
        for n in range(begin, last)
    ]
    for args in [*orders, *([node.args[::-1]] if len(node.args) == 3 and not begin else [])]:
        yield Change("wrong-order", with_parts(node, args=args))
    yield from _others_at_once(node, spot.scope)
    for name in spot.scope.idle if base_name(node.func) in ("np", "numpy") else ():
        word = new(ast.keyword, name, expression(name))
        kind = OPTIONS.get(name, "wrong-option")
        yield Change(kind, with_parts(node, keywords=[*node.keywords, word]))
    for argument in _not_handed(node, spot):
        yield Change("wrong-option", with_parts(node, args=[*node.args, argument]))
    for option, default in _switches(spot.names.namespace.get(ast.unparse(node.func))):
        switched = new(ast.keyword, option, new(ast.Constant, not default))
        words = [each for each in node.keywords if each.arg != option]
        yield Change("wrong-option", with_parts(node, keywords=[*words, switched]))
    for at, keyword in enumerate(node.keywords if name == "dict" else ()):
        for key in spot.scope.keys_for(keyword.arg or "", other=False):
            words = [
                *node.keywords[:at],
                new(ast.keyword, key, keyword.value),
                *node.keywords[at + 1 :],
            ]
            yield Change("wrong-entry", with_parts(node, keywords=words))
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        kind = OPTIONS.get(keyword.arg or "", "wrong-option")
        yield Change(kind, with_parts(node, keywords=rest))
        if keyword.arg == "axis":
            for axis in AXES:
                one_more = [*rest, new(ast.keyword, "axis", expression(f"{axis}"))]
                yield Change("wrong-axis", with_parts(node, keywords=one_more))
    if name in REDUCERS:
        yield from _reduced(node)
        yield from _picked(spot, node)
    if name == "range":
        yield from _bounds(node)


def _of_another_name(call: Any, name: str) -> ast.expr:
    """Return a call of the function or method that is called so."""
    part = "attr" if isinstance(call.func, ast.Attribute) else "id"
    return with_parts(call, func=with_parts(call.func, **{part: name}))  # type: ignore[no-any-return]


def _others_at_once(node: ast.Call, scope: Scope) -> Iterator[Change]:
    """Yield a call that is handed others in the place of several names.

    They may be of the same value so far: what a loop goes on with is at first what it began with.
    """
    given = [part.id if isinstance(part, ast.Name) else "" for part in node.args]
    plain = [n for n in (*scope.arrays, *scope.numbers) if n.isidentifier() and n not in given]
    others = (
        (n for n in plain if _is_like(scope.values.get(n), scope.values.get(g))) for g in given
    )
    rows = [[own, *itertools.islice(more, OTHERS)] for own, more in zip(given, others, strict=True)]
    if math.prod(map(len, rows)) > AT_ONCE:
        return
    for names in itertools.product(*rows):
        if sum(one != other for one, other in zip(names, given, strict=True)) > 1:
            pairs = zip(names, given, node.args, strict=True)
            args = [part if one == own else expression(one) for one, own, part in pairs]
            yield Change("wrong-name", with_parts(node, args=args), LARGER)


def _not_handed(node: ast.Call, spot: Spot) -> Iterator[ast.expr]:
    """Yield what may be handed to a student's function besides, of what it has a default for."""
    function = spot.names.namespace.get(ast.unparse(node.func))
    if isinstance(function, FunctionType) and not node.keywords:
        code = function.__code__
        for name in code.co_varnames[len(node.args) : code.co_argcount][:1]:
            yield from map(expression, sorted(spot.scope.arrays[:FEW], key=lambda n: n != name))


def _switches(function: Any) -> list[tuple[str, bool]]:
    """Return the parameters of a student's function that are true or false by default."""
    if not isinstance(function, FunctionType):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of what says itself how it is called
        return []
    return [(each.name, each.default) for each in parameters if isinstance(each.default, bool)]


def _is_like(one: Any, other: Any) -> bool:
    """Tell values of the same kind and shape."""
    if is_array(one) or is_array(other):
        return is_array(one) and is_array(other) and one.shape == other.shape
    return is_number(one) and isinstance(one, WHOLE) is isinstance(other, WHOLE)


def _reduced(node: ast.Call) -> Iterator[Change]:
    has = {keyword.arg for keyword in node.keywords}
    if isinstance(node.func, ast.Name):
        # Python's own knows no axes.
        node = with_parts(node, func=expression(f"np.{node.func.id}"))
    kept = new(ast.keyword, "keepdims", new(ast.Constant, True))
    axes = [new(ast.keyword, "axis", expression(f"{axis}")) for axis in AXES]
    method = isinstance(node.func, ast.Attribute) and not is_numpy(node.func.value)
    rest = [each for each in node.keywords if each.arg != "axis"]
    made: list[list[ast.keyword]] = []
    if "axis" not in has and len(node.args) == (0 if method else 1):
        made = [[*rest, axis, *more] for axis in axes for more in ([], [kept])]
    elif "keepdims" not in has:
        yield Change("wrong-shape", with_parts(node, keywords=[*node.keywords, kept]))
        made = [[*rest, kept, axis] for axis in axes]
    for keywords in made:
        args = node.args[: 0 if method else 1]
        yield Change("wrong-axis", with_parts(node, args=args, keywords=keywords), LARGER)


def _picked(spot: Spot, node: Any) -> Iterator[Change]:
    """Yield an entry of a row in the place of what all of it comes to."""
    method = isinstance(node.func, ast.Attribute) and not is_numpy(node.func.value)
    own = node.func.value if method else node.args[0] if node.args else node
    row = spot.scope.values.get(ast.unparse(own))
    if isinstance(row, np.ndarray) and row.ndim == 1:
        entries = [each for each in spot.scope.numbers_that(count=True) if "[" in each]
        for index in entries[:RATES]:
            entry = new(ast.Subscript, own, expression(index), ast.Load())
            yield Change("wrong-entry", entry)


def _bounds(node: ast.Call) -> Iterator[Change]:
    first, *rest = node.args
    one = new(ast.Constant, 1)
    for operator in (ast.Add, ast.Sub):
        for number, argument in enumerate(node.args):
            args = [*node.args]
            args[number] = binary(argument, operator, one)
            yield Change("wrong-bounds", with_parts(node, args=args))
    more = [[one, first], [one, binary(first, ast.Add, one)]] if not rest else [rest]
    if len(rest) > 1:
        more = [[binary(rest[0], ast.FloorDiv, rest[1])]]  # rounds are counted for steps
    for args in more:
        yield Change("wrong-bounds", with_parts(node, args=args))
    yield Change("wrong-bounds", new(ast.Call, expression("reversed"), [node], []))


def _attributes(spot: Spot) -> Iterator[Change]:
    node = spot.node
    yield from _transposed(node)
    yield from _shaped(spot)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        # A little less than to put another one behind it.
        yield Change("wrong-transpose", node.value, SIMPLE - 0.01)
    elif is_array(spot.value) and spot.value.ndim >= 2 and not _is_counted(spot):
        yield Change("wrong-transpose", new(ast.Attribute, node, "T", ast.Load()))
    # What an entry of a copy is given is lost.
    written = spot.counts and not spot.above
    if isinstance(spot.value, np.ndarray) and not (written or isinstance(node, ast.Constant)):
        alias = not spot.above and isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        cost = SIMPLE if alias else LARGER
        yield Change(
            "missing-copy", new(ast.Call, _attribute(node, "copy"), [], []), cost, hidden=True
        )
        for name in spot.scope.arrays:
            other = spot.scope.values[name]
            if other.size == spot.value.size and other.shape != spot.value.shape:
                shape = expression(f"{name}.shape")
                yield Change(
                    "wrong-shape", new(ast.Call, _attribute(node, "reshape"), [shape], []), LARGER
                )


def _shaped(spot: Spot) -> Iterator[Change]:
    """Yield the same numbers in another shape: as a row, as a column, or flat."""
    node, value = spot.node, spot.value
    if isinstance(node, ast.Tuple) and any(called(a) in SHAPED for a in spot.above):
        sizes = [e for e in node.elts if not (isinstance(e, ast.Constant) and e.value == 1)]
        if len(sizes) == 1 < len(node.elts):
            yield Change("wrong-shape", sizes[0])
    if isinstance(value, list) and not spot.above:
        row = new(ast.List, [node], ast.Load())
        yield Change("wrong-shape", new(ast.Call, expression("np.array"), [row], []), LARGER)
    if isinstance(value, np.ndarray) and spot.whole and value.ndim in (1, 2) and value.size > 1:
        for shape in ((1, -1), (-1, 1), (-1,)):
            if value.reshape(*shape).shape != value.shape:
                given = [_number(size) for size in shape]
                shaped = new(ast.Call, _attribute(node, "reshape"), given, [])
                yield Change("wrong-shape", shaped, LARGER)


def _transposed(node: Any) -> Iterator[Change]:
    """Yield a product of which the other factor is transposed, or all with nothing transposed.

    That is all in which several things are: what is made again is one slip.
    """
    turned = [_turned_below(part) for part in ast.iter_child_nodes(node)]
    if sum(map(bool, turned)) > 1:
        plain_ones = {ast.unparse(part): part.value for parts in turned for part in parts}
        yield Change("wrong-transpose", renamed(node, plain_ones), SCALED)
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    call = isinstance(node, ast.Call) and called(node) in ("dot", "matmul") and len(node.args) == 2
    names = ("left", "right") if product else ()
    factors = [getattr(node, each) for each in names] if product else node.args if call else []
    plain = [f.value if isinstance(f, ast.Attribute) and f.attr == "T" else None for f in factors]
    if [*map(bool, plain)].count(True) == 1:
        made = [
            new(ast.Attribute, factor, "T", ast.Load()) if own is None else own
            for factor, own in zip(factors, plain, strict=True)
        ]
        parts = dict(zip(names, made, strict=True)) if product else {"args": made}
        yield Change("wrong-transpose", with_parts(node, **parts), SCALED)


def _turned_below(node: ast.AST) -> list[ast.Attribute]:
    """Return what is transposed in a part of an expression."""
    parts = (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
    return [part for part in parts if part.attr == "T"]


def _attribute(node: ast.expr, name: str) -> ast.expr:
    return new(ast.Attribute, node, name, ast.Load())  # type: ignore[no-any-return]


def _is_counted(spot: Spot) -> bool:
    """Tell what only its length is asked of: where that is wrong, another size is meant."""
    return any(called(each) == "len" for each in spot.above)


def _subscripts(spot: Spot) -> Iterator[Change]:
    node = spot.node
    if not isinstance(node, ast.Subscript):
        return
    part: Any = node.slice
    row = spot.scope.values.get(ast.unparse(node.value))
    for key in row if isinstance(row, dict) and isinstance(part, ast.Constant) else ():
        if isinstance(key, str):
            yield Change("wrong-entry", with_parts(node, slice=new(ast.Constant, key)))
    for other in indices(part):
        # From the other end it is the same entry in one round.
        turned = isinstance(part, ast.UnaryOp)
        yield Change("wrong-element", with_parts(node, slice=other), always=turned)
    whole = spot.scope.numbers_that(count=True)
    for other in (*moved(part, spot.scope.counts, whole), *beside(part, spot.scope.slices)):
        # It is one slip, however often it is made. Of several windows the largest may be the same.
        made = with_parts(node, slice=other)
        yield Change("wrong-element", made, SCALED, always=bool(spot.above))
    if not isinstance(part, ast.Constant) or not isinstance(part.value, str):
        yield Change("wrong-element", node.value)
        own = part.elts if isinstance(part, ast.Tuple) else [part]
        places = [expression(n) for n in spot.scope.places if n not in names_in(part)]
        for one in [new(ast.Slice), *places] if is_array(spot.value) else ():
            for parts in ([*own, one], [one, *own]):
                longer = with_parts(node, slice=new(ast.Tuple, parts, ast.Load()))
                yield Change("wrong-element", longer, SCALED)


def _is_numeric(value: Any) -> bool:
    return is_number(value) or (is_array(value) and value.dtype.kind in "biuf")


def _signed(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a sign that it lacks."""
    plain = isinstance(spot.node, ast.Constant | ast.UnaryOp)
    plain = plain or any(called(a) == "range" for a in spot.above)  # which has no sign
    if spot.whole and not plain and _is_numeric(spot.value) and not isinstance(spot.value, WHOLE):
        yield Change("turned-sign", new(ast.UnaryOp, ast.USub(), spot.node), SIGNED)


def _missing(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a factor, a divisor or a term that it lacks."""
    node, value, scope = spot.node, spot.value, spot.scope
    if not _is_numeric(value):
        return
    # Of a number that is not whole and all that there is, an array may be missing.
    alone = spot.whole and not is_array(value) and not isinstance(value, WHOLE)
    names = scope.fitting(np.shape(value)) if is_array(value) else scope.arrays[: FEW * alone]
    if isinstance(node, ast.Constant) and value == 1:
        # One without what is taken from it.
        for name in (*scope.arrays[:FEW], *scope.numbers_that(count=False)[:RATES]):
            yield Change("missing-term", binary(node, ast.Sub, expression(name)), LARGER)
    counts = scope.numbers_that(count=True)[:FEW]
    rates = [] if spot.indexes else scope.numbers_that(count=False)[: FEW // 2]
    if is_array(value) and value.dtype.kind == "i":
        # Where something is, in the place of what is there.
        for name in scope.arrays:
            if scope.values[name].ndim == 1 and not names_in(node) & {name}:
                entry = new(ast.Subscript, expression(name), node, ast.Load())
                yield Change("wrong-element", entry, LARGER)
    # A number is a term of what it is counted in.
    same = [name for name in names if scope.values[name].shape == np.shape(value)]
    terms = (*(names if spot.whole else same), *(counts if isinstance(value, WHOLE) else rates))
    # In a product it takes brackets, which is more than a factor is.
    cost = LARGER if spot.whole else LARGE + BRACKETS
    for name in (*terms, "1"):
        for operator in (ast.Add, ast.Sub):
            yield Change("missing-term", binary(node, operator, expression(name)), cost)
    if _adds(node):
        # What is added for W1 and W2 may be for W3 as well.
        last: Any = node.right  # type: ignore[attr-defined]
        here, there = ([*map(ast.unparse, ast.walk(part))] for part in (node, last))
        own = [name for name in scope.arrays if name in there]
        rows = [_twins(name, here, scope) for name in own]
        for some in itertools.islice(itertools.product(*rows), AT_ONCE):
            term = renamed(last, dict(zip(own, map(expression, some), strict=True)))
            yield Change("missing-term", binary(node, ast.Add, term), LARGER)
    if not isinstance(value, WHOLE):
        yield Change("missing-term", binary(expression("1"), ast.Sub, node), cost)
    if not spot.whole:
        return
    # A whole number counts something: there is no part of it.
    parts = (ast.Mult,) if isinstance(value, WHOLE) else (ast.Mult, ast.Div)
    twice = [f"(2 * {name})" for name in rates]
    ratios = [f"{each:.6g}" for each in scope.ratios] if not spot.indexes else []
    for factor in (*names, *rates, *counts, "2", "0.5", *ratios, *twice):
        for each in parts:
            yield Change("missing-factor", binary(node, each, expression(factor)), LARGER)
    slopes = [
        slope
        for name in same
        for slope in (f"1 - {name} ** 2", f"{name} * (1 - {name})", f"{name} > 0", f"1 - {name}")
    ]
    for kind, factors in (
        ("missing-slope", slopes),
        ("missing-factor", [f"1 / {name} ** 2" for name in names]),
        ("missing-factor", [rest for n in rates for rest in (f"1 - {n}", f"{n} - 1")]),
        ("missing-factor", [f"{rate} / {count}" for rate in rates for count in counts]),
    ):
        for factor in factors:
            yield Change(kind, binary(node, ast.Mult, expression(factor)), LARGE)
    for name in same:
        products = [p for r in rates for p in (f"{r} * {name}", f"2 * {r} * {name}")]
        halves = [f"{rate} * {name} / 2" for rate in rates]
        parts_of = [f"{r} * {name} / {n}" for r in rates[:RATES] for n in counts[:RATES]]
        for term in (*products, *halves, *(f"{name} / {count}" for count in counts), *parts_of):
            for operator in (ast.Add, ast.Sub):
                yield Change("missing-term", binary(node, operator, expression(term)), LARGE)


def _twins(name: str, here: Collection[str], scope: Scope) -> list[str]:
    """Return what is written as a name but at its end, or is of its shape, and is not ``here``."""
    stem, shape = name[:-1], scope.values[name].shape
    alike = (n for n in scope.arrays if scope.values[n].shape == shape or n[:-1] == stem != "")
    return sorted((n for n in alike if n not in here), key=lambda n: n[0] != name[0])


def _multiplied(spot: Spot) -> Iterator[Change]:
    """Yield a product with a name in the place of what something is divided by."""
    node, scope = spot.node, spot.scope
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        names = (*scope.numbers_that(count=False)[: FEW // 2], *scope.arrays[:FEW])
        for own in (node.left, *([whole.left] if (whole := _product(node.left)) else ())):
            for name in names:
                product = binary(own, ast.Mult, expression(name))
                yield Change("wrong-expression", product, LARGE)


WRAPPERS = ("exp", "log", "sqrt", "tanh", "abs", "sum", "mean", "max")


def _applied(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a power or a function that it lacks."""
    node, library = spot.node, spot.scope.library
    if not _is_numeric(spot.value) or isinstance(node, ast.Constant) or spot.indexes:
        return
    # A rate that is taken so many times is its power.
    counted = spot.scope.counts[:RATES] if isinstance(spot.value, float) else []
    for power in ("2", "0.5", "-1", "-0.5", *counted):
        yield Change("wrong-power", binary(node, ast.Pow, expression(power)), LARGER)
    known = [f"{library}.{name}" for name in WRAPPERS[: None if library == "np" else 4]]
    for name in (*spot.scope.helpers, *known):
        yield Change("missing-function", _called(f"{name}(x)", node), LARGER)
    if library != "np":
        return
    zero = expression("0")
    for name in ("maximum", "minimum"):
        call = new(ast.Call, expression(f"np.{name}"), [zero, node], [])
        yield Change("missing-function", call, LARGER)
    if np.ndim(spot.value):
        for text in ("", ", axis=0, keepdims=True", ", axis=1, keepdims=True"):
            largest, total = (_called(f"np.{name}(x{text})", node) for name in ("max", "sum"))
            yield Change("missing-shift", binary(node, ast.Sub, largest), LARGE)
            yield Change("missing-factor", binary(node, ast.Div, total), LARGE)
        of = ("axis=0, keepdims=True", "axis=0", "axis=1, keepdims=True", "axis=1")
        for name, text in itertools.product(("sum", "mean"), of):
            yield Change("missing-function", _called(f"np.{name}(x, {text})", node), LARGE)
        windows = [(-1,), (-2, -1), (0, -2, -1)] if np.ndim(spot.value) > 2 else []
        for name in spot.scope.counts[:RATES] if windows else ():
            for before in (":, :, ", ":, "):
                steps = expression(f"x[{before}::{name}, ::{name}]")
                yield Change("wrong-element", with_parts(steps, value=node), LARGE)
        for axes, name in itertools.product(windows, ("sum", "max", "mean")):
            for kept in ("", ", keepdims=True"):
                call = _called(f"np.{name}(x, axis={axes}{kept})", node)
                yield Change("missing-function", call, LARGE)


def _called(text: str, argument: ast.expr) -> ast.expr:
    """Return a call with another argument in the place of its only one."""
    call: Any = copy.copy(expression(text))
    call.args = [argument]
    return call  # type: ignore[no-any-return]


DRAWN = 2
"""Arguments of a distribution, before the shape of what is drawn."""

SHAPED: Mapping[str, int | None] = {
    **dict.fromkeys(("zeros", "ones", "empty", "full", "random", "standard_normal"), 0),
    **dict.fromkeys(("normal", "uniform"), DRAWN),
    **dict.fromkeys(("rand", "randn")),
}
"""Functions that make an array, and which argument is its shape; none where it is all of them."""


def _filled(spot: Spot) -> Iterator[Change]:
    """Yield an array of one number in the place of one that is drawn, or filled otherwise."""
    calls = [each for each in ast.walk(spot.node) if called(each) in SHAPED]
    if not (spot.whole and is_array(spot.value) and len(calls) == 1):
        return
    call: Any = calls[0]
    at = SHAPED[called(call)]
    given = call.args[at : at + 1] if at is not None else [new(ast.Tuple, call.args, ast.Load())]
    for shape in [*(word.value for word in call.keywords if word.arg == "size"), *given][:1]:
        for number in spot.scope.ratios:
            filled = new(ast.Call, expression("np.full"), [shape, _number(number)], [])
            yield Change("wrong-expression", filled, LARGER)


SMALL: Sequence[Maker] = (
    _names,
    _others_together,
    _throughout,
    _constants,
    _rows,
    _operations,
    _comparisons,
    _slopes,
    _calls,
    _attributes,
    _subscripts,
    _signed,
)
LARGE_ONES: Sequence[Maker] = (_missing, _multiplied, _applied, _filled)
"""What may stand in the place of an expression, by what is wrong with it."""


def changes_of(
    spot: Spot, makers: Sequence[Maker], kinds: Collection[str] = ()
) -> Iterator[Change]:
    """Yield what may stand in the place of an expression, and does something there.

    Of some ``kinds`` alone, if any are said.
    """
    # In the first round of a comprehension its number may be that of another name.
    held = {} if any(hasattr(a, "generators") for a in spot.above) else spot.scope.values
    whole = (a for a in spot.above if isinstance(a, ast.BinOp | ast.Compare))
    above = [each for each in whole if not _is_idle(each, held)]
    for maker in makers:
        for change in maker(spot):
            if kinds and change.kind not in kinds:
                continue
            node: Any = change.node
            parts = (node, node.left, node.right) if isinstance(node, ast.BinOp) else ()
            idle = [part for part in parts if _is_idle(part, held)]
            # What the student has so is not made by the change.
            if idle and not {*idle} <= {*ast.walk(spot.node)}:
                continue
            if above:
                spot.put(node)
                idle = [each for each in above if _is_idle(each, held)]
                spot.put(spot.node)
                if idle:
                    continue
            yield change
