"""List the values that a search tries for changes of rows and of arguments."""

from __future__ import annotations

import ast
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from gradkit.edits.nodes import called_name, new
from gradkit.runtime.repair.conditions import SHAPED, holds
from gradkit.runtime.repair.scope import AT_ONCE, OTHERS, is_like
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import expression, number_of
from gradkit.runtime.syntax import base_name, every

Choice = tuple[str, tuple[Any, ...]]
"""The kind of a mistake, and the values that a change is made from."""

DIGITS = "0123456789"
PARAMETERS = 2
"""Arguments of a distribution, before the shape of what is drawn."""

OPTIONS = {"axis": "wrong-axis", "keepdims": "wrong-shape"}
"""Kinds of changes of options that are about axes."""


def _pairs(spot: Spot) -> Iterator[Choice]:
    """Yield positions of two elements of a row, or of two neighbouring arguments, to exchange."""
    node, row = spot.node, _row_of(spot)
    pairs: Any = itertools.islice(itertools.combinations(range(len(row)), 2), AT_ONCE)
    if isinstance(node, ast.Call):
        name, row = called_name(node), node.args
        # The first argument of `where` is a condition and stays first.
        first = int(name == "where")
        # A random number from a range stays as random if the ends of the range are exchanged.
        last = len(row) - 1 if SHAPED.get(name) != PARAMETERS else 0
        pairs = [(n, n + 1) for n in range(first, last)]
        pairs += [(0, 2)] if len(row) == 3 and not first else []
    for one, other in pairs:
        if ast.dump(row[one]) != ast.dump(row[other]):
            yield "wrong-order", (one, other)


def _row_of(spot: Spot) -> list[Any]:
    """Return the elements of a tuple or list; none if it is a shape, an index, or axes."""
    node = spot.node
    if not isinstance(node, ast.Tuple | ast.List) or spot.of == "axis":
        return []
    shapes = holds(spot, "shape") or any(called_name(each) == "reshape" for each in spot.above)
    index = any(isinstance(each, ast.Subscript) and each.slice is node for each in spot.above)
    return [] if shapes or index else node.elts


def _constants_of(spot: Spot) -> list[Any]:
    """Return the elements of a row of constants: text keys, or integers that a loop goes over."""
    row = _row_of(spot)
    values = [each.value for each in row if isinstance(each, ast.Constant)]
    if not values or len(values) < len(row):
        return []
    numbers = spot.counts and all(type(each) is int for each in values)
    return values if numbers or all(isinstance(each, str) for each in values) else []


def _places_less(spot: Spot) -> Iterator[Choice]:
    """Yield the positions of all keys in a row, or of the first and last integer in a row."""
    values = _constants_of(spot)
    keys = bool(values) and isinstance(values[0], str)
    places = range(len(values)) if keys else (0, len(values) - 1)
    for place in places if len(values) > 1 else ():
        yield "wrong-bounds", (place,)


def _values_more(spot: Spot) -> Iterator[Choice]:
    """Yield elements to add to a row: the integers next to its ends, or keys that it lacks."""
    values = _constants_of(spot)
    if values and isinstance(values[0], int):
        yield "wrong-bounds", (0, number_of(values[0] - 1))
        yield "wrong-bounds", (1, number_of(values[-1] + 1))
    elif values:
        for key in spot.scope.keys_for(values[0], other=True):
            if key not in values:
                yield "wrong-bounds", (1, new(ast.Constant, key))


def _keys_of_loop(spot: Spot) -> Iterator[Choice]:
    """Yield the keys with one stem, such as ``("W1", "W2")``, of a dict that a loop goes over."""
    if not isinstance(spot.value, dict) or not holds(spot, "written"):
        return
    keys = [key for key in spot.value if isinstance(key, str)]
    for stem in dict.fromkeys(key.rstrip(DIGITS) for key in keys):
        sort = [key for key in keys if key.rstrip(DIGITS) == stem]
        if 1 < len(sort) < len(keys):
            yield "wrong-bounds", (*sort,)


