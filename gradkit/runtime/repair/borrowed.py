"""What the model solution has, in the student's names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradkit.runtime.repair.expressions import Spot
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.tree import LARGE, Change, binary, placed, with_parts


@dataclass(frozen=True, slots=True)
class Part:
    """An expression of the model solution.

    ``role`` is what it is to the expression around it: a ``factor``, a ``term``, or the ``whole``
    value of a statement or an argument; or it is a ``statement`` that changes entries of an array.
    ``leaves`` are the names, entries and attributes that it is made of, each with the numbers of
    its first values.
    """

    text: str
    role: str
    leaves: tuple[tuple[str, tuple[int, ...]], ...]


def borrowed_parts(
    parts: Sequence[Part], values: Sequence[Any], runs: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """Yield the model's expressions in the student's names, each with its role.

    Parameters
    ----------
    parts : sequence of Part
    values : sequence of array
        By number.
    runs : sequence of mapping
        The local names in a place, run by run. A leaf is the name that holds the same values.
    """
    scopes = [scope_of(local) for local in runs]
    seen: set[tuple[str, str]] = set()
    for part in parts:
        renamed = {}
        for leaf, numbers in part.leaves:
            own = _holding(leaf, [values[n] for n in numbers], scopes)
            if own is None:
                break
            renamed[leaf] = own
        else:
            tree = _renamed(part.text, renamed)
            key = part.role, ast.unparse(tree)
            if key not in seen:
                seen.add(key)
                yield part.role, placed(tree)


def _holding(leaf: str, values: Sequence[Any], scopes: Sequence[Scope]) -> str | None:
    """Return the student's expression that holds these values: of the same name, if it does."""
    pairs = list(zip(values, scopes, strict=False))
    first = scopes[0]
    for name in (leaf, *first.arrays, *first.numbers):
        if all(name in scope.values and _same(scope.values[name], v) for v, scope in pairs):
            return name
    return None


def _same(found: Any, value: Any) -> bool:
    array = np.asarray(found)
    return (
        array.dtype.kind in "biuf"
        and array.shape == value.shape
        and bool(np.allclose(array, value, rtol=1e-9, atol=0.0))
    )


def _renamed(text: str, names: Mapping[str, str]) -> ast.AST:
    class Rename(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
                own = names.get(ast.unparse(node))
                if own is not None:
                    # A target stays one.
                    return with_parts(ast.parse(own, mode="eval").body, ctx=node.ctx)
            return self.generic_visit(node)

    (statement,) = ast.parse(text).body
    part = statement.value if isinstance(statement, ast.Expr) else statement
    return Rename().visit(part)  # type: ignore[no-any-return]


def borrowed_changes(spot: Spot, parts: Sequence[tuple[str, Any]]) -> Iterator[Change]:
    """Yield an expression with what the model solution has there besides, or in its place."""
    for role, part in parts:
        if role == "statement":
            continue
        size = 0.05 * sum(1 for _ in ast.walk(part))
        if role == "factor" and spot.whole:
            for operator in (ast.Mult, ast.Div):
                yield Change("missing-factor", binary(spot.node, operator, part), LARGE + size)
        elif role == "term" and spot.whole:
            for adding in (ast.Add, ast.Sub):
                yield Change("missing-term", binary(spot.node, adding, part), LARGE + size)
        if not isinstance(spot.node, ast.Constant):
            yield Change("wrong-expression", part, 2 * LARGE + size)
