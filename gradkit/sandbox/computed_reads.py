"""Compute the expressions of a check in the grader, from arrays of the student's process.

A check may compare ``np.ptp(initial['W1']).all()``. In the student's process, code that has
replaced ``np.ptp``, or that returns an array of its own class, could falsify the result. So the
process is asked for ``initial['W1']`` too, which arrives as a plain array, and the expression is
computed here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.allowed_names import ATTRIBUTES
from gradkit.lines import value_of

Values = Mapping[str, NDArray[Any]]


class Computed(Struct, frozen=True):
    """An expression to compute in the grader.

    ``text`` uses the names ``value_0``, ``value_1``, … for the sub-expressions in ``leaves``, whose
    values come from the student's process.
    """

    text: str
    leaves: tuple[str, ...]


def with_leaves(reads: Sequence[str]) -> list[str]:
    """Return expressions, followed by the sub-expressions that the grader needs to compute them."""
    computed_reads = (parts_of(expression) for expression in reads)
    leaves = [leaf for parts in computed_reads if parts is not None for leaf in parts.leaves]
    return [*reads, *(leaf for leaf in dict.fromkeys(leaves) if leaf not in reads)]


@lru_cache(maxsize=1000)
def parts_of(expression: str) -> Computed | None:
    """Split an expression that the grader can compute into its text and its sub-expressions.

    None is returned if the expression calls nothing, or if only the student's process can compute
    it because it calls a student's function or unpacks a container.
    """
    tree = ast.parse(expression.strip(), mode="eval").body
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if not calls or any(isinstance(node, ast.Starred | ast.Dict) for node in nodes):
        return None
    if not all(_is_numpy_or_method(call.func) for call in calls):
        return None
    leaves = {id(node): ast.unparse(node) for node in _leaves(tree)}
    texts = tuple(dict.fromkeys(leaves.values()))
    names = {text: f"value_{number}" for number, text in enumerate(texts)}
    whole = _ReplaceByNames({key: names[text] for key, text in leaves.items()}).visit(tree)
    return Computed(ast.unparse(whole), texts)


def _is_numpy_or_method(function: ast.expr) -> bool:
    """Return whether a called function is one of numpy, ``np.sum``, or an array's, ``x.sum``."""
    if not isinstance(function, ast.Attribute):
        return False
    return _is_numpy(function) or function.attr in ATTRIBUTES


def _is_numpy(node: ast.expr) -> bool:
    """Return whether a node is ``np`` or an attribute of it, as ``np.linalg.norm``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == "np"


def _leaves(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the largest sub-expressions that only look up a value, outside of ``np``."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func):
            yield from _leaves(node.func.value)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from _leaves(argument)
    elif isinstance(node, ast.expr) and _is_lookup(node):
        yield node
    elif not (isinstance(node, ast.expr) and _is_numpy(node)):
        for child in ast.iter_child_nodes(node):
            yield from _leaves(child)


def _is_lookup(node: ast.expr) -> bool:
    """Return whether a node only looks up a value, as ``fresh.params['W1']``, without a call."""
    if any(isinstance(part, ast.Call) for part in ast.walk(node)):
        return False
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id != "np"


class _ReplaceByNames(ast.NodeTransformer):
    """Replaces some nodes of a tree by names; ``names`` has them by the nodes' ids."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        if id(node) in self._names:
            return ast.Name(self._names[id(node)], ast.Load())
        return self.generic_visit(node)


def computed(parts: Computed, values: Values) -> NDArray[Any]:
    """Compute an expression from the values of its sub-expressions, and return it as an array.

    Raises
    ------
    Exception
        Any exception of numpy, because the student's arrays may not fit the expression.
    """
    names: dict[str, Any] = {"np": np}
    names |= {f"value_{n}": values[leaf].copy() for n, leaf in enumerate(parts.leaves)}
    with np.errstate(all="ignore"):
        return np.asarray(value_of(parts.text, names))
