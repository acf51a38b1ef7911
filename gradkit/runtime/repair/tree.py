"""Make, copy and measure parts of syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

from gradkit.edits.nodes import PLACE, new, with_parts
from gradkit.runtime.syntax import copy_tree


def placed(node: ast.AST) -> ast.AST:
    """Set the same position in the text for a node and all below it, and return the node.

    The compiler needs a position.
    """
    for part in ast.walk(node):
        if "lineno" in part._attributes:
            for name, value in PLACE.items():
                setattr(part, name, value)
    return node


@cache
def expression(text: str) -> ast.expr:
    """Return the tree of an expression; equal texts share it."""
    return placed(ast.parse(text, mode="eval").body)  # type: ignore[return-value]


@cache
def statement_of(text: str) -> ast.stmt:
    """Return the tree of a statement; equal texts share it."""
    return placed(ast.parse(text).body[0])  # type: ignore[return-value]


NAMED = ast.Name | ast.Attribute | ast.Subscript | ast.Call
"""The types of expressions that may stand in a statement several times."""


def putting(parent: ast.AST, name: str, index: int | None) -> Callable[[ast.expr], None]:
    """Return a function that stores an expression in a field of a node.

    ``name`` is the field. If it is a list, ``index`` says which item is replaced; otherwise it is
    None.
    """
    if index is None:
        return lambda node: setattr(parent, name, node)
    return lambda node: getattr(parent, name).__setitem__(index, node)


class _Rename(ast.NodeTransformer):
    """Replace names, attributes, entries and calls by other expressions."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> Any:
        """Return the expression that replaces a node, or else the node with its changed parts.

        The replacements are given by text: names, attributes, entries and calls are compared with
        it. An expression that is assigned to stays a target.
        """
        if isinstance(node, NAMED):
            own = self._names.get(node.id if isinstance(node, ast.Name) else ast.unparse(node))
            if own is not None:
                # A name that is assigned stays so.
                target = hasattr(own, "ctx") and not isinstance(node, ast.Call)
                return with_parts(own, ctx=node.ctx) if target else own  # type: ignore[union-attr]
        return self.generic_visit(node)


def renamed(node: ast.AST, names: Mapping[str, ast.expr]) -> Any:
    """Return a copy of a tree in which names, attributes, entries and calls are replaced.

    ``names`` has the new expression by the text of the old one.
    """
    return _Rename(names).visit(copy_tree(node))


def binary(left: ast.expr, operator: type[ast.operator], right: ast.expr) -> ast.expr:
    """Return the tree of an operation with two operands."""
    return new(ast.BinOp, left, operator(), right)  # type: ignore[no-any-return]


@lru_cache(maxsize=100_000)
def size_of(node: ast.AST) -> int:
    """Return the number of nodes of a tree; it is cached, so the tree must not change."""
    return 1 + sum(map(size_of, ast.iter_child_nodes(node)))


def is_numpy(node: ast.AST) -> bool:
    """Return whether an expression is the module numpy, by its usual names."""
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def owner_of(node: ast.AST) -> ast.expr | None:
    """Return the object whose method is called; None for numpy's functions and other nodes."""
    function = node.func if isinstance(node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    return None if owner is None or is_numpy(owner) else owner


def number_of(value: float) -> ast.expr:
    """Return the tree of a number; a negative one is a minus sign and a constant."""
    constant: ast.expr = new(ast.Constant, abs(value))
    return negative(constant) if value < 0 else constant


SUMS = (ast.Add, ast.Sub)
"""Operations of sums."""


def adds(node: Any) -> bool:
    """Return whether an expression is a sum or a difference."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, SUMS)


def negative(node: ast.expr) -> ast.expr:
    """Return the tree of an expression with a minus sign before it."""
    return new(ast.UnaryOp, ast.USub(), node)  # type: ignore[no-any-return]
