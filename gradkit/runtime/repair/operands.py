"""List what a search puts into the holes of a row."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from gradkit.edits.holes import may_fill
from gradkit.edits.nodes import called_name, new
from gradkit.edits.operands import pack
from gradkit.edits.rows import Row
from gradkit.runtime.repair.conditions import SHAPED, holds
from gradkit.runtime.repair.indices import beside, indices, moved
from gradkit.runtime.repair.scope import AT_ONCE, FEW, RATES, WHOLE, Scope, is_array, written_like
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import expression, number_of, renamed
from gradkit.runtime.syntax import names_in

Bound = Mapping[str, Any]
Operands = Iterable[str | ast.expr]

AXES = (0, 1, -1, 2, (0, 1), (0, 2), (1, 2), (2, 3), (0, 2, 3))
"""Axes that are tried in the place of another, or of none."""

NUMBERS = (0, 1, 2, -1)
"""Constants that are tried in the place of another."""


def fillings(spot: Spot, row: Row, bound: Bound) -> Iterator[Mapping[str, ast.expr]]:
    """Yield all ways to fill the holes of a row for an expression.

    A row is a rule that changes an expression; a hole is a place in it for any other expression.
    ``spot`` is the expression to change with its position, and ``bound`` has the expressions for
    the row's other parts. An item has an expression for each hole by name. Holes and letters that
    ``bound`` has already are left out. Of a row with more than two such holes only the first
    numbers for each are combined.
    """
    holes = [hole for hole in row.holes if hole not in bound]
    rows = [_operands(spot, hole, bound) for hole in holes]
    if len(holes) > 2:
        rows = [
            each[:RATES] if hole in NUMERIC else each
            for hole, each in zip(holes, rows, strict=True)
        ]
    for chosen in itertools.product(*rows):
        yield dict(zip(holes, chosen, strict=True))


def _operands(spot: Spot, hole: str, bound: Bound) -> Sequence[ast.expr]:
    """Return the expressions that may fill one hole of a row, a rule that changes an expression.

    ``spot`` is the expression to change, ``hole`` the kind of the hole, such as ``like_``, and
    ``bound`` has the other parts of the pattern. Only expressions that a reference, the message to
    the grader, can encode are returned. The result is cached in ``spot.known``, unless it depends
    on ``bound``.
    """
    if hole in spot.known:
        return spot.known[hole]  # type: ignore[no-any-return]
    found = [
        expression(each) if isinstance(each, str) else each
        for each in OPERANDS[hole](spot, bound)
        if hole == "twin_" or _is_allowed(spot.scope, hole, each)
    ]
    if hole not in BY_PARTS:
        spot.known[hole] = found
    return found


def _is_allowed(scope: Scope, hole: str, operand: str | ast.expr) -> bool:
    """Return whether an operand may fill the hole of a row, and can be sent to the grader.

    A hole is a place for an expression in a rule, and ``hole`` its kind. All words and numbers of
    the operand have to be in the vocabulary of ``scope``; without a vocabulary all are allowed.
    Results for texts are cached in ``scope.allowed``.
    """
    if scope.vocabulary is None:
        return True
    key = hole, operand
    if key not in scope.allowed:
        node = expression(operand) if isinstance(operand, str) else operand
        numbers = pack(node, scope.vocabulary)
        allowed = numbers is not None and may_fill(hole, node, numbers, scope.vocabulary)
        if not isinstance(operand, str):
            return allowed
        scope.allowed[key] = allowed
    return scope.allowed[key]


# --- names -------------------------------------------------------------------------------------

ROWS = (dict, list, tuple)
"""The types of values that hold others and are no numbers."""


def _names_like(spot: Spot, _: Bound) -> Operands:
    """Return names that may replace an expression: their value differs, but has its kind and shape.

    ``spot`` is the expression with its value. For a name that does not exist these are names with a
    similar spelling.
    """
    text, scope = ast.unparse(spot.node), spot.scope
    if spot.value is None and text not in scope.values:
        near = written_like(text, scope.values)
        return [n for n in near if names_in(spot.node) <= names_in(expression(n))] or near
    return scope.alike(text, spot.value)


def _other_names(spot: Spot, bound: Bound) -> Operands:
    """Return further names that may replace an expression: those that `_names_like` does not list.

    ``spot`` is the expression with its value and position. These are tuples, lists and dicts
    (unless the expression is an operand), numbers, and arrays, at most `FEW`. An array is not
    replaced by most numbers. The list is empty for a name that is None.
    """
    text, scope = ast.unparse(spot.node), spot.scope
    if spot.value is None and text in scope.values:
        return []
    # A row is no operand, and as often as a large number says it takes all memory.
    above = (each for each in spot.above if isinstance(each, ast.BinOp))
    alone = not any(spot.node in (each.left, each.right) for each in above)
    held = scope.values.items() if alone else ()
    rows = [n for n, v in held if n.isidentifier() and isinstance(v, ROWS)]
    # First those of another number alone, ``db2`` for ``db1``.
    both = (scope.numbers_that(count=each) for each in (False, True))
    likely = (sorted(few, key=lambda n: n[:-1] != text[:-1]) for few in both)
    some = [n for few in likely for n in few[:RATES]]
    numbers = () if is_array(spot.value) else scope.numbers
    rest = dict.fromkeys((*rows, *some, *scope.arrays, *numbers))
    near = _names_like(spot, bound)
    return [n for n in rest if n != text and n not in near][:FEW]


def _compared_names(spot: Spot, bound: Bound) -> Operands:
    """Return the names of arrays with the shape of the compared array, ``bound["A"]``."""
    text = ast.unparse(bound["A"])
    return spot.scope.alike(text, spot.scope.values.get(text))


def _equal_names(spot: Spot, _: Bound) -> Operands:
    """Return the names of arrays with the shape of the value; one name for each value."""
    near = spot.scope.alike(ast.unparse(spot.node), spot.value)
    return {spot.scope.values[other].tobytes(): other for other in reversed(near)}.values()


def _amounts(spot: Spot, _: Bound) -> Operands:
    """Return the names of some arrays, and of numbers that are not integers."""
    return (*spot.scope.numbers_that(count=False)[: FEW // 2], *spot.scope.arrays[:FEW])


def _functions(spot: Spot, _: Bound) -> Operands:
    """Return the student's functions with one parameter, without the one that is called."""
    return [name for name in spot.scope.helpers if name != called_name(spot.node)]


