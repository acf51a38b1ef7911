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
    """Yield the places of two values of a row, or of neighbours among arguments."""
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
    """Return the values of a tuple or list, unless these are a shape, an index, or axes."""
    node = spot.node
    if not isinstance(node, ast.Tuple | ast.List) or spot.of == "axis":
        return []
    shapes = holds(spot, "shape") or any(called_name(each) == "reshape" for each in spot.above)
    index = any(isinstance(each, ast.Subscript) and each.slice is node for each in spot.above)
    return [] if shapes or index else node.elts


def _constants_of(spot: Spot) -> list[Any]:
    """Return the values of a row of constants: keys, or the numbers that a loop goes over."""
    row = _row_of(spot)
    values = [each.value for each in row if isinstance(each, ast.Constant)]
    if not values or len(values) < len(row):
        return []
    numbers = spot.counts and all(type(each) is int for each in values)
    return values if numbers or all(isinstance(each, str) for each in values) else []


def _places_less(spot: Spot) -> Iterator[Choice]:
    """Yield the places of keys, and of the first and the last number, of a row."""
    values = _constants_of(spot)
    keys = bool(values) and isinstance(values[0], str)
    places = range(len(values)) if keys else (0, len(values) - 1)
    for place in places if len(values) > 1 else ():
        yield "wrong-bounds", (place,)


def _values_more(spot: Spot) -> Iterator[Choice]:
    """Yield the number before or after a row of numbers, and the keys that a row has not."""
    values = _constants_of(spot)
    if values and isinstance(values[0], int):
        yield "wrong-bounds", (0, number_of(values[0] - 1))
        yield "wrong-bounds", (1, number_of(values[-1] + 1))
    elif values:
        for key in spot.scope.keys_for(values[0], other=True):
            if key not in values:
                yield "wrong-bounds", (1, new(ast.Constant, key))


def _keys_of_loop(spot: Spot) -> Iterator[Choice]:
    """Yield the keys of one sort, ``("W1", "W2")``, of a dict that a loop goes over."""
    if not isinstance(spot.value, dict) or not holds(spot, "written"):
        return
    keys = [key for key in spot.value if isinstance(key, str)]
    for stem in dict.fromkeys(key.rstrip(DIGITS) for key in keys):
        sort = [key for key in keys if key.rstrip(DIGITS) == stem]
        if 1 < len(sort) < len(keys):
            yield "wrong-bounds", (*sort,)


def _options_less(spot: Spot) -> Iterator[Choice]:
    """Yield the place of each option of a call."""
    for place, word in enumerate(getattr(spot.node, "keywords", ())):
        if word.arg not in ("axis", "keepdims"):
            yield "wrong-option", (place,)


def _options(spot: Spot) -> Iterator[Choice]:
    """Yield options with a parameter that is never read, and switches the other way round."""
    node: Any = spot.node
    if not isinstance(node, ast.Call):
        return
    for idle in spot.scope.idle if base_name(node.func) in ("np", "numpy") else ():
        yield OPTIONS.get(idle, "wrong-option"), (idle, expression(idle))
    for option, default in switches(spot.names.namespace.get(ast.unparse(node.func))):
        yield "wrong-option", (option, not default)


def switches(function: Any) -> list[tuple[str, bool]]:
    """Return the parameters of a student's function that are true or false by default."""
    if not isinstance(function, FunctionType):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function may define its own signature
        return []
    return [(each.name, each.default) for each in parameters if isinstance(each.default, bool)]


def _keys_of_dict(spot: Spot) -> Iterator[Choice]:
    """Yield another name for each key of ``dict(…)``."""
    words = getattr(spot.node, "keywords", ()) if called_name(spot.node) == "dict" else ()
    for place, word in enumerate(words):
        for key in spot.scope.keys_for(word.arg or "", other=False):
            yield "wrong-entry", (place, key)


def _arguments(spot: Spot) -> Iterator[Choice]:
    """Yield other names for several arguments of a call that are names.

    They may be of the same value so far: what a loop goes on with is at first what it began with.
    """
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
    """Yield no values once, where several parts of an expression have a transpose."""
    parts = ast.iter_child_nodes(spot.node)
    turned = (any(e.attr == "T" for e in every(ast.Attribute, part)) for part in parts)
    if sum(turned) > 1:
        yield "wrong-transpose", ()


def _exchanged_names(spot: Spot) -> Iterator[Choice]:
    """Yield two names, or entries, of a whole expression that hold what is alike."""
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
