"""Indices and windows that may stand in the place of others."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from gradkit.edits.nodes import new, with_parts
from gradkit.runtime.repair.tree import binary, expression, negative, renamed


def picked(index: ast.expr) -> Iterator[ast.expr]:
    """Yield indices of one entry in each row: ``np.arange(len(y)), y`` for ``:, y`` or ``y``.

    Each full slice is replaced by a range, once for each name in the index. Nothing is yielded
    without a name.
    """
    parts = index.elts if isinstance(index, ast.Tuple) else [ast.Slice(), index]
    for place, part in enumerate(parts):
        if isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None:
            for other in [each for each in parts if isinstance(each, ast.Name)]:
                rows = expression(f"np.arange(len({other.id}))")
                made = [*parts[:place], rows, *parts[place + 1 :]]
                yield new(ast.Tuple, made, ast.Load())


def indices(index: Any) -> Iterator[ast.expr]:
    """Yield indices that may replace an index.

    These are other orders of its parts, a full slice in place of an entry, bounds and entries moved
    by one, bounds added or removed, and `picked` entries.
    """
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
    """Yield versions of an index whose slices begin at another position.

    All slices move, or one of them: `i:i + k` becomes `i * n:i * n + k`, `i * k:i * k + k` becomes
    `i * n:i * n + k`, and `:k` becomes `n:n + k`, with ``n`` from ``counts``, names of integers. If
    two slices begin with the same name, one of them gets another of ``names``: `a:a + k, a:a + n`
    becomes `a:a + k, b:b + n`.
    """
    parts = _parts_of(index)
    windows = {at: begin for at, part in enumerate(parts) if (begin := _first_name(part))}
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
            at: _replace_start(parts[at], step, with_parts(step, right=count))
            for at, step in steps.items()
            if step.right.id != name
        }
        for made in (stepped, others, later):
            some = [{at: part} for at, part in made.items()] if len(made) > 1 else []
            for each in (made, *some) if made else ():
                yield _with_some(index, each)


def beside(index: ast.expr, others: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Yield other indices of the student's function that may replace an index.

    ``others`` are the indices to try. Those with as many parts are yielded, unless they are equal
    to it. The index moved by the start of another one follows: if another index of the function is
    `i * n:i * n + k`, then `r` becomes `i * n + r`.
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
    """Yield an index in which each slice is replaced by one entry of it; one index at most.

    `i:i + k, j:j + k` becomes `i + a, j + b`, where ``a, b`` are the last of ``names``. Nothing is
    yielded if no slice has a start, or if there are more such slices than names.
    """
    windows = {at: part for at, part in enumerate(_parts_of(index)) if isinstance(part, ast.Slice)}
    begins = {at: part.lower for at, part in windows.items() if part.lower is not None}
    if 0 < len(begins) <= len(names):
        pairs = zip(begins.items(), names[-len(begins) :], strict=True)
        yield _with_some(
            index, {at: binary(begin, ast.Add, expression(name)) for (at, begin), name in pairs}
        )


@lru_cache(maxsize=100)
def slices_of(function: ast.AST) -> list[ast.expr]:
    """Return the different indices in a function that are not constants, in tree order."""
    found = {
        ast.dump(each.slice): each.slice
        for each in ast.walk(function)
        if isinstance(each, ast.Subscript) and not isinstance(each.slice, ast.Constant)
    }
    return [*found.values()]


def _parts_of(index: ast.expr) -> list[ast.expr]:
    """Return the parts of an index, one for each axis."""
    return index.elts if isinstance(index, ast.Tuple) else [index]


def _with_some(index: ast.expr, parts: Mapping[int, ast.expr]) -> ast.expr:
    """Return an index in which some parts are replaced; ``parts`` has the new part by its axis."""
    elts = [parts.get(at, part) for at, part in enumerate(_parts_of(index))]
    return with_parts(index, elts=elts) if isinstance(index, ast.Tuple) else elts[0]


def _step_of(part: Any) -> Any:
    """Return the product of two names with which a slice begins: ``i * n`` for ``i * n:k``.

    None is returned if the part is no slice or does not begin so.
    """
    begin: Any = getattr(part, "lower", None)
    product = isinstance(begin, ast.BinOp) and isinstance(begin.op, ast.Mult)
    names = product and isinstance(begin.left, ast.Name) and isinstance(begin.right, ast.Name)
    return begin if names else None


def _replace_start(part: Any, was: ast.expr, now: ast.expr) -> Any:
    """Return a slice, sum or bound in which the start ``was`` is replaced by ``now``.

    Of a slice both bounds change: `i:i + k` becomes `j:j + k`. None, and a bound that does not
    begin with ``was``, is returned unchanged.
    """
    if isinstance(part, ast.Slice):
        edges = {name: _replace_start(getattr(part, name), was, now) for name in ("lower", "upper")}
        return with_parts(part, **edges)
    if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add):
        return with_parts(part, left=_replace_start(part.left, was, now))
    return now if part is not None and ast.dump(part) == ast.dump(was) else part


def _first_name(part: ast.expr) -> str | None:
    """Return the name with which a slice or sum begins: ``i`` for ``i:i + k`` and ``i + r``.

    None is returned for other parts of an index.
    """
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
    """Yield versions of one part of an index: with a bound added, removed, or moved by one.

    A slice may also be counted from the other end: `k:` becomes `:-k`. A part that is no slice is
    moved by one: `i` becomes `i + 1`; nothing is yielded for a constant or tuple.
    """
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
            yield with_parts(part, lower=None, upper=negative(part.lower))
        if part.lower is None and isinstance(part.upper, ast.UnaryOp):
            yield with_parts(part, lower=part.upper.operand, upper=None)
    elif not isinstance(part, ast.Constant | ast.Tuple):
        turned = isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.USub)
        for at in (part, *([part.operand] if turned else [])):
            yield binary(at, ast.Add, one)
            yield binary(at, ast.Sub, one)