def _further_arguments(spot: Spot, _: Bound) -> Operands:
    """Return arrays that may be passed to a call as one more argument, for its next parameter.

    ``spot`` is the call. An array with the parameter's name comes first. The list is empty unless a
    function of the student is called, without keyword arguments and with fewer arguments than
    parameters.
    """
    node: Any = spot.node
    function = spot.names.namespace.get(ast.unparse(node.func))
    if not isinstance(function, FunctionType) or node.keywords:
        return []
    code = function.__code__
    name = next(iter(code.co_varnames[len(node.args) : code.co_argcount]), None)
    return [] if name is None else sorted(spot.scope.arrays[:FEW], key=lambda n: n != name)


def _shapes(spot: Spot, _: Bound) -> Operands:
    """Return the ``.shape`` of arrays with as many numbers as the value but another shape."""
    arrays = ((name, spot.scope.values[name]) for name in spot.scope.arrays)
    here = spot.value
    return [f"{n}.shape" for n, v in arrays if v.size == here.size and v.shape != here.shape]


def _rows_of_values(spot: Spot, _: Bound) -> Operands:
    """Return the names of arrays with one axis, except those in the expression."""
    own = names_in(spot.node)
    return [n for n in spot.scope.arrays if spot.scope.values[n].ndim == 1 and n not in own]


# --- constants ---------------------------------------------------------------------------------


