"""Number the nodes of a text's syntax tree, compare nodes, and replace one of them."""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

PLACE = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
"""A place in a text, which the compiler needs of each node."""


@lru_cache(maxsize=8)
def parse(source: str) -> ast.Module:
    r"""Parse source, without Python's warnings about strings such as "\\d"; trees are shared.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `ast.parse`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def numbered(tree: ast.AST) -> list[ast.AST]:
    """Return all nodes of a tree, the tree itself first; a node's place in the list is its number.

    Nodes are listed level by level. Operators and contexts are left out. Only fields are read:
    IPython stores other trees in the attributes of nodes.
    """
    found = [tree]
    for node in found:
        for name in node._fields:
            value = getattr(node, name, None)
            parts = value if isinstance(value, list) else [value]
            found += [e for e in parts if isinstance(e, ast.AST) and not isinstance(e, _NO_NODES)]
    return found


_NO_NODES = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)


def is_same(one: Any, other: Any) -> bool:
    """Return whether two syntax trees or lists of them are equal in all fields.

    Only the contexts Load, Store and Del may differ. Positions in the text do not count. Other
    values are compared by ``==``.
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return isinstance(one, ast.expr_context) and isinstance(other, ast.expr_context)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, ast.AST):
        return all(is_same(getattr(one, f, None), getattr(other, f, None)) for f in one._fields)
    return bool(one == other)


def new(kind: type[Any], *parts: Any) -> Any:
    """Return a new node of type ``kind`` with a position in the text, which the compiler needs.

    ``parts`` are its fields, in the order of `ast`.
    """
    return kind(*parts, **PLACE)


def with_parts(node: Any, **parts: Any) -> Any:
    """Return a shallow copy of a node with the given fields replaced by new values."""
    made = copy.copy(node)
    for name, value in parts.items():
        setattr(made, name, value)
    return made


def with_context(node: ast.expr, like: ast.AST) -> ast.expr:
    """Return an expression with the context, Load or Store, of the node ``like`` which it replaces.

    The node itself is returned if one of the two has no context. Otherwise it is a copy, and a
    value or index in it that had the context Store gets Load.
    """
    context = getattr(like, "ctx", None)
    if context is None or not hasattr(node, "ctx"):
        return node
    made = with_parts(node, ctx=context)
    for name in ("value", "slice"):
        part = getattr(node, name, None)
        # A part that was stored to before the change, such as `m` in `m[label]`, is read now.
        if part is not None and isinstance(getattr(part, "ctx", None), ast.Store):
            setattr(made, name, with_context(part, new(ast.Name, "", ast.Load())))
    return made  # type: ignore[no-any-return]


def replaced(tree: Any, instead: Mapping[int, ast.AST]) -> Any:
    """Return a tree with some nodes replaced: ``instead`` has new nodes by the old ones' ``id``.

    Nodes that contain a replaced node are copied; all others are shared with the given tree, which
    is not changed. If nothing is replaced, the tree itself is returned.
    """
    if id(tree) in instead:
        return instead[id(tree)]
    changed = {}
    for name in tree._fields:
        value = getattr(tree, name, None)
        if isinstance(value, ast.AST):
            made = replaced(value, instead)
            if made is not value:
                changed[name] = made
        elif isinstance(value, list):
            row = [replaced(e, instead) if isinstance(e, ast.AST) else e for e in value]
            if any(map(_differ, row, value)):
                changed[name] = row
    return with_parts(tree, **changed) if changed else tree


def _differ(one: object, other: object) -> bool:
    return one is not other


def is_path(node: ast.AST) -> bool:
    """Return whether an expression names a value: a name, or an entry or attribute of a name.

    ``a``, ``a[i]``, ``a.b[0].c`` and ``len(a)`` are such expressions; ``f(a)`` and ``a + b`` are
    not.
    """
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else ""
        return called == "len" and len(node.args) == 1 and is_path(node.args[0])
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def called_name(node: ast.AST) -> str:
    """Return the name of the function or method that a call calls, without its module or object.

    It is ``dot`` for ``np.dot(a, b)``. It is empty if the node is no call, or calls no name or
    attribute.
    """
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
