"""What the model solution has, in the student's names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradkit.runtime.repair.expressions import Spot
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.tree import LARGE, LARGER, Change, binary, placed, with_parts


@dataclass(frozen=True, slots=True)
class Part:
    """An expression of the model solution.

    ``role`` is what it is to the expression around it: a ``factor``, a ``term``, or the ``whole``
    value of a statement or an argument; or it is a ``statement`` that changes something. ``leaves``
    are the names, entries and attributes that it is made of, each with the numbers of its first
    values; ``numbers`` are those of its own.
    """

    text: str
    role: str
    leaves: tuple[tuple[str, tuple[int, ...]], ...]
    numbers: tuple[int, ...] = ()


DEEP = 2
"""How often a name that the student has not may be written as what it stands for."""


def borrowed_parts(
    parts: Sequence[Part], values: Sequence[Any], runs: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Part, Any]]:
    """Yield the model's expressions, each with its tree in the student's names.

    A leaf is the name that holds the same values, or else what the model makes them of.

    Parameters
    ----------
    parts : sequence of Part
    values : sequence of array
        By number.
    runs : sequence of mapping
        The local names in a place, run by run.
    """
    scopes = [scope_of(local) for local in runs]
    made_of = {part.numbers: part for part in reversed(parts) if part.role == "whole"}
    held: dict[tuple[str, tuple[int, ...]], str | None] = {}

    def leaf_of(leaf: str, numbers: tuple[int, ...], deep: int) -> ast.expr | None:
        if (key := (leaf, numbers)) not in held:
            all_runs = [values[n] for n in numbers]
            # What a step is missing from goes on otherwise after the first run.
            held[key] = _holding(leaf, all_runs, scopes) or _holding(leaf, all_runs[:1], scopes)
        if (own := held[key]) is not None:
            return ast.parse(own, mode="eval").body
        part = made_of.get(numbers) if deep else None
        return tree_of(part, deep - 1) if part is not None else None

    def tree_of(part: Part, deep: int) -> Any:
        renamed = {}
        for leaf, numbers in part.leaves:
            own = leaf_of(leaf, numbers, deep)
            if own is None:
                return None
            renamed[leaf] = own
        return _renamed(part, renamed)

    seen: set[tuple[str, str]] = set()
    for part in parts:
        tree = tree_of(part, DEEP)
        if tree is not None and (key := (part.role, ast.unparse(tree))) not in seen:
            seen.add(key)
            yield part, placed(tree)


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


def _renamed(part: Part, names: Mapping[str, ast.expr]) -> ast.AST:
    class Rename(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
                own = names.get(ast.unparse(node))
                if own is not None:
                    # A target stays one.
                    return with_parts(own, ctx=node.ctx) if hasattr(own, "ctx") else own
            return self.generic_visit(node)

    read: Any = ast.parse(part.text).body[0]
    return Rename().visit(read if part.role == "statement" else read.value)  # type: ignore[no-any-return]


def borrowed_changes(spot: Spot, parts: Sequence[tuple[Part, Any]]) -> Iterator[Change]:
    """Yield an expression with what the model solution has there besides, or in its place."""
    for borrowed, part in parts:
        role = borrowed.role
        if role == "statement":
            continue
        if isinstance(part, ast.Call) and isinstance(spot.node, ast.Call):
            yield Change("wrong-function", with_parts(spot.node, func=part.func), LARGER)
        size = 0.05 * sum(1 for _ in ast.walk(part))
        if role == "factor" and spot.whole:
            for operator in (ast.Mult, ast.Div):
                yield Change("missing-factor", binary(spot.node, operator, part), LARGE + size)
        elif role == "term" and spot.whole:
            for adding in (ast.Add, ast.Sub):
                yield Change("missing-term", binary(spot.node, adding, part), LARGE + size)
        if not isinstance(spot.node, ast.Constant):
            yield Change("wrong-expression", part, 2 * LARGE + size)
