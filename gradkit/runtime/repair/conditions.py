"""The conditions under which a search tries a row: what has to hold of an expression."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradkit.edits.nodes import called_name
from gradkit.edits.rows import REDUCED
from gradkit.runtime.repair.scope import WHOLE, is_array, is_numeric
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import adds, is_numpy, owner_of

SHAPED: Mapping[str, int | None] = {
    **dict.fromkeys(("zeros", "ones", "empty", "full", "random", "standard_normal"), 0),
    **dict.fromkeys(("normal", "uniform"), 2),
    **dict.fromkeys(("rand", "randn")),
}
"""Functions that make an array, and which argument is its shape; None where all arguments are."""


def holds(spot: Spot, condition: str) -> bool:
    """Return whether an expression meets a condition of a row; the answer is cached in ``spot``.

    ``condition`` is a key of `CONDITIONS`.
    """
    if condition not in spot.known:
        spot.known[condition] = bool(CONDITIONS[condition](spot))
    return spot.known[condition]  # type: ignore[no-any-return]


def operations_with(spot: Spot) -> list[ast.BinOp]:
    """Return the binary operations that have the expression of a spot as operand."""
    above = (each for each in spot.above if isinstance(each, ast.BinOp))
    return [each for each in above if spot.node in (each.left, each.right)]


def purpose_of(spot: Spot) -> str:
    """Return the use of a number, ``spot``, by its position in the expression around it.

    One of ``axis``, ``keepdims``, ``option`` (another keyword argument), ``bound`` (in ``range``),
    ``place`` (in an index), ``exponent``, or ``value`` for all others.
    """
    if spot.of:
        return spot.of if spot.of in ("axis", "keepdims") else "option"
    if any(called_name(node) == "range" for node in spot.above):
        return "bound"
    if spot.index:
        return "place"
    powers = [each for each in operations_with(spot) if isinstance(each.op, ast.Pow)]
    return "exponent" if any(each.right is spot.node for each in powers) else "value"


def _is_number(spot: Spot) -> bool:
    """Return whether an expression is a numeric constant."""
    value = getattr(spot.node, "value", None)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_handed(spot: Spot) -> bool:
    """Return whether an expression is an option, or an argument of a function that a name calls."""
    calls = (a for a in spot.above if isinstance(a, ast.Call) and isinstance(a.func, ast.Name))
    return bool(spot.of) or any(spot.node in call.args for call in calls)


def _is_slope(spot: Spot) -> bool:
    """Return whether an expression is an array of floats in a product."""
    products = (each for each in operations_with(spot) if isinstance(each.op, ast.Mult))
    return any(products) and is_array(spot.value) and spot.value.dtype.kind == "f"


def _is_known_function(spot: Spot) -> bool:
    """Return whether an expression is a call of numpy or of a student's function of one value."""
    function = spot.node.func if isinstance(spot.node, ast.Call) else None
    return holds(spot, "helper") or is_numpy(getattr(function, "value", spot.node))


def _reduces(spot: Spot) -> bool:
    return called_name(spot.node) in REDUCED


def _reduces_without_keepdims(spot: Spot) -> bool:
    """Return whether a call such as ``sum`` reduces a given axis, without ``keepdims``."""
    node: Any = spot.node
    names = {word.arg for word in node.keywords}
    given = "axis" in names or len(node.args) > int(owner_of(node) is None)
    return _reduces(spot) and given and "keepdims" not in names


def _has_sign(spot: Spot) -> bool:
    """Return whether a minus sign may be put before an expression.

    It may not before a constant, an integer, a signed expression or a part of ``range``.
    """
    # A range has no sign.
    plain = isinstance(spot.node, ast.Constant | ast.UnaryOp)
    plain = plain or any(called_name(each) == "range" for each in spot.above)
    return not plain and is_numeric(spot.value) and not isinstance(spot.value, WHOLE)


def _follows_length(spot: Spot) -> bool:
    """Return whether a left operand is a length, or ends with one, as in ``len(b) - 1``."""
    left: Any = getattr(spot.node, "left", spot.node)
    return "len" in (called_name(left), called_name(getattr(left, "right", left)))


def _is_product(spot: Spot) -> bool:
    """Return whether an expression is ``A @ B``, or a call of ``dot`` or ``matmul``."""
    operator = getattr(spot.node, "op", None)
    return isinstance(operator, ast.MatMult) or called_name(spot.node) in ("dot", "matmul")