def _numbers_near(spot: Spot) -> list[float]:
    """Return small numbers, and the neighbours and the negative of a constant, without itself.

    The expression of ``spot`` is the constant. After a minus sign only positive numbers are
    returned, and of a factor not the negative.
    """
    node: Any = spot.node
    value = node.value
    near = dict.fromkeys((*NUMBERS, value + 1, value - 1, -value))
    signed, scales = holds(spot, "signed"), holds(spot, "scales")
    return [
        n for n in near if n != value and not (signed and n <= 0) and not (scales and n == -value)
    ]


def _near_numbers(spot: Spot, _: Bound) -> Operands:
    return [number_of(each) for each in _numbers_near(spot) if each >= 0]


def _negative_numbers(spot: Spot, _: Bound) -> Operands:
    return [number_of(each) for each in _numbers_near(spot) if each < 0]


def _scaled_numbers(spot: Spot, _: Bound) -> Operands:
    """Return multiples and fractions of a constant, and 0.5, as expressions.

    The expression of ``spot`` is the constant. The factors that make an output right come first.
    Numbers that `_numbers_near` returns are left out. The list is empty for a number in a sum of an
    index or a loop's bound.
    """
    node: Any = spot.node
    value = node.value
    if holds(spot, "counted"):
        # In a sum that counts only the next numbers are others, and where loops are.
        return []
    scaled = (0.5, value * 2, value / 2, value / 10, value * 10)
    others = dict.fromkeys([*(value * ratio for ratio in spot.scope.ratios), *scaled])
    known = {value, *_numbers_near(spot)}
    signed = holds(spot, "signed")
    return [number_of(n) for n in others if n not in known and not (signed and n <= 0)]


def _axes(spot: Spot, _: Bound) -> Operands:
    """Return other values for the ``axis`` argument that is the expression."""
    if isinstance(spot.node, ast.Constant):
        return map(number_of, _numbers_near(spot))
    return [f"{axis}" for axis in AXES]


BOUNDED = ("maximum", "minimum", "clip", "where")
"""Functions of which a constant is a bound, or a value, and no size."""


def _numbers_for_constant(spot: Spot, _: Bound) -> Operands:
    """Return names of numbers that may replace a constant, at most `FEW`.

    ``spot`` is the constant with its position. In an index these are integers, in a sum of an index
    the loop counters, in other sums and in ``maximum`` or ``clip`` numbers that are no integers.
    Compared with an array, only plain names are returned, not sizes such as ``X.shape[0]``.
    """
    scope, above = spot.scope, spot.above
    names = scope.numbers_that(count=True) if spot.indexes else scope.numbers
    if holds(spot, "counted"):
        names = [*scope.places]
    elif holds(spot, "in sum") or any(called_name(each) in BOUNDED for each in above):
        # Sizes are factors, and no terms or bounds of what is computed.
        names = scope.numbers_that(count=False)
    # The size of an array is no bound of its numbers.
    compared = (each for each in above if isinstance(each, ast.Compare))
    parts = (part for each in compared for part in (each.left, *each.comparators))
    held_to = any(is_array(scope.values.get(ast.unparse(part))) for part in parts)
    return [n for n in names if n.isidentifier() or not held_to][:FEW]


def _ratios(spot: Spot, _: Bound) -> Operands:
    return map(number_of, spot.scope.ratios)


# --- keys and entries --------------------------------------------------------------------------


def _keys(spot: Spot, _: Bound) -> Operands:
    """Return the keys that may replace a constant text, except those beside it in a tuple or list.

    ``spot`` is the text. The keys are those of the student's dicts. The list is empty if the
    expression is no text.
    """
    value = getattr(spot.node, "value", None)
    if not isinstance(value, str):
        return []
    rows = [each.elts for each in spot.above if isinstance(each, ast.Tuple | ast.List)]
    taken = {getattr(each, "value", None) for row in rows for each in row}
    found = spot.scope.keys_for(value, other=not spot.above)
    return [new(ast.Constant, key) for key in found if key not in taken]


