"""Parts of syntax trees, made and copied, and what a change of an expression is."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from gradkit.runtime.syntax import last_name

SIMPLE, SIGNED, LARGER, LARGE = 1.0, 1.1, 1.3, 1.6
PER_NODE = 0.01
"""What changes cost: something exchanged or left out, a sign, something added or composed; and each
node more or less."""


@dataclass(frozen=True, slots=True)
class Change:
    """What may stand in the place of an expression, its kind, and how large a change it is.

    ``hidden`` is set where the value stays the same, and only what is done with it shows it;
    ``always`` where it is tried even if a value is the same as that of another change.
    """

    kind: str
    node: ast.expr
    cost: float = SIMPLE
    hidden: bool = False
    always: bool = False


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


@cache
def expression(text: str) -> ast.expr:
    """Return the tree of an expression; equal texts share it."""
    return placed(ast.parse(text, mode="eval").body)  # type: ignore[return-value]


@cache
def statement_of(text: str) -> ast.stmt:
    """Return the tree of a statement; equal texts share it."""
    return placed(ast.parse(text).body[0])  # type: ignore[return-value]


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
        entry = isinstance(part, ast.Name) or isinstance(getattr(part, "value", None), int)
        whole = [new(ast.Slice)] if entry else []
        for other in (*whole, *_sliced(part)):
            yield with_parts(index, elts=[*parts[:place], other, *parts[place + 1 :]])
    yield from _sliced(index)
    yield from picked(index)


def moved(index: ast.expr, counts: Sequence[str], names: Sequence[str] = ()) -> Iterator[ast.expr]:
    """Yield an index whose windows begin elsewhere: with a step, another one, or so much later.

    Both edges of a window move at once, and those along all axes or one: ``i * n:i * n + k`` for
    ``i:i + k`` or ``i * k:i * k + k``, ``n:n + k`` for ``:k``. Of two that begin alike one begins
    with another of some ``names``: ``a:a + k, b:b + n`` for ``a:a + k, a:a + n``.
    """
    parts = _parts_of(index)
    windows = {at: begin for at, part in enumerate(parts) if (begin := _begins(part))}
    steps = {at: step for at, part in enumerate(parts) if (step := _step_of(part))}
    starts = {at: part for at, part in enumerate(parts) if _is_start(part)}
    alike = {at: n for at, n in windows.items() if [*windows.values()].count(n) > 1}
    for name, (at, begin) in itertools.product(names, alike.items()):
        yield _with_some(index, {at: renamed(parts[at], {begin: expression(name)})})
    # What is a step along another axis is likely one here.
    used = {step.right.id for step in steps.values()}
    for name in sorted(counts, key=lambda each: each not in used):
        count = expression(name)
        later = {at: _later(part, count) for at, part in starts.items()}
        stepped = {
            at: renamed(parts[at], {begin: binary(expression(begin), ast.Mult, count)})
            for at, begin in windows.items()
        }
        others = {
            at: _from(parts[at], step, with_parts(step, right=count))
            for at, step in steps.items()
            if step.right.id != name
        }
        for made in (stepped, others, later):
            some = [{at: part} for at, part in made.items()] if len(made) > 1 else []
            for each in (made, *some) if made else ():
                yield _with_some(index, each)


def beside(index: ast.expr, others: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Yield an index as the ``others``, those that there are besides, have it.

    It is one of them, or where it has an entry an entry of the window that one of them has there:
    ``i * n + r`` for ``r`` beside ``i * n:i * n + k``.
    """
    parts, own = _parts_of(index), ast.dump(index)
    for other in others:
        rest = _parts_of(other)
        if len(rest) != len(parts) or ast.dump(other) == own:
            continue
        yield other
        within = {
            at: binary(begin, ast.Add, part)
            for at, (part, window) in enumerate(zip(parts, rest, strict=True))
            if not isinstance(part, ast.Slice | ast.Constant)
            and (begin := getattr(window, "lower", None)) is not None
        }
        if within:
            yield _with_some(index, within)


def entries_within(index: ast.expr, names: Sequence[str]) -> Iterator[ast.expr]:
    """Yield an index with an entry of each window, so far into it as the last ``names`` say."""
    windows = {at: part for at, part in enumerate(_parts_of(index)) if isinstance(part, ast.Slice)}
    begins = {at: part.lower for at, part in windows.items() if part.lower is not None}
    if 0 < len(begins) <= len(names):
        pairs = zip(begins.items(), names[-len(begins) :], strict=True)
        yield _with_some(
            index, {at: binary(begin, ast.Add, expression(name)) for (at, begin), name in pairs}
        )


@lru_cache(maxsize=100)
def slices_of(function: ast.AST) -> list[ast.expr]:
    """Return the indices in a function that are no constants, each once."""
    found = {
        ast.dump(each.slice): each.slice
        for each in ast.walk(function)
        if isinstance(each, ast.Subscript) and not isinstance(each.slice, ast.Constant)
    }
    return [*found.values()]


def _parts_of(index: ast.expr) -> list[ast.expr]:
    """Return what an index has along each axis."""
    return index.elts if isinstance(index, ast.Tuple) else [index]


def _with_some(index: ast.expr, parts: Mapping[int, ast.expr]) -> ast.expr:
    """Return an index with other parts along some axes."""
    elts = [parts.get(at, part) for at, part in enumerate(_parts_of(index))]
    return with_parts(index, elts=elts) if isinstance(index, ast.Tuple) else elts[0]


def _step_of(part: Any) -> Any:
    """Return the product of two names that a window begins with; None where it does not."""
    begin: Any = getattr(part, "lower", None)
    product = isinstance(begin, ast.BinOp) and isinstance(begin.op, ast.Mult)
    names = product and isinstance(begin.left, ast.Name) and isinstance(begin.right, ast.Name)
    return begin if names else None


def _from(part: Any, was: ast.expr, now: ast.expr) -> Any:
    """Return a window, or an edge of one, that begins with something else."""
    if isinstance(part, ast.Slice):
        edges = {name: _from(getattr(part, name), was, now) for name in ("lower", "upper")}
        return with_parts(part, **edges)
    if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
        return with_parts(part, left=_from(part.left, was, now))
    return now if part is not None and ast.dump(part) == ast.dump(was) else part


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
        turned = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub)
        for at in (part, *([part.operand] if turned else [])):
            yield binary(at, ast.Add, one)
            yield binary(at, ast.Sub, one)


@lru_cache(maxsize=100_000)
def size_of(node: ast.AST) -> int:
    """Return the number of nodes of a tree that stays as it is."""
    return 1 + sum(map(size_of, ast.iter_child_nodes(node)))


def called(node: ast.AST) -> str:
    """Return the last name of what a call calls; empty for anything else."""
    return last_name(node.func) if isinstance(node, ast.Call) else ""


def is_numpy(node: ast.AST) -> bool:
    """Tell the module numpy by its usual names."""
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")
