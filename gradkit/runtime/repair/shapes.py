"""Changes of shapes: transposed, copied, as a row or a column, and other entries of an array."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradkit.edits.costs import LARGER, LITTLE, SCALED, SIMPLE
from gradkit.edits.nodes import called_name, new, with_parts
from gradkit.runtime.repair.calls import SHAPED
from gradkit.runtime.repair.indices import beside, indices, moved
from gradkit.runtime.repair.scope import is_array
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import (
    Change,
    attribute_of,
    called_with,
    expression,
    method_of,
    number_of,
    renamed,
)
from gradkit.runtime.syntax import every, names_in


def other_shapes(spot: Spot) -> Iterator[Change]:
    """Yield what is transposed, copied, or of another shape."""
    node = spot.node
    yield from _transposed(node)
    yield from _shaped(spot)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        # A little less than to put another one behind it.
        yield Change("wrong-transpose", node.value, SIMPLE - LITTLE)
    elif is_array(spot.value) and spot.value.ndim >= 2 and not _is_counted(spot):
        yield Change("wrong-transpose", attribute_of(node, "T"))
    # What an entry of a copy is given is lost.
    written = spot.counts and not spot.above
    if isinstance(spot.value, np.ndarray) and not (written or isinstance(node, ast.Constant)):
        alias = not spot.above and isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
        cost = SIMPLE if alias else LARGER
        yield Change("missing-copy", method_of(node, "copy"), cost, hidden=True)
        for name in spot.scope.arrays:
            other = spot.scope.values[name]
            if other.size == spot.value.size and other.shape != spot.value.shape:
                shaped = method_of(node, "reshape", expression(f"{name}.shape"))
                yield Change("wrong-shape", shaped, LARGER)


def _shaped(spot: Spot) -> Iterator[Change]:
    """Yield the same numbers in another shape: as a row, as a column, or flat."""
    node, value = spot.node, spot.value
    if isinstance(node, ast.Tuple) and any(called_name(a) in SHAPED for a in spot.above):
        sizes = [e for e in node.elts if not (isinstance(e, ast.Constant) and e.value == 1)]
        if len(sizes) == 1 < len(node.elts):
            yield Change("wrong-shape", sizes[0])
    if isinstance(value, list) and not spot.above:
        row = new(ast.List, [node], ast.Load())
        yield Change("wrong-shape", called_with("np.array(x)", row), LARGER)
    if isinstance(value, np.ndarray) and spot.whole and value.ndim in (1, 2) and value.size > 1:
        for shape in ((1, -1), (-1, 1), (-1,)):
            if value.reshape(*shape).shape != value.shape:
                shaped = method_of(node, "reshape", *map(number_of, shape))
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
    call = (
        isinstance(node, ast.Call)
        and called_name(node) in ("dot", "matmul")
        and len(node.args) == 2
    )
    names = ("left", "right") if product else ()
    factors = [getattr(node, each) for each in names] if product else node.args if call else []
    plain = [f.value if isinstance(f, ast.Attribute) and f.attr == "T" else None for f in factors]
    if [*map(bool, plain)].count(True) == 1:
        made = [
            attribute_of(factor, "T") if own is None else own
            for factor, own in zip(factors, plain, strict=True)
        ]
        parts = dict(zip(names, made, strict=True)) if product else {"args": made}
        yield Change("wrong-transpose", with_parts(node, **parts), SCALED)


def _turned_below(node: ast.AST) -> list[ast.Attribute]:
    """Return what is transposed in a part of an expression."""
    return [part for part in every(ast.Attribute, node) if part.attr == "T"]


def _is_counted(spot: Spot) -> bool:
    """Tell what only its length is asked of: where that is wrong, another size is meant."""
    return any(called_name(each) == "len" for each in spot.above)


def other_entries(spot: Spot) -> Iterator[Change]:
    """Yield another entry or window, or all of what one is taken of."""
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