def _options_less(spot: Spot) -> Iterator[Choice]:
    """Yield the position of each keyword argument of a call, except ``axis`` and ``keepdims``."""
    for place, word in enumerate(getattr(spot.node, "keywords", ())):
        if word.arg not in ("axis", "keepdims"):
            yield "wrong-option", (place,)


def _options(spot: Spot) -> Iterator[Choice]:
    """Yield keyword arguments to add: an unread parameter, or a flag that is not the default."""
    node: Any = spot.node
    if not isinstance(node, ast.Call):
        return
    for idle in spot.scope.idle if base_name(node.func) in ("np", "numpy") else ():
        yield OPTIONS.get(idle, "wrong-option"), (idle, expression(idle))
    for option, default in switches(spot.names.namespace.get(ast.unparse(node.func))):
        yield "wrong-option", (option, not default)


def switches(function: Any) -> list[tuple[str, bool]]:
    """Return name and default of each parameter of a student's function with a boolean default."""
    if not isinstance(function, FunctionType):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function may define its own signature
        return []
    return [(each.name, each.default) for each in parameters if isinstance(each.default, bool)]


def _keys_of_dict(spot: Spot) -> Iterator[Choice]:
    """Yield a similar key for each keyword of a call ``dict(…)``."""
    words = getattr(spot.node, "keywords", ()) if called_name(spot.node) == "dict" else ()
    for place, word in enumerate(words):
        for key in spot.scope.keys_for(word.arg or "", other=False):
            yield "wrong-entry", (place, key)


def _arguments(spot: Spot) -> Iterator[Choice]:
    """Yield replacements of two or more arguments of a call by names with similar values."""
    if not isinstance(spot.node, ast.Call):
        return
    scope = spot.scope
    given = [part.id if isinstance(part, ast.Name) else "" for part in spot.node.args]
    plain = [n for n in (*scope.arrays, *scope.numbers) if n.isidentifier() and n not in given]
    others = (
        (n for n in plain if is_like(scope.values.get(n), scope.values.get(g))) for g in given
    )
    rows = [[own, *itertools.islice(more, OTHERS)] for own, more in zip(given, others, strict=True)]
    if math.prod(map(len, rows)) > AT_ONCE:
        return
    for names in itertools.product(*rows):
        pairs = [*zip(names, given, strict=True)]
        if sum(one != other for one, other in pairs) > 1:
            yield "wrong-name", (*(None if a == b else expression(a) for a, b in pairs),)


def _no_values(spot: Spot) -> Iterator[Choice]:
    """Yield one choice without values if several parts of an expression are transposed."""
    parts = ast.iter_child_nodes(spot.node)
    turned = (any(e.attr == "T" for e in every(ast.Attribute, part)) for part in parts)
    if sum(turned) > 1:
        yield "wrong-transpose", ()


def _exchanged_names(spot: Spot) -> Iterator[Choice]:
    """Yield two names or entries of an expression with equal kind and shape, to exchange."""
    if spot.above or isinstance(spot.node, ast.Name):
        return
    parts = (n for n in ast.walk(spot.node) if isinstance(n, ast.Name | ast.Subscript))
    names = dict.fromkeys(map(ast.unparse, parts))
    values = spot.scope.values
    pairs = itertools.combinations(names, 2)
    alike = (p for p in pairs if is_like(values.get(p[0]), values.get(p[1])))
    for one, other in itertools.islice(alike, AT_ONCE):
        yield "wrong-name", (expression(one), expression(other))


CHOICES: Mapping[str, Callable[[Spot], Iterator[Choice]]] = {
    **{"two values exchanged": _pairs, "a value less": _places_less, "a value more": _values_more},
    **{"keys": _keys_of_loop, "an option less": _options_less, "an option": _options},
    **{"a key of dict": _keys_of_dict, "other arguments": _arguments},
    **{"nothing transposed": _no_values, "two names exchanged": _exchanged_names},
}
"""For each change of `gradkit.edits.calls.REARRANGED`, the values that are tried."""
