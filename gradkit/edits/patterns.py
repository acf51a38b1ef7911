"""Match expressions with patterns that are written as Python, and build expressions from them.

In a pattern, a capital letter stands for an expression: ``A`` to ``D`` for any, ``L`` for a name,
an entry or an attribute, ``K`` for a constant, ``E`` for anything else but a module, ``F``
and ``G`` for a function, ``V`` for a value that is no condition. ``*_`` stands for the other
arguments of a call. A name that ends in ``_``, such as ``like_``, is a hole for an operand.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

from gradkit.edits.nodes import PLACE, is_path, is_same

Bound = dict[str, Any]
"""The expression for each letter and hole; for ``*_`` other arguments, options, and their order."""

REST = "*_"


def _is_value(node: ast.AST) -> bool:
    negated = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert)
    return not isinstance(node, ast.Compare | ast.BoolOp) and not negated


def _is_expression(node: ast.AST) -> bool:
    return isinstance(node, ast.expr)


LETTERS: Mapping[str, Callable[[ast.AST], bool]] = {
    **dict.fromkeys("ABCD", _is_expression),
    "L": lambda node: isinstance(node, ast.Attribute | ast.Subscript) or is_path(node),
    "K": lambda node: isinstance(node, ast.Constant),
    "E": lambda node: (
        not isinstance(node, ast.Constant | ast.Starred)
        and getattr(node, "id", "") not in ("np", "numpy", "math")
    ),
    "F": lambda node: isinstance(node, ast.Name | ast.Attribute),
    "G": lambda node: isinstance(node, ast.Name | ast.Attribute),
    "V": _is_value,
}
"""For each letter, whether it may stand for an expression."""

PATHS = ("Name", "Attribute", "Subscript", "Call")
"""The types of nodes that ``L`` may stand for."""


def letter_fits(letter: str, kind: str) -> bool:
    """Return whether a letter of a pattern may stand for a node of the type named ``kind``."""
    return {"K": kind == "Constant", "E": kind != "Constant", "L": kind in PATHS}.get(letter, True)


@cache
def pattern(text: str) -> Any:
    """Return the tree of a pattern: an expression, or a statement where the text is one."""
    (statement,) = ast.parse(text).body
    return statement.value if isinstance(statement, ast.Expr) else statement


@cache
def holes_of(text: str) -> tuple[str, ...]:
    """Return the holes of a pattern, in the order of its text."""
    names = (node.id for node in ast.walk(pattern(text)) if isinstance(node, ast.Name))
    found = {name for name in names if name.endswith("_") and len(name) > 1}
    return tuple(sorted(found, key=text.index))


def match(tree: Any, node: Any, bound: Bound) -> bool:
    """Return whether a node fits a pattern; store the nodes for letters and holes in ``bound``.

    ``tree`` is the pattern's tree, or a part of it. A letter that occurs twice, or is in ``bound``
    before, has to stand for equal expressions. After a failure, ``bound`` may hold some nodes too.
    """
    if isinstance(tree, ast.Name):
        if tree.id in LETTERS:
            return LETTERS[tree.id](node) and is_same(bound.setdefault(tree.id, node), node)
        if tree.id.endswith("_") and len(tree.id) > 1:
            return isinstance(node, ast.expr | ast.Slice) and is_same(
                bound.setdefault(tree.id, node), node
            )
    if isinstance(tree, ast.expr_context):
        return isinstance(node, ast.expr_context)
    if isinstance(tree, list):
        return (
            isinstance(node, list)
            and len(tree) == len(node)
            and all(match(one, other, bound) for one, other in zip(tree, node, strict=True))
        )
    if type(tree) is not type(node):
        return False
    if isinstance(tree, ast.Call) and _has_rest(tree):
        return _match_call(tree, node, bound)
    if isinstance(tree, ast.AST):
        return all(
            match(getattr(tree, name, None), getattr(node, name, None), bound)
            for name in tree._fields
        )
    return bool(tree == node and type(tree) is type(node))


def _has_rest(call: ast.Call) -> bool:
    return any(isinstance(each, ast.Starred) for each in call.args)


def _match_call(tree: ast.Call, node: ast.Call, bound: Bound) -> bool:
    """Return whether a call fits a pattern of a call with ``*_``, which stands for any arguments.

    ``tree`` is the pattern, and ``node`` the call. Arguments before and after ``*_`` are matched by
    position, keyword arguments of the pattern by name. All others are stored in ``bound["*_"]``; if
    it was set before, they have to be equal.
    """
    at = next(n for n, each in enumerate(tree.args) if isinstance(each, ast.Starred))
    first, last = tree.args[:at], tree.args[at + 1 :]
    end = len(node.args) - len(last)
    named = {word.arg: word.value for word in tree.keywords}
    own = {word.arg: word.value for word in node.keywords}
    if end < at or not named.keys() <= own.keys():
        return False
    order = [word.arg for word in node.keywords]
    others = [word for word in node.keywords if word.arg not in named]
    rest = node.args[at:end], others, order
    known = bound.setdefault(REST, rest)
    alike = len(known[0]) == len(rest[0]) and len(known[1]) == len(rest[1])
    return (
        alike
        and all(map(is_same, known[0], rest[0]))
        and all(any(is_same(word, other) for other in rest[1]) for word in known[1])
        and match(tree.func, node.func, bound)
        and all(match(a, b, bound) for a, b in zip(first, node.args, strict=False))
        and all(match(a, b, bound) for a, b in zip(last, node.args[end:], strict=True))
        and all(match(named[name], own[name], bound) for name in named)
    )


def build(text: str, bound: Mapping[str, Any]) -> Any:
    """Build the expression of a pattern; ``bound`` has the node for each letter and hole."""
    return _builder(text)(bound)


def prepare(text: str) -> None:
    """Read a pattern, so that it can be built without delay."""
    holes_of(text)
    _builder(text)


@cache
def _builder(text: str) -> Callable[[Mapping[str, Any]], Any]:
    return _builder_of(pattern(text)) or (lambda _: pattern(text))


_reader = cache(itemgetter)


def _builder_of(tree: Any) -> Callable[[Mapping[str, Any]], Any] | None:
    """Return a function that builds a pattern's tree from the nodes for its letters and holes.

    ``tree`` is the pattern's tree, or a part of it. The result is None if it has no letter, hole or
    ``*_``, so that it is always the same.
    """
    if isinstance(tree, ast.Name):
        name = tree.id
        stands = name in LETTERS or (name.endswith("_") and len(name) > 1)
        return _reader(name) if stands else None
    if isinstance(tree, list):
        parts = [(each, _builder_of(each)) for each in tree]
        if all(made is None and not isinstance(each, ast.Starred) for each, made in parts):
            return None
        return lambda bound: [*_built_row(parts, bound)]
    if not isinstance(tree, ast.AST) or isinstance(tree, ast.expr_context | ast.operator):
        return None
    fields = {name: _builder_of(getattr(tree, name, None)) for name in tree._fields}
    made = {name: each for name, each in fields.items() if each is not None}
    same: dict[str, Any] = {name: getattr(tree, name, None) for name in fields.keys() - made.keys()}
    kind: Any = type(tree)
    if isinstance(tree, ast.Call) and _has_rest(tree):
        fixed = same.pop("keywords", [])
        words = made.pop("keywords", None)
        made["keywords"] = lambda bound: _in_order(
            [*bound[REST][1], *(words(bound) if words else fixed)], bound[REST][2]
        )
    if not made:
        return None
    if "lineno" in kind._attributes:
        same |= PLACE
    return lambda bound: kind(**same, **{name: each(bound) for name, each in made.items()})


def _in_order(words: list[Any], order: list[str | None]) -> list[Any]:
    """Return keyword arguments in the order of names ``order``, and new ones last."""
    return sorted(words, key=lambda w: order.index(w.arg) if w.arg in order else len(order))


def _built_row(row: Sequence[tuple[Any, Any]], bound: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the parts of a list of a pattern after letters and holes are replaced.

    ``row`` has pairs of a part and its builder, which is None for a part that stays. ``*_`` gives
    all positional arguments that it stands for.
    """
    for each, made in row:
        if isinstance(each, ast.Starred):
            yield from bound[REST][0]
        else:
            yield each if made is None else made(bound)
