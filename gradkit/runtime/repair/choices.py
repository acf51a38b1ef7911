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
from gradkit.runtime.syntax import base_name, every, names_in

Choice = tuple[str, tuple[Any, ...]]
"""The kind of a mistake, and the values that a change is made from."""

DIGITS = "0123456789"
PARAMETERS = 2
"""Arguments of a distribution, before the shape of what is drawn."""

OPTIONS = {"axis": "wrong-axis", "keepdims": "wrong-shape"}
"""Kinds of changes of options that are about axes."""


def _exchanged_positions(spot: Spot) -> Iterator[Choice]:
    """Yield two positions to exchange: elements of a tuple or list, or arguments of a call.

    ``spot`` is the tuple, list or call. Of a call these are neighbours, and the first and last of
    three. Equal ones are left out, as are the condition of ``where`` and the size and range of a
    random draw. An item is the kind of mistake and the two indices.
    """
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
    """Return the elements of a tuple or list; an empty list for any other expression.

    ``spot`` is the expression with its position. The list is also empty for a tuple that is a
    shape, an index, or axes.
    """
    node = spot.node
    if not isinstance(node, ast.Tuple | ast.List) or spot.of == "axis":
        return []
    shapes = holds(spot, "shape") or any(called_name(each) == "reshape" for each in spot.above)
    index = any(isinstance(each, ast.Subscript) and each.slice is node for each in spot.above)
    return [] if shapes or index else node.elts


def _constants_of(spot: Spot) -> list[Any]:
    """Return the values of a tuple or list that has only text constants.

    ``spot`` is the tuple or list with its position; in the head of a loop it may also have only
    integers. The list is empty for all other expressions, and for a shape, an index or axes.
    """
    row = _row_of(spot)
    values = [each.value for each in row if isinstance(each, ast.Constant)]
    if not values or len(values) < len(row):
        return []
    numbers = spot.counts and all(type(each) is int for each in values)
    return values if numbers or all(isinstance(each, str) for each in values) else []


def _constants_to_remove(spot: Spot) -> Iterator[Choice]:
    """Yield the index of each constant that may be removed from a tuple or list.

    ``spot`` is the tuple or list. That may be each text, or the first and last integer. If there is
    a single element, nothing is yielded. An item is the kind of mistake and the index.
    """
    values = _constants_of(spot)
    keys = bool(values) and isinstance(values[0], str)
    places = range(len(values)) if keys else (0, len(values) - 1)
    for place in places if len(values) > 1 else ():
        yield "wrong-bounds", (place,)


def _constants_to_add(spot: Spot) -> Iterator[Choice]:
    """Yield the constants that may be added to a tuple or list, which is ``spot``.

    An item is the kind of mistake, and 0 for the start or 1 for the end with the constant.

    To ``(1, 2)`` these are 0 at the start and 3 at the end; to keys of a dict, its other keys.
    """
    values = _constants_of(spot)
    if values and isinstance(values[0], int):
        yield "wrong-bounds", (0, number_of(values[0] - 1))
        yield "wrong-bounds", (1, number_of(values[-1] + 1))
    elif values:
        for key in spot.scope.keys_for(values[0], other=True):
            if key not in values:
                yield "wrong-bounds", (1, new(ast.Constant, key))


def _keys_of_loop(spot: Spot) -> Iterator[Choice]:
    """Yield tuples of keys that a loop over a dict may go over in place of all keys.

    ``spot`` is the dict in the head of the loop. Each tuple has the keys that differ only in the
    number at their end, such as ``("W1", "W2")``. A tuple of all keys of the dict, or of a single
    one, is left out.
    """
    if not isinstance(spot.value, dict) or not holds(spot, "written"):
        return
    keys = [key for key in spot.value if isinstance(key, str)]
    for stem in dict.fromkeys(key.rstrip(DIGITS) for key in keys):
        sort = [key for key in keys if key.rstrip(DIGITS) == stem]
        if 1 < len(sort) < len(keys):
            yield "wrong-bounds", (*sort,)


def _options_less(spot: Spot) -> Iterator[Choice]:
    """Yield the index of each keyword argument of a call that may be removed.

    ``axis`` and ``keepdims`` are left out.
    """
    for place, word in enumerate(getattr(spot.node, "keywords", ())):
        if word.arg not in ("axis", "keepdims"):
            yield "wrong-option", (place,)


