"""Changes of calls: another function, other arguments and options, what is called left out."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradkit.edits.costs import LARGE, LARGER, SIMPLE
from gradkit.edits.nodes import called_name, new, with_parts
from gradkit.edits.rows import REDUCED, TAKEN_FOR, WRAPPED
from gradkit.runtime.repair.scope import AT_ONCE, FEW, OTHERS, RATES, Scope, is_array, is_like
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import (
    Change,
    binary,
    called_with,
    expression,
    is_numpy,
    number_of,
    owner_of,
)
from gradkit.runtime.syntax import base_name

OPTIONS = {"axis": "wrong-axis", "keepdims": "wrong-shape"}
"""Kinds of changes of options that are about axes."""

AXES = (0, 1, -1, 2, (0, 1), (0, 2), (1, 2), (2, 3), (0, 2, 3))
"""Axes that are tried in the place of another, or of none."""

LIKE: Mapping[str, Sequence[str]] = {name: row.split() for name, row in TAKEN_FOR.items()}
"""Functions that are taken for each other."""


def other_calls(spot: Spot) -> Iterator[Change]:
    """Yield a call with another function, other arguments or options, or one of its arguments."""
    node = spot.node
    if not isinstance(node, ast.Call):
        return
    yield from _other_functions(spot, node)
    yield from _without_call(spot, node)
    yield from _other_arguments(spot, node)
    yield from _other_options(spot, node)
    name = called_name(node)
    if name in REDUCED:
        yield from _reduced(node)
        yield from _picked(spot, node)
    if name == "range":
        yield from _bounds(node)


def _other_functions(spot: Spot, node: ast.Call) -> Iterator[Change]:
    """Yield a call of another function with the same arguments."""
    name = called_name(node)
    for other in LIKE.get(name, ()):
        # Random numbers of another distribution are hard to tell apart.
        cost = LARGE if SHAPED.get(name, 0) is None else SIMPLE
        yield Change("wrong-function", of_another_name(node, other), cost)
    if ast.unparse(node.func) == f"math.{name}" and hasattr(np, name):
        # Functions of numpy take arrays, those of math do not.
        yield Change("wrong-function", with_parts(node, func=expression(f"np.{name}")))
    helpers = spot.scope.helpers
    if len(node.args) == 1 and (name in helpers or is_numpy(getattr(node.func, "value", node))):
        known = [f"np.{each}" for each in WRAPPED[:4]] if name in helpers else []
        for helper in (each for each in (*helpers, *known) if each != name):
            yield Change("wrong-function", called_with(f"{helper}(x)", node.args[0]))


def _without_call(spot: Spot, node: ast.Call) -> Iterator[Change]:
    """Yield an argument or the owner of a call without the call, or a name in its place."""
    for argument in node.args:
        if not isinstance(argument, ast.Constant | ast.Starred):
            yield Change("extra-function", argument)
    inner: Any = node.args[0] if len(node.args) == 1 else None
    if isinstance(inner, ast.Call) and len(inner.args) == 1:
        # The sum of squares for the square of the sum.
        swapped = with_parts(node, args=inner.args)
        yield Change("wrong-order", with_parts(inner, args=[swapped]))
    if (owner := owner_of(node)) is not None:
        yield Change("extra-function", owner)
        if called_name(node) == "copy":
            yield Change("wrong-function", called_with("np.zeros_like(x)", owner))
    if is_array(spot.value):
        near = spot.scope.alike(ast.unparse(node), spot.value)
        held = {spot.scope.values[other].tobytes(): other for other in reversed(near)}
        for other in held.values():
            yield Change("wrong-expression", expression(other), LARGER)


def _other_arguments(spot: Spot, node: ast.Call) -> Iterator[Change]:
    """Yield a call with its arguments in another order, or with other names in some places."""
    name = called_name(node)
    # A random number from a range stays as random if the ends of the range are exchanged.
    last = len(node.args) - 1 if SHAPED.get(name) != DRAWN else 0
    # The first argument of `where` is a condition and stays first.
    begin = int(name == "where")
    orders = [
        [*node.args[:n], *node.args[n : n + 2][::-1], *node.args[n + 2 :]]
        for n in range(begin, last)
    ]
    for args in [*orders, *([node.args[::-1]] if len(node.args) == 3 and not begin else [])]:
        yield Change("wrong-order", with_parts(node, args=args))
    yield from _others_at_once(node, spot.scope)


def _other_options(spot: Spot, node: ast.Call) -> Iterator[Change]:
    """Yield a call with an option more or less, or with another value of one."""
    name = called_name(node)
    for idle in spot.scope.idle if base_name(node.func) in ("np", "numpy") else ():
        word = new(ast.keyword, idle, expression(idle))
        kind = OPTIONS.get(idle, "wrong-option")
        yield Change(kind, with_parts(node, keywords=[*node.keywords, word]))
    for argument in _not_handed(node, spot):
        yield Change("wrong-option", with_parts(node, args=[*node.args, argument]))
    for option, default in switches(spot.names.namespace.get(ast.unparse(node.func))):
        switched = new(ast.keyword, option, new(ast.Constant, not default))
        words = [each for each in node.keywords if each.arg != option]
        yield Change("wrong-option", with_parts(node, keywords=[*words, switched]))
    for keyword in node.keywords if name == "dict" else ():
        for key in spot.scope.keys_for(keyword.arg or "", other=False):
            words = [with_parts(e, arg=key) if e is keyword else e for e in node.keywords]
            yield Change("wrong-entry", with_parts(node, keywords=words))
    for keyword in node.keywords:
        rest = [each for each in node.keywords if each is not keyword]
        kind = OPTIONS.get(keyword.arg or "", "wrong-option")
        yield Change(kind, with_parts(node, keywords=rest))
        if keyword.arg == "axis":
            for axis in AXES:
                one_more = [*rest, new(ast.keyword, "axis", expression(f"{axis}"))]
                yield Change("wrong-axis", with_parts(node, keywords=one_more))


def of_another_name(call: Any, name: str) -> ast.expr:
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
        (n for n in plain if is_like(scope.values.get(n), scope.values.get(g))) for g in given
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


def switches(function: Any) -> list[tuple[str, bool]]:
    """Return the parameters of a student's function that are true or false by default."""
    if not isinstance(function, FunctionType):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of what says itself how it is called
        return []
    return [(each.name, each.default) for each in parameters if isinstance(each.default, bool)]


