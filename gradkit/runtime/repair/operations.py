"""Changes of operations: another operator, a comparison, a sign, an operand less, brackets."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from gradkit.edits.costs import LARGER, SIGNED, SIMPLE
from gradkit.edits.nodes import called_name, is_same, new, with_parts
from gradkit.edits.rows import REDUCED
from gradkit.runtime.repair.calls import LIKE, of_another_name
from gradkit.runtime.repair.scope import WHOLE, is_array, is_numeric
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import (
    SUMS,
    Change,
    adds,
    binary,
    expression,
    negative,
    owner_of,
    product_of,
)

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult)
ORDERED = ast.Sub | ast.Div | ast.MatMult | ast.Pow


def other_operations(spot: Spot) -> Iterator[Change]:
    """Yield an operation with another operator, an operand less, or its brackets elsewhere."""
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
    added = adds(node)
    fixed = isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
    for operator in OPERATORS if not isinstance(node.op, ast.FloorDiv) else (ast.Div,):
        if not isinstance(node.op, operator) and not (fixed and operator in SUMS):
            kind = "turned-sign" if added and operator in SUMS else "wrong-operator"
            yield Change(kind, with_parts(node, op=operator()))
    if isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Constant):
        yield Change("wrong-power", with_parts(node, op=ast.Pow()))
    yield Change("extra-term" if added else "surplus-factor", node.left)
    if isinstance(node.op, ast.Sub):
        yield Change("extra-term", negative(node.right), LARGER)
    else:
        yield Change("extra-term" if added else "surplus-factor", node.right)
    for part in (node.left, node.right) if not added else ():
        # What is divided besides is a mean that is written out.
        for name in LIKE.get(called_name(part), ()) if called_name(part) in REDUCED else ():
            yield Change("wrong-function", of_another_name(part, name), LARGER)
    if product_of(node) and (before := product_of(node.left)):
        # Both factors of the slope of a sigmoid.
        yield Change("surplus-factor", before.left)
    counted = added and spot.counts and isinstance(spot.value, WHOLE)
    if isinstance(node.op, ORDERED) and not counted:
        kind = "turned-sign" if isinstance(node.op, ast.Sub) else "wrong-order"
        yield Change(kind, with_parts(node, left=node.right, right=node.left))
    yield from _regrouped(node)
    yield from _other_slopes(node)


def _other_slopes(node: ast.BinOp) -> Iterator[Change]:
    """Yield the slope of tanh for that of a sigmoid, both made of the activation's value."""
    if not product_of(node):
        return
    before = product_of(node.left)
    last = node.left if before is None else before.right
    for own, rest in ((last, node.right), (node.right, last)):
        if is_same(rest, binary(expression("1"), ast.Sub, own)):
            square = binary(own, ast.Pow, expression("2"))
            slope = binary(expression("1"), ast.Sub, square)
            made = slope if before is None else with_parts(before, right=slope)
            yield Change("wrong-expression", made)


