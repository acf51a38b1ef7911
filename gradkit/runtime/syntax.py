"""Syntax trees, parsed once and walked without detours: grading a class reads many of them.

Trees that come from here are shared: whoever wants to change one copies it first.
"""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

_KEPT = 32
_LONGEST = 50_000
"""How many trees are kept, and up to how many characters of source."""

_LEAVES = frozenset(
    kind
    for base in (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
    for kind in base.__subclasses__()
)
_PLAIN = _LEAVES | {str, int, type(None)}

_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)
"""What statements stand in: in nothing else can there be one."""


def parse(source: str) -> ast.Module:
    r"""Parse source; what Python warns of, such as "\\d", is the student's affair.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `ast.parse`.
    """
    return _kept(source) if len(source) <= _LONGEST else _parse(source)


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


_kept = lru_cache(maxsize=_KEPT)(_parse)


def walk(node: ast.AST) -> list[ast.AST]:
    """List the nodes of a tree as `ast.walk` does, but for operators and contexts."""
    found = [node]
    for part in found:
        for value in vars(part).values():
            kind = type(value)
            if kind is list:
                found += [
                    item for item in value if type(item) not in _PLAIN and isinstance(item, ast.AST)
                ]
            elif kind not in _PLAIN and isinstance(value, ast.AST):
                found.append(value)
    return found


def walk_statements(node: ast.AST) -> list[ast.AST]:
    """List of `walk` what statements are, or stand in; no expression holds any."""
    found = [node]
    for part in found:
        found += statements_in(part)
    return found


def statements_in(node: ast.AST) -> list[ast.AST]:
    """The statements, handlers and cases directly below a node, in the order of the text."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if type(value) is list and value and isinstance(value[0], _HOLDERS):
            found += value
    return found
