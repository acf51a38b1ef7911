"""Changes of what an expression is made of: other names, constants and rows of them."""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterator

from gradkit.edits.costs import LARGER, SCALED, SIMPLE
from gradkit.edits.nodes import called_name, new, with_parts
from gradkit.runtime.repair.calls import OPTIONS, SHAPED
from gradkit.runtime.repair.scope import (
    AT_ONCE,
    FEW,
    RATES,
    WHOLE,
    Scope,
    is_array,
    is_like,
    written_like,
)
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import (
    NAMED,
    Change,
    adds,
    expression,
    negative,
    number_of,
    renamed,
)
from gradkit.runtime.syntax import names_in

NUMBERS = (0, 1, 2, -1)
"""Constants that are tried in the place of another."""


def other_names(spot: Spot) -> Iterator[Change]:
    """Yield other names and entries that hold what is like a value."""
    node, scope = spot.node, spot.scope
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) or called_name(node) == "len":
        text = ast.unparse(node)
        kind = "wrong-entry" if isinstance(node, ast.Subscript) else "wrong-name"
        near = scope.alike(text, spot.value)
        lost = spot.value is None and text not in scope.values
        if lost:
            # What is not there at all was to be one that is written nearly so, of the same names.
            near = written_like(text, scope.values)
            near = [n for n in near if names_in(node) <= names_in(expression(n))] or near
        # In a sum that counts there is as likely too much.
        sums = [a for a in spot.above if adds(a) and node in (a.left, a.right)]  # type: ignore[attr-defined]
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


def others_together(spot: Spot) -> Iterator[Change]:
    """Yield all that is computed with two names exchanged, or with several as a dict holds them."""
    if spot.above or isinstance(spot.node, ast.Name):
        return
    parts = (n for n in ast.walk(spot.node) if isinstance(n, ast.Name | ast.Subscript))
    names = dict.fromkeys(map(ast.unparse, parts))
    values = spot.scope.values
    pairs = itertools.combinations(names, 2)
    alike = (p for p in pairs if is_like(values.get(p[0]), values.get(p[1])))
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


def others_throughout(spot: Spot) -> Iterator[Change]:
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
            turned = own.operand if signed else negative(own)  # type: ignore[attr-defined]
            if called_name(part) == "exp":
                other = with_parts(part, args=[turned])
                yield Change("turned-sign", renamed(spot.node, {text: other}), SCALED)


ROWS = (dict, list, tuple)
"""What holds values and is none itself."""


def _kind_of_constant(spot: Spot) -> str:
    """Return the kind of mistake that a wrong number is, by what the number is for."""
    if spot.of:
        return "wrong-option"
    if any(called_name(node) == "range" for node in spot.above):
        return "wrong-bounds"
    if spot.index:
        return "wrong-element"
    powers = [a for a in spot.above if isinstance(a, ast.BinOp) and isinstance(a.op, ast.Pow)]
    return "wrong-power" if any(a.right is spot.node for a in powers) else "wrong-constant"


def other_constants(spot: Spot) -> Iterator[Change]:
    """Yield other keys, words and numbers, and what is named in the place of one."""
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
        added = any(map(adds, around))
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
                kind = "turned-sign" if number == -value and scales else _kind_of_constant(spot)
                yield Change(OPTIONS.get(spot.of, kind), number_of(number), cost)
        names = spot.scope.numbers_that(count=True) if spot.indexes else spot.scope.numbers
        names = [*spot.scope.places] if counted else names
        if not counted and (added or any(called_name(a) in BOUNDED for a in spot.above)):
            # Sizes are factors, and no terms or bounds of what is computed.
            names = spot.scope.numbers_that(count=False)
        few = FEW if spot.of != "axis" else 0  # an axis is no variable
        for name in [n for n in names if n.isidentifier() or not held_to][:few]:
            yield Change(_kind_of_constant(spot), expression(name))
        for name in spot.scope.arrays[:FEW] if added and not counted else ():
            yield Change("wrong-name", expression(name), LARGER)


DIGITS = "0123456789"


def other_rows(spot: Spot) -> Iterator[Change]:
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
    shapes = any(
        called_name(each) in SHAPED or called_name(each) == "reshape" for each in spot.above
    )
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
            made = with_parts(node, elts=[number_of(each) for each in row])
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
