"""Parts of syntax trees, made and copied, and what a change of an expression is."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SIMPLE, SIGNED, LARGER, LARGE = 1.0, 1.1, 1.3, 1.6
PER_NODE = 0.01
"""What changes cost: something exchanged or left out, a sign, something added or composed; and each
node more or less."""


@dataclass(frozen=True, slots=True)
class Change:
    """What may stand in the place of an expression, its kind, and how large a change it is.

    ``hidden`` is set where the value stays the same, and only what is done with it shows it.
    """

    kind: str
    node: ast.expr
    cost: float = SIMPLE
    hidden: bool = False


_PLACE = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


def new(kind: type[Any], *parts: Any) -> Any:
    """Make a node that has a place, as the compiler wants it."""
    return kind(*parts, **_PLACE)


def placed(node: ast.AST) -> ast.AST:
    """Give a node and all below it a place."""
    for part in ast.walk(node):
        if "lineno" in part._attributes:
            for name, value in _PLACE.items():
                setattr(part, name, value)
    return node


_parsed: dict[str, ast.expr] = {}


def expression(text: str) -> ast.expr:
    """Return the tree of an expression; equal texts share it."""
    if text not in _parsed:
        _parsed[text] = placed(ast.parse(text, mode="eval").body)  # type: ignore[assignment]
    return _parsed[text]


def with_parts(node: Any, **parts: Any) -> Any:
    """Return a copy of a node with other parts."""
    made = copy.copy(node)
    for name, value in parts.items():
        setattr(made, name, value)
    return made


NAMED = ast.Name | ast.Attribute | ast.Subscript | ast.Call
"""What is written the same wherever it stands in a statement."""


class _Rename(ast.NodeTransformer):
    """Puts other expressions in the place of names, attributes, entries and calls."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, NAMED):
            own = self._names.get(node.id if isinstance(node, ast.Name) else ast.unparse(node))
            if own is not None:
                # A target stays one.
                target = hasattr(own, "ctx") and not isinstance(node, ast.Call)
                return with_parts(own, ctx=node.ctx) if target else own  # type: ignore[union-attr]
        return self.generic_visit(node)


def renamed(node: ast.AST, names: Mapping[str, ast.expr]) -> Any:
    """Return a copy of a tree with other expressions in the place of names, and of entries."""
    return _Rename(names).visit(copy.deepcopy(node))


def binary(left: ast.expr, operator: type[ast.operator], right: ast.expr) -> ast.expr:
    """Return an operation."""
    return new(ast.BinOp, left, operator(), right)  # type: ignore[no-any-return]


def picked(index: ast.expr) -> Iterator[ast.expr]:
    """Yield an index of one entry of each row: ``np.arange(len(y)), y`` for ``:, y`` or ``y``."""
    parts = index.elts if isinstance(index, ast.Tuple) else [ast.Slice(), index]
    for place, part in enumerate(parts):
        if isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None:
            for other in [each for each in parts if isinstance(each, ast.Name)]:
                rows = expression(f"np.arange(len({other.id}))")
                made = [*parts[:place], rows, *parts[place + 1 :]]
                yield new(ast.Tuple, made, ast.Load())


def indices(index: Any) -> Iterator[ast.expr]:
    """Yield what may stand in the place of an index: in another order, or with other edges."""
    parts = index.elts if isinstance(index, ast.Tuple) else []
    for order in itertools.islice(itertools.permutations(parts), 1, 6):
        yield with_parts(index, elts=[*order])
    for place, part in enumerate(parts):
        at = getattr(part, "value", None)
        whole = [new(ast.Slice)] if isinstance(at, int) else []
        for other in (*whole, *_sliced(part)):
            yield with_parts(index, elts=[*parts[:place], other, *parts[place + 1 :]])
    yield from _sliced(index)
    yield from picked(index)


def moved(index: ast.expr, counts: Sequence[str]) -> Iterator[ast.expr]:
    """Yield an index whose windows begin elsewhere: with a step, or so much later.

    Both edges of a window move at once, and those along all axes or one: ``i * n:i * n + k`` for
    ``i:i + k``, ``n:n + k`` for ``:k``.
    """
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    windows = {at: begin for at, part in enumerate(parts) if (begin := _begins(part))}
    starts = {at: part for at, part in enumerate(parts) if _is_start(part)}
    for name in counts:
        count = expression(name)
        later = {at: _later(part, count) for at, part in starts.items()}
        stepped = {
            at: renamed(parts[at], {begin: binary(expression(begin), ast.Mult, count)})
            for at, begin in windows.items()
        }
        for made in (stepped, later):
            some = [{at: part} for at, part in made.items()] if len(made) > 1 else []
            for each in (made, *some) if made else ():
                elts = [each.get(at, part) for at, part in enumerate(parts)]
                yield with_parts(index, elts=elts) if isinstance(index, ast.Tuple) else elts[0]


def _begins(part: ast.expr) -> str | None:
    """Return the name that a window, or a sum, begins with."""
    first = part.lower if isinstance(part, ast.Slice) else part
    while isinstance(first, ast.BinOp) and isinstance(first.op, ast.Add):
        first = first.left
    window = isinstance(part, ast.Slice) or first is not part
    return first.id if window and isinstance(first, ast.Name) else None


def _is_start(part: ast.expr) -> bool:
    return isinstance(part, ast.Slice) and part.lower is None and part.upper is not None


def _later(part: Any, count: ast.expr) -> ast.expr:
    return with_parts(part, lower=count, upper=binary(count, ast.Add, part.upper))  # type: ignore[no-any-return]


def _sliced(part: Any) -> Iterator[ast.expr]:
    one = new(ast.Constant, 1)
    if isinstance(part, ast.Slice):
        for name in ("lower", "upper"):
            bound = getattr(part, name)
            if bound is not None:
                yield with_parts(part, **{name: None})
                yield with_parts(part, **{name: binary(bound, ast.Add, one)})
                yield with_parts(part, **{name: binary(bound, ast.Sub, one)})
        if part.lower is None:
            yield with_parts(part, lower=one)
        if part.upper is None:
            yield with_parts(part, upper=expression("-1"))
        # From the other end.
        if part.lower is not None and part.upper is None:
            yield with_parts(part, lower=None, upper=new(ast.UnaryOp, ast.USub(), part.lower))
        if part.lower is None and isinstance(part.upper, ast.UnaryOp):
            yield with_parts(part, lower=part.upper.operand, upper=None)
    elif not isinstance(part, ast.Constant | ast.Tuple):
        yield binary(part, ast.Add, one)
        yield binary(part, ast.Sub, one)


@lru_cache(maxsize=100_000)
def size_of(node: ast.AST) -> int:
    """Return the number of nodes of a tree that stays as it is."""
    return 1 + sum(map(size_of, ast.iter_child_nodes(node)))


def called(node: ast.AST) -> str:
    """Return the last name of what a call calls; empty for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def is_numpy(node: ast.AST) -> bool:
    """Tell the module numpy by its usual names."""
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")