def _added_options(spot: Spot) -> Iterator[Choice]:
    """Yield keyword arguments that may be added to a call: the name and the value of each.

    ``spot`` is the call. To a call of numpy these are parameters of the student's function that it
    does not read, such as ``axis=axis``; to a call of one of the student's functions its boolean
    options, with the value that is not the default. An item begins with the kind of mistake.
    """
    node: Any = spot.node
    if not isinstance(node, ast.Call):
        return
    for idle in spot.scope.idle if base_name(node.func) in ("np", "numpy") else ():
        yield OPTIONS.get(idle, "wrong-option"), (idle, expression(idle))
    for option, default in switches(spot.names.namespace.get(ast.unparse(node.func))):
        yield "wrong-option", (option, not default)


def switches(function: Any) -> list[tuple[str, bool]]:
    """Return the name and default of each parameter of a student's function with a boolean default.

    The list is empty for anything but a Python function.
    """
    if not isinstance(function, FunctionType):
        return []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function may define its own signature
        return []
    return [(each.name, each.default) for each in parameters if isinstance(each.default, bool)]


def _keys_of_dict(spot: Spot) -> Iterator[Choice]:
    """Yield, for each keyword of a call ``dict(…)`` that no dict has as key, the similar keys.

    A choice is the number of the keyword argument and the new key.
    """
    words = getattr(spot.node, "keywords", ()) if called_name(spot.node) == "dict" else ()
    for place, word in enumerate(words):
        for key in spot.scope.keys_for(word.arg or "", other=False):
            yield "wrong-entry", (place, key)


def _other_arguments(spot: Spot) -> Iterator[Choice]:
    """Yield replacements of two or more arguments of a call by names with similar values.

    ``spot`` is the call. Only positional arguments count. An item has the kind of mistake, and an
    expression for each argument, or None for one that stays. Nothing is yielded if there are more
    than `AT_ONCE` combinations.
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


def _removed_transposes(spot: Spot) -> Iterator[Choice]:
    """Yield one choice without values, to remove all ``.T``, if several parts are transposed."""
    parts = ast.iter_child_nodes(spot.node)
    turned = (any(e.attr == "T" for e in every(ast.Attribute, part)) for part in parts)
    if sum(turned) > 1:
        yield "wrong-transpose", ()


def _exchanged_names(spot: Spot) -> Iterator[Choice]:
    """Yield pairs of names or entries in an expression that may be exchanged.

    ``spot`` is the expression. Both values have the same kind and shape. At most `AT_ONCE` pairs
    are tried; nothing is yielded if the expression is only a part of a larger one.
    """
    if spot.above or isinstance(spot.node, ast.Name):
        return
    parts = (n for n in ast.walk(spot.node) if isinstance(n, ast.Name | ast.Subscript))
    names = dict.fromkeys(map(ast.unparse, parts))
    values = spot.scope.values
    pairs = itertools.combinations(names, 2)
    alike = (p for p in pairs if is_like(values.get(p[0]), values.get(p[1])))
    for one, other in itertools.islice(alike, AT_ONCE):
        yield "wrong-name", (expression(one), expression(other))


def _names_of_dicts(spot: Spot) -> Iterator[Choice]:
    """Yield each dict with those names in an expression that are keys of the dict.

    ``spot`` is the expression. Two or more names have to be keys. `f(w, b)` may become `f(p["w"],
    p["b"])`: a loop that updates a dict leaves the names with the values that they had before it.
    """
    if spot.above or isinstance(spot.node, ast.Name):
        return
    names = names_in(spot.node)
    for held, row in spot.scope.values.items():
        if isinstance(row, dict) and held.isidentifier():
            own = sorted(names & {key for key in row if isinstance(key, str)})
            if len(own) > 1:
                yield "wrong-name", (expression(held), *own)


CHOICES: Mapping[str, Callable[[Spot], Iterator[Choice]]] = {
    **{
        "two values exchanged": _exchanged_positions,
        "a value less": _constants_to_remove,
        "a value more": _constants_to_add,
    },
    **{"keys": _keys_of_loop, "an option less": _options_less, "an option": _added_options},
    **{"a key of dict": _keys_of_dict, "other arguments": _other_arguments},
    **{"nothing transposed": _removed_transposes, "two names exchanged": _exchanged_names},
    "names of a dict": _names_of_dicts,
}
"""For each change of `gradkit.edits.calls.REARRANGED`, the values that are tried."""
