"""The small changes that may be made to an expression, as a table of kinds.

A kind is a way to be wrong: another name of the same shape, a factor that is missing, an axis. Each
proposes what may stand in the place of a part of the student's text.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from gradkit.edits.nodes import is_same
from gradkit.runtime.repair import calls, missing, operands, operations, shapes
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import Change, adds

Maker = Callable[[Spot], Iterator[Change]]


def _is_idle(node: ast.AST, values: Mapping[str, Any]) -> bool:
    """Tell what changes nothing or is always the same, and stands for something too many.

    So is the difference of two names for one value, and what is compared with itself.
    """
    if isinstance(node, ast.Compare):
        return len(node.comparators) == 1 and is_same(node.left, node.comparators[0])
    if not isinstance(node, ast.BinOp):
        return False
    left, right = (getattr(part, "value", None) for part in (node.left, node.right))
    if adds(node):
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
    return alias or is_same(node.left, node.right)


def _is_undone(node: ast.BinOp) -> bool:
    """Tell ``a * (1 / a)``, also at the end of a longer product."""
    last = node.left.right if isinstance(node.left, ast.BinOp) else node.left
    other = node.right
    return (
        isinstance(other, ast.BinOp)
        and isinstance(other.op, ast.Div)
        and is_same(last, other.right)
    )


SMALL: Sequence[Maker] = (
    operands.other_names,
    operands.others_together,
    operands.others_throughout,
    operands.other_constants,
    operands.other_rows,
    operations.other_operations,
    operations.other_comparisons,
    operations.missing_slopes,
    calls.other_calls,
    shapes.other_shapes,
    shapes.other_entries,
    operations.with_sign,
)
LARGE_ONES: Sequence[Maker] = (
    missing.missing_parts,
    missing.products_for_quotients,
    missing.applied_functions,
    calls.filled_arrays,
)
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