def _reduced(node: ast.Call) -> Iterator[Change]:
    has = {keyword.arg for keyword in node.keywords}
    if isinstance(node.func, ast.Name):
        # Python's own knows no axes.
        node = with_parts(node, func=expression(f"np.{node.func.id}"))
    kept = new(ast.keyword, "keepdims", new(ast.Constant, True))
    axes = [new(ast.keyword, "axis", expression(f"{axis}")) for axis in AXES]
    method = owner_of(node) is not None
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
    own = owner_of(node) or (node.args[0] if node.args else node)
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
    yield Change("wrong-bounds", called_with("reversed(x)", node))


DRAWN = 2
"""Arguments of a distribution, before the shape of what is drawn."""

SHAPED: Mapping[str, int | None] = {
    **dict.fromkeys(("zeros", "ones", "empty", "full", "random", "standard_normal"), 0),
    **dict.fromkeys(("normal", "uniform"), DRAWN),
    **dict.fromkeys(("rand", "randn")),
}
"""Functions that make an array, and which argument is its shape; none where it is all of them."""


def filled_arrays(spot: Spot) -> Iterator[Change]:
    """Yield an array of one number in the place of one that is drawn, or filled otherwise."""
    calls = [each for each in ast.walk(spot.node) if called_name(each) in SHAPED]
    if not (spot.whole and is_array(spot.value) and len(calls) == 1):
        return
    call: Any = calls[0]
    at = SHAPED[called_name(call)]
    given = call.args[at : at + 1] if at is not None else [new(ast.Tuple, call.args, ast.Load())]
    for shape in [*(word.value for word in call.keywords if word.arg == "size"), *given][:1]:
        for number in spot.scope.ratios:
            filled = new(ast.Call, expression("np.full"), [shape, number_of(number)], [])
            yield Change("wrong-expression", filled, LARGER)