def _words(spot: Spot, _: Bound) -> Operands:
    """Return texts that may replace a text that is compared or passed to a function.

    These are the other texts that are used so.
    """
    value, words = getattr(spot.node, "value", None), spot.scope.words
    return [new(ast.Constant, word) for word in words if value in words and word != value]


def _keys_of_row(spot: Spot, bound: Bound) -> Operands:
    """Return the text keys of the dict of which the expression is an entry, as ``d["W1"]``.

    ``spot`` is the entry. The list is empty if the object is no dict, or the key no constant.
    """
    node: Any = spot.node
    row = spot.scope.values.get(ast.unparse(node.value))
    if not isinstance(row, dict) or not isinstance(node.slice, ast.Constant):
        return []
    return [new(ast.Constant, key) for key in row if isinstance(key, str)]


def _indices(spot: Spot, _: Bound) -> Operands:
    """Return other indices for an entry such as ``A[i]``, see `indices`."""
    node: Any = spot.node
    return indices(node.slice)


def _windows(spot: Spot, _: Bound) -> Operands:
    """Return other indices for an entry: moved slices of its own, and indices of the function.

    See `moved` and `beside`.
    """
    node: Any = spot.node
    whole = spot.scope.numbers_that(count=True)
    others = beside(node.slice, spot.scope.slices)
    return [*moved(node.slice, spot.scope.counts, whole), *others]


def _longer_indices(spot: Spot, _: Bound) -> Operands:
    """Return indices with one more part for an entry such as ``A[i]``, which is ``spot``.

    The part is a full slice or a loop's counter, and comes first or last. The list is empty if the
    entry is no array.
    """
    node: Any = spot.node
    own = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    places = [expression(n) for n in spot.scope.places if n not in names_in(node.slice)]
    more = [new(ast.Slice), *places] if is_array(spot.value) else []
    rows = (parts for one in more for parts in ([*own, one], [one, *own]))
    return [new(ast.Tuple, parts, ast.Load()) for parts in rows]


def _counted_places(spot: Spot, bound: Bound) -> Operands:
    """Return entries such as ``y[i]`` that are integers, to select an entry of the 1-d array ``A``.

    ``bound["A"]`` is the expression of the array; the list is empty if it is no 1-d array.
    """
    row = spot.scope.values.get(ast.unparse(bound["A"]))
    if not isinstance(row, np.ndarray) or row.ndim != 1:
        return []
    return [each for each in spot.scope.numbers_that(count=True) if "[" in each][:RATES]


# --- factors and terms -------------------------------------------------------------------------


def _fitting(spot: Spot, _: Bound = {}) -> Operands:  # noqa: B006  (it is never changed)
    """Return arrays that can be combined with the expression's value without changing its shape.

    For a number these are the first arrays if it is no integer and no factor; otherwise none.
    """
    # A single number that is not whole may lack an array.
    alone = spot.whole and not is_array(spot.value) and not isinstance(spot.value, WHOLE)
    shape = np.shape(spot.value)
    return spot.scope.fitting(shape) if is_array(spot.value) else spot.scope.arrays[: FEW * alone]


def _same(spot: Spot, _: Bound = {}) -> Operands:  # noqa: B006
    """Return the arrays with the shape of the expression's value."""
    shape = np.shape(spot.value)
    return [n for n in _fitting(spot) if spot.scope.values[n].shape == shape]  # type: ignore[index]


def _counts(spot: Spot, _: Bound = {}) -> Sequence[str]:  # noqa: B006
    return spot.scope.numbers_that(count=True)[:FEW]