def _regrouped(node: Any) -> Iterator[Change]:
    """Yield the same row of operations with its brackets in another place.

    An operation that is another one takes other brackets with it: ``a - b + c`` for ``a - b * c``.
    """
    added, left, right = adds(node), node.left, node.right
    product = isinstance(right, ast.BinOp) and isinstance(right.op, ast.Mult | ast.Div)
    if added and product and isinstance(left, ast.BinOp):
        # a - 1 - b * c for a - (1 - b) * c.
        factor = with_parts(right, left=with_parts(node, left=left.right, right=right.left))
        yield Change("wrong-brackets", with_parts(left, right=factor), LARGER)
    if added and adds(left):
        for operator in (ast.Mult, ast.Div):
            factor = with_parts(node, left=left.right, op=operator())
            yield Change("wrong-operator", with_parts(left, right=factor))
    if added and product:
        for other in SUMS:
            term = with_parts(node, right=right.left)
            yield Change("wrong-operator", with_parts(right, left=term, op=other()))
    if isinstance(left, ast.BinOp):
        whole = with_parts(left, right=with_parts(node, left=left.right))
        yield Change("wrong-brackets", whole, _written(node, left))
        if isinstance(last := left.right, ast.BinOp):
            # a / b ** (c / d) for a / b ** c / d.
            power = with_parts(last, right=with_parts(node, left=last.right))
            yield Change("wrong-brackets", with_parts(left, right=power), LARGER)
        if added and isinstance(left.op, ast.Pow | ast.Div):
            # (a + b) ** c for a ** c + b.
            within = with_parts(node, left=left.left)
            yield Change("wrong-brackets", with_parts(left, left=within), LARGER)
    if isinstance(right, ast.BinOp):
        whole = with_parts(right, left=with_parts(node, right=right.left))
        yield Change("wrong-brackets", whole, _written(node, right))


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
    if isinstance(call, ast.Call) and call.args and called_name(call) != "len":
        first, *rest = call.args
        last: Any = node.right
        owner = owner_of(last)
        made = with_parts(call, args=[with_parts(node, left=first, right=owner or last), *rest])
        if owner is not None:
            made = with_parts(last, func=with_parts(last.func, value=made))
        ways = [made]
        if _is_same_but_for_one(call, last):
            both = with_parts(node, left=first, right=last.args[0])
            ways.append(with_parts(call, args=[both, *rest]))
        for way in ways:
            whole = way if before is None else with_parts(before, right=way)
            yield Change("wrong-brackets", whole)


def _is_same_but_for_one(call: ast.Call, other: Any) -> bool:
    """Tell calls of the same function that are handed another value first."""
    return (
        isinstance(other, ast.Call)
        and len(other.args) > 0
        and is_same(call.func, other.func)
        and is_same(call.args[1:], other.args[1:])
        and is_same(call.keywords, other.keywords)
    )


def _written(node: ast.BinOp, inner: ast.BinOp) -> float:
    """Return what it costs to move brackets: more where there were none around a sum."""
    return LARGER if adds(node) or not adds(inner) else SIMPLE


TURNED: Sequence[Sequence[type]] = (
    (ast.Gt, ast.Lt, ast.GtE, ast.LtE),
    (ast.Eq, ast.NotEq),
    (ast.In, ast.NotIn),
    (ast.Is, ast.IsNot),
)
"""Comparisons that are taken for each other."""


def other_comparisons(spot: Spot) -> Iterator[Change]:
    """Yield a comparison by another operator, of another array, or what is compared."""
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


def missing_slopes(spot: Spot) -> Iterator[Change]:
    """Yield where a factor is positive, which is the slope of a ReLU, in the place of its value."""
    node: Any = spot.node
    products = (a for a in spot.above if isinstance(a, ast.BinOp) and isinstance(a.op, ast.Mult))
    factor = any(node in (a.left, a.right) for a in products)
    if not (factor and is_array(spot.value) and spot.value.dtype.kind == "f"):
        return
    if called_name(node) == "maximum" and len(node.args) == 2:
        owners = [part for part in node.args if not isinstance(part, ast.Constant)]
    else:
        owners = [node] if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) else []
    if len(owners) == 1:
        positive = new(ast.Compare, owners[0], [ast.Gt()], [new(ast.Constant, 0)])
        # What has a name may be wrong where it is made.
        yield Change("missing-slope", positive, SIGNED if owners[0] is node else SIMPLE)


def with_sign(spot: Spot) -> Iterator[Change]:
    """Yield the expression with a sign that it lacks."""
    plain = isinstance(spot.node, ast.Constant | ast.UnaryOp)
    plain = plain or any(called_name(a) == "range" for a in spot.above)  # which has no sign
    if spot.whole and not plain and is_numeric(spot.value) and not isinstance(spot.value, WHOLE):
        yield Change("turned-sign", negative(spot.node), SIGNED)