def _is_factor(spot: Spot) -> bool:
    return any(not adds(each) for each in operations_with(spot))


CONDITIONS: Mapping[str, Callable[[Spot], Any]] = {
    # --- where the expression stands -----------------------------------------------------------
    "again": lambda spot: spot.again,
    "top": lambda spot: not spot.above,
    "whole": lambda spot: spot.whole,
    "factor": _is_factor,
    "in sum": lambda spot: any(map(adds, operations_with(spot))),
    "scales": lambda spot: any(
        isinstance(each.op, ast.Mult | ast.Div) for each in operations_with(spot)
    ),
    "signed": lambda spot: any(
        isinstance(each, ast.UnaryOp) and each.operand is spot.node for each in spot.above
    ),
    "counted": lambda spot: spot.counts and isinstance(spot.value, WHOLE) and holds(spot, "in sum"),
    "counting": lambda spot: spot.counts and isinstance(spot.value, WHOLE) and adds(spot.node),
    "asked": lambda spot: (
        spot.counts or any(isinstance(each, ast.Compare | ast.BoolOp) for each in spot.above)
    ),
    "written": lambda spot: spot.counts and not spot.above,
    "handed": _is_handed,
    # ``len(b - 1)`` is ``len(b)``: the number has no effect there.
    "after length": _follows_length,
    "shape": lambda spot: any(called_name(each) in SHAPED for each in spot.above),
    "slope": _is_slope,
    # --- what a number is for ------------------------------------------------------------------
    "option": lambda spot: purpose_of(spot) == "option",
    "axis": lambda spot: purpose_of(spot) == "axis",
    "keepdims": lambda spot: purpose_of(spot) == "keepdims",
    "bound": lambda spot: purpose_of(spot) == "bound",
    "place": lambda spot: purpose_of(spot) == "place",
    "exponent": lambda spot: purpose_of(spot) == "exponent",
    "value": lambda spot: purpose_of(spot) == "value",
    "row": lambda spot: any(isinstance(each, ast.Tuple) for each in spot.above),
    # --- what the expression is ----------------------------------------------------------------
    "number": _is_number,
    "one": lambda spot: getattr(spot.node, "value", None) == 1 and is_numeric(spot.value),
    "entry": lambda spot: isinstance(spot.node, ast.Subscript),
    "alias": lambda spot: (
        not spot.above and isinstance(spot.node, ast.Name | ast.Attribute | ast.Subscript)
    ),
    "replaced": lambda spot: not isinstance(spot.node, ast.Constant) or spot.node.value is None,
    "fixed": lambda spot: (
        isinstance(spot.node, ast.BinOp)
        and isinstance(spot.node.left, ast.Constant)
        and isinstance(spot.node.right, ast.Constant)
    ),
    "no key": lambda spot: (
        not isinstance(getattr(getattr(spot.node, "slice", None), "value", None), str)
    ),
    "product": _is_product,
    "helper": lambda spot: called_name(spot.node) in spot.scope.helpers,
    "known function": _is_known_function,
    "sums": lambda spot: _reduces(spot) and ast.unparse(spot.node).startswith(("np.", "numpy.")),
    "keeps nothing": _reduces_without_keepdims,
    "numpy": lambda spot: spot.scope.library == "np",
    # --- what its value is ---------------------------------------------------------------------
    "numeric": lambda spot: is_numeric(spot.value),
    "count": lambda spot: isinstance(spot.value, WHOLE),
    "float": lambda spot: isinstance(spot.value, float),
    "rate": lambda spot: ast.unparse(spot.node) in spot.scope.numbers_that(count=False),
    "computed": lambda spot: (
        is_numeric(spot.value) and not isinstance(spot.node, ast.Constant) and not spot.indexes
    ),
    "array": lambda spot: is_array(spot.value),
    "mask": lambda spot: is_array(spot.value) and spot.value.dtype.kind == "b",
    "places": lambda spot: is_array(spot.value) and spot.value.dtype.kind == "i",
    "matrix": lambda spot: (
        is_array(spot.value)
        and spot.value.ndim >= 2
        and not any(called_name(each) == "len" for each in spot.above)
    ),
    "flat": lambda spot: spot.value.ndim in (1, 2) and spot.value.size > 1,
    "axes": lambda spot: np.ndim(spot.value) > 0,
    "windows": lambda spot: np.ndim(spot.value) > 2,
    "list": lambda spot: isinstance(spot.value, list) and not spot.above,
    "signable": _has_sign,
}
"""Each condition by the name that rows have for it."""