def _rates(spot: Spot, _: Bound = {}) -> Sequence[str]:  # noqa: B006
    return [] if spot.indexes else spot.scope.numbers_that(count=False)[: FEW // 2]


def _factors(spot: Spot, _: Bound) -> Operands:
    """Return the names of arrays and numbers that may be a factor of the expression's value."""
    return (*_fitting(spot), *_rates(spot), *_counts(spot))


def _constant_factors(spot: Spot, _: Bound) -> Operands:
    """Return constants, as texts, that may be a factor of the expression's value."""
    return ["2", "0.5", *([] if spot.indexes else (f"{each:.6g}" for each in spot.scope.ratios))]


def _terms(spot: Spot, _: Bound) -> Operands:
    """Return the names of arrays and numbers that may be a term, added to the expression.

    An integer is only added to an integer.
    """
    counted = _counts(spot) if isinstance(spot.value, WHOLE) else _rates(spot)
    return (*(_fitting(spot) if spot.whole else _same(spot)), *counted)


def _twin_terms(spot: Spot, bound: Bound) -> Iterator[ast.expr]:
    """Yield terms to add to a sum: ``f(W3)`` to ``f(W1) + f(W2)``.

    ``spot`` is the sum, and ``bound["B"]`` its last term. Each array in the term is replaced by
    arrays with the same shape or a similar name.
    """
    last, scope = bound["B"], spot.scope
    here, there = ([*map(ast.unparse, ast.walk(part))] for part in (spot.node, last))
    own = [name for name in scope.arrays if name in there]
    rows = [_twins(name, here, scope) for name in own]
    for some in itertools.islice(itertools.product(*rows), AT_ONCE):
        yield renamed(last, dict(zip(own, map(expression, some), strict=True)))


def _twins(name: str, here: Collection[str], scope: Scope) -> list[str]:
    """Return arrays with the same shape or stem as a name; the stem of ``W1`` is ``W``.

    Names in ``here`` are left out. Those that begin with the same letter come first.
    """
    stem, shape = name[:-1], scope.values[name].shape
    alike = (n for n in scope.arrays if scope.values[n].shape == shape or n[:-1] == stem != "")
    return sorted((n for n in alike if n not in here), key=lambda n: n[0] != name[0])


def _shape_of_draw(spot: Spot, _: Bound) -> Operands:
    """Return the shape that a call such as ``np.random.randn`` or ``np.zeros`` gets, at most one.

    ``spot`` is the call. For ``randn(n, m)`` it is the tuple ``(n, m)``. A keyword ``size`` comes
    first. The list is empty for other functions.
    """
    call: Any = spot.node
    if called_name(call) not in SHAPED:
        return []
    at = SHAPED[called_name(call)]
    given = call.args[at : at + 1] if at is not None else [new(ast.Tuple, call.args, ast.Load())]
    return [*(word.value for word in call.keywords if word.arg == "size"), *given][:1]


def _steps(spot: Spot, _: Bound) -> Operands:
    return spot.scope.counts[:RATES]


OPERANDS: Mapping[str, Callable[[Spot, Bound], Operands]] = {
    **{"like_": _names_like, "other_": _other_names, "compared_": _compared_names},
    **{"equal_": _equal_names, "amount_": _amounts, "function_": _functions},
    **{"handed_": _further_arguments, "shape_": _shapes, "row_": _rows_of_values},
    **{"near_number_": _near_numbers, "negative_number_": _negative_numbers},
    **{
        "scaled_number_": _scaled_numbers,
        "axis_": _axes,
        "size_": _numbers_for_constant,
        "ratio_": _ratios,
    },
    "array_": lambda spot, _: spot.scope.arrays[:FEW],
    **{"key_": _keys, "word_": _words, "key_of_row_": _keys_of_row, "index_": _indices},
    **{"window_": _windows, "longer_index_": _longer_indices, "counted_": _counted_places},
    **{"fitting_": _fitting, "same_": _same, "count_": _counts, "rate_": _rates},
    **{"operand_": _factors, "factor_": _constant_factors, "term_": _terms},
    **{"twin_": _twin_terms, "shape_of_draw_": _shape_of_draw, "times_": _steps, "step_": _steps},
}
"""What a search puts into each hole, as texts or as expressions, in the order in which it is
tried. Of what is not in the vocabulary of a reference nothing is tried."""

BY_PARTS = ("compared_", "counted_", "twin_")
"""Holes for what depends on the letters of the row."""

NUMERIC = ("rate_", "count_")
"""Holes for numbers, of which few are tried where a row has three holes."""
