"""Compute what a check compares from arrays of the student's process, not in that process.

A check may compare ``np.ptp(initial['W1']).all()``. Student code that has patched ``np.ptp``, or
gives an array of a class of its own, would decide what comes out there. So the process is asked for
``initial['W1']`` as well, which arrives as a plain array, and the expression is computed here.
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
    """An expression that is computed here: its text over ``value_0``…, and what those stand for."""

    text: str
    leaves: tuple[str, ...]


def with_leaves(reads: Sequence[str]) -> list[str]:
    """Return expressions to be read, and after them all that computed ones are made from."""
    known = (parts_of(expression) for expression in reads)
    leaves = [leaf for each in known if each is not None for leaf in each.leaves]
    return [*reads, *(leaf for leaf in dict.fromkeys(leaves) if leaf not in reads)]


@lru_cache(maxsize=1000)
def parts_of(expression: str) -> Computed | None:
    """Take an expression apart that calls nothing but numpy and methods of arrays.

    None if it calls nothing, or if only the student's process can compute it: where it calls a
    function of the student's, or unpacks a container.
    """
    tree = ast.parse(expression.strip(), mode="eval").body
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if not calls or any(isinstance(node, ast.Starred | ast.Dict) for node in nodes):
        return None
    if not all(_is_of_arrays(call.func) for call in calls):
        return None
    leaves = {id(node): ast.unparse(node) for node in _leaves(tree)}
    texts = tuple(dict.fromkeys(leaves.values()))
    names = {text: f"value_{number}" for number, text in enumerate(texts)}
    whole = _Replaced({key: names[text] for key, text in leaves.items()}).visit(tree)
    return Computed(ast.unparse(whole), texts)


def _is_of_arrays(function: ast.expr) -> bool:
    """Return whether a call is one of ``np.sum(…)``, or of ``x.sum(…)``."""
    if not isinstance(function, ast.Attribute):
        return False
    return _is_numpy(function) or function.attr in ATTRIBUTES


def _is_numpy(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == "np"


def _leaves(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the largest parts that are names, attributes or entries of these."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func):
            yield from _leaves(node.func.value)
        for given in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from _leaves(given)
    elif isinstance(node, ast.expr) and _is_place(node):
        yield node
    elif not (isinstance(node, ast.expr) and _is_numpy(node)):
        for child in ast.iter_child_nodes(node):
            yield from _leaves(child)


def _is_place(node: ast.expr) -> bool:
    """Return whether a part only looks up what is there, as ``fresh.params['W1']``."""
    if any(isinstance(part, ast.Call) for part in ast.walk(node)):
        return False
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id != "np"


class _Replaced(ast.NodeTransformer):
    """Put names in the place of some parts of a tree, by the parts' ids."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        if id(node) in self._names:
            return ast.Name(self._names[id(node)], ast.Load())
        return self.generic_visit(node)


def computed(parts: Computed, values: Values) -> NDArray[Any]:
    """Return the value of an expression, from what its parts are.

    Raises
    ------
    Exception
        Whatever numpy raises: the arrays are the student's.
    """
    names: dict[str, Any] = {"np": np}
    names |= {f"value_{n}": values[leaf].copy() for n, leaf in enumerate(parts.leaves)}
    with np.errstate(all="ignore"):
        return np.asarray(value_of(parts.text, names))
