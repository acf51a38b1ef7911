"""Inputs to search at, what is right there, and what the model solution computes on its way."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

NEAR = 1e-7
"""Of the largest number: what is nearer than this is right."""

SMALL = 256
"""Numbers of a value that is looked for in other sizes, and entry by entry."""

SAMPLED = 8
"""Numbers of an array that are looked for among the entries."""

DIGESTED = 4096
"""Numbers of an array that tell it from others."""

KINDS, SHAPES = 1000, 10
"""More than there are values like another one, and more than shapes of one."""


@dataclass(frozen=True, slots=True)
class Throwaway:
    """One set of inputs for a search, which no check uses.

    ``inputs`` has the ``tree`` of values and its ``arrays``. ``steps`` are the check's lines, each
    with values that replace names after it. ``expected`` are the right outputs, and ``pool`` the
    values that the model solution computes.
    """

    inputs: Mapping[str, Any]
    steps: Sequence[tuple[str, Mapping[str, Any]]]
    expected: Sequence[Array]
    pool: Pool


@dataclass(frozen=True, slots=True)
class Question:
    """The lines that a search runs, and the outputs that it compares.

    ``functions`` are the student's names for those of the lines, ``draws`` the inputs with their
    lines, ``reads`` the expressions that are compared, ``untouched`` the inputs that must be left
    alone, and ``seed`` that of all generators before each step.
    """

    functions: Mapping[str, str]
    draws: Sequence[Throwaway]
    reads: Sequence[str]
    untouched: Sequence[str]
    seed: int


@dataclass(frozen=True, slots=True)
class Stack:
    """Values of one shape: the number of each, its digest, and it itself, by digest."""

    numbers: Array
    digests: Array
    values: Array


@dataclass(frozen=True, slots=True)
class Part:
    """An expression of the model solution.

    ``role`` says how the expression around it uses it: as a ``factor``, a ``term``, or the
    ``whole`` value of a statement or an argument; or the part is a ``statement`` that changes
    something. ``leaves`` are the names, entries and attributes in it, each with the numbers of its
    first values in a `Pool`; ``numbers`` are the numbers of its own values.
    """

    text: str
    role: str
    leaves: tuple[tuple[str, tuple[int, ...]], ...]
    numbers: tuple[int, ...] = ()


@dataclass(slots=True)
class Pool:
    """The values that the model solution computes at one set of inputs, by number.

    ``entries`` are all numbers in small values, sorted: a loop computes them one by one. ``stacks``
    hold the values by shape, also transposed, reshaped, and divided by sizes. A number has the same
    meaning at other inputs. ``parts`` are the model's expressions; one pool with them is enough.
    """

    values: list[Array] = field(default_factory=list)
    entries: list[float] = field(default_factory=list)
    stacks: dict[tuple[int, ...], Stack] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    _found: dict[tuple[tuple[int, ...], float], set[int]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many numbers the model solution computes."""
        return sum(value.size for value in self.values)

    def holds(self, value: Any) -> bool:
        """Return whether the numbers of a value are entries of the model solution's small arrays.

        Only the first `SAMPLED` numbers that are not whole are looked up. The result is False if
        all are whole, one is not finite, or the value is no float or array of floats.
        """
        if not isinstance(value, np.ndarray | np.number | float):
            return False
        array = np.asarray(value)
        if array.dtype.kind != "f":
            return False
        looked = 0
        for number in array.reshape(-1)[: SAMPLED**2].tolist():
            if not math.isfinite(number):
                return False
            if number.is_integer():
                continue
            gap = NEAR * abs(number)
            place = bisect_left(self.entries, number - gap)
            if place == len(self.entries) or self.entries[place] > number + gap:
                return False
            looked += 1
            if looked == SAMPLED:
                break
        return looked > 0

    def found(self, value: Any) -> set[int]:
        """Return the numbers of the model's values that equal a value up to rounding.

        Each is ``KINDS`` times the number of the value, plus one that says how it was scaled and
        reshaped; it is below ``SHAPES`` modulo ``KINDS`` if it was not scaled. The set is empty for
        a value that is not numeric. Results are cached.
        """
        if not isinstance(value, np.ndarray | np.number | float | int):
            return set()
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            return set()
        flat = array.reshape(-1).astype(float)
        shapes, digest = {array.shape, flat.shape} & self.stacks.keys(), digested(flat)
        known = array.shape, digest
        if shapes and known not in self._found:
            self._found[known] = set[int]().union(
                *(self._numbers_of_equals(s, flat, digest) for s in shapes)
            )
        return self._found[known] if shapes else set()

    def _numbers_of_equals(self, shape: tuple[int, ...], flat: Array, digest: float) -> set[int]:
        """Return the numbers of the stored values of a shape that equal ``flat`` up to rounding.

        ``flat`` are the entries of the value as a vector, and ``digest`` is its digest, by which
        the stored values are sorted.
        """
        stack = self.stacks[shape]
        size = max(float(np.abs(flat).max(initial=0.0)), 1e-12)
        room = 2 * NEAR * size * flat.size
        first = stack.digests.searchsorted(digest - room)
        last = stack.digests.searchsorted(digest + room, "right")
        if first >= last:
            return set()
        gap = np.abs(stack.values[first:last] - flat).max(axis=1, initial=0.0)
        return set(stack.numbers[first:last][gap <= NEAR * size].tolist())


def is_whole(value: Any) -> bool:
    """Return whether a value has only whole numbers, so that it may equal the model's by chance.

    It is True for ``2.0``, integers, and arrays and tuples of these only.
    """
    if isinstance(value, tuple):
        return all(map(is_whole, value))
    if not isinstance(value, np.ndarray | np.number | float | int):
        return False
    array = np.asarray(value)
    return array.dtype.kind in "iu" or (
        array.dtype.kind == "f" and bool(np.all(array == np.round(array)))
    )


def is_count(value: Any) -> bool:
    """Return whether a value is an integer, an array of integers, or a tuple of these.

    Booleans count as integers, the empty tuple does not.
    """
    if isinstance(value, tuple):
        return bool(value) and all(map(is_count, value))
    kind = value.dtype.kind if isinstance(value, np.ndarray | np.generic) else ""
    return isinstance(value, int) or kind in ("i", "u")


@cache
def _weights(size: int) -> Array:
    weights: Array = np.cos(np.arange(size) * 1.7 + 0.3)
    return weights


def digested(flat: Array) -> float:
    """Return a weighted sum of the first `DIGESTED` entries of a vector, to find equal vectors by.

    Different vectors hardly ever have the same sum, and near vectors have near sums.
    """
    looked = flat[:DIGESTED]
    return float(looked @ _weights(looked.size))


def signature(value: Any, deep: int = 6) -> Any:
    """Return a hashable key for a value; values that are equal up to rounding have the same key.

    Of an array only the first `DIGESTED` entries count. Containers are compared down to ``deep``
    levels; below these, and for all other objects, only the identity counts.
    """
    if isinstance(value, np.ndarray | np.number) and value.dtype.kind in "biuf":
        digest = digested(np.asarray(value).reshape(-1)[:DIGESTED].astype(float, copy=False))
        return value.shape, value.dtype.kind, f"{digest:.12g}"
    if isinstance(value, np.ndarray | np.generic):
        return value.shape, value.tobytes()
    if isinstance(value, list | tuple) and deep:
        return tuple(signature(each, deep - 1) for each in value)
    if isinstance(value, dict) and deep:
        return tuple((str(key), signature(each, deep - 1)) for key, each in value.items())
    return repr(value)[:200] if isinstance(value, PLAIN) else id(value)


PLAIN = (int, float, str, bool, range, slice, type(None))


NEARLY, EXACT = 1, 2
"""How near a value is to the model solution's: an entry, or another by a size; or the same."""


def known(pools: Sequence[Pool], values: Sequence[Any]) -> int:
    """Return how near values are to one value of the model solution: 0, `NEARLY` or `EXACT`.

    ``values`` has one value for each pool, the model solution's values at one set of inputs.
    `EXACT`: they equal the same value in all pools. `NEARLY`: they do when it is scaled by a size,
    or all their numbers are entries of the pools. A tuple or dict is as near as its least near
    member.
    """
    if isinstance(values[0], dict):
        values = [(*value.values(),) if isinstance(value, dict) else () for value in values]
    if isinstance(values[0], tuple):
        rows = zip(*(value if isinstance(value, tuple) else () for value in values), strict=False)
        return min((known(pools[: len(row)], row) for row in rows), default=0)
    found: set[int] = set()
    for number, (pool, value) in enumerate(zip(pools, values, strict=True)):
        here = pool.found(value)
        found = found & here if number else here
        if not found:
            held = all(p.holds(v) for p, v in zip(pools, values, strict=True))
            return NEARLY if held else 0
    return EXACT if any(number % KINDS < SHAPES for number in found) else NEARLY


def entries_of(values: Sequence[Array], sizes: Sequence[int]) -> list[float]:
    """Return all numbers in the arrays of at most `SMALL` entries, sorted without repetitions.

    Their products and quotients with each of ``sizes``, and 0, are among them.
    """
    small = [value.reshape(-1) for value in values if value.size <= SMALL]
    flat = np.concatenate([np.zeros(1), *small])
    entries = np.concatenate([flat, *(factor * flat for factor in _factors(sizes))])
    return np.unique(entries).tolist()  # type: ignore[no-any-return]


def share_right(found: Any, right: Array) -> float:
    """Return the share of right entries of a value, from 0 to 1.

    ``right`` is the right value. The share is 0 for another shape or a value without numbers, and 1
    for an empty array. An array with one entry may have any shape. Entries may differ by rounding,
    measured by the largest right entry.
    """
    array = np.asarray(found)
    if array.size == 1 == right.size:
        array = array.reshape(right.shape)
    if array.shape != right.shape or array.dtype.kind not in "biuf":
        return 0.0
    size = max(float(np.abs(right).max(initial=0.0)), 1e-12)
    held = (np.abs(array.astype(float) - right) <= NEAR * size) | (array == right)
    return np.count_nonzero(held) / held.size if held.size else 1.0


def wrong_at(found: Any, right: Array) -> tuple[int, ...] | None:
    """Return the index of the only wrong entry of the array ``found``; None if none or several are.

    ``right`` is the right value. The index is also None if the shape differs, or for less than two
    entries.
    """
    array = np.asarray(found)
    if array.shape != right.shape or array.dtype.kind not in "biuf" or array.size < 2:
        return None
    size = max(float(np.max(np.abs(right))), 1e-12)
    (*wrong,) = np.argwhere(~(np.abs(array - right) <= NEAR * size))
    return tuple(wrong[0].tolist()) if len(wrong) == 1 else None


def ratio_of(right: Array, found: Any) -> float | None:
    """Return the factor by which the value ``found`` must be multiplied to be ``right``.

    None is returned if no factor does it, if the factor is 0 or 1, or if the shape is wrong.
    """
    array = np.asarray(found)
    if array.shape != right.shape or array.dtype.kind not in "iuf" or not array.any():
        return None
    with np.errstate(all="ignore"):
        ratio = float(f"{float((right * array).sum() / (array * array).sum()):.6g}")
    return ratio if ratio not in (0.0, 1.0) and share_right(ratio * array, right) == 1 else None


def like(values: Sequence[Array], sizes: Sequence[int]) -> dict[tuple[int, ...], Stack]:
    """Return the model solution's values by shape, for look-up, with other forms of each.

    Small values are also multiplied and divided by the ``sizes``, and all are also transposed and
    reshaped. The values of one shape are sorted by their digest, see `Stack`.
    """
    found: dict[tuple[int, ...], tuple[list[int], list[Array]]] = {}
    for number, value in enumerate(values):
        scaled = [value]
        if value.size <= SMALL:
            scaled += [factor * value for factor in _factors(sizes)]
        for scale, one in enumerate(scaled):
            for shape, each in enumerate(_shaped(one)):
                numbers, arrays = found.setdefault(each.shape, ([], []))
                numbers.append(number * KINDS + scale * SHAPES + shape)
                arrays.append(each)
    stacks = {}
    for form, (kinds, members) in found.items():
        flat = np.stack([member.reshape(-1) for member in members])
        digests = np.array([digested(row) for row in flat])
        order = np.argsort(digests)
        stacks[form] = Stack(np.array(kinds)[order], digests[order], flat[order])
    return stacks


def _factors(sizes: Sequence[int]) -> list[float]:
    """Return each size and its inverse, as factors."""
    return [factor for size in sizes for factor in (size, 1 / size)]


def _shaped(value: Array) -> Iterator[Array]:
    """Yield a value in the shapes in which a student may have it, its own shape first.

    A vector is also a row and a column; a matrix is also transposed and, with a single row or
    column, a vector. An array with more than two axes is yielded only as a vector.
    """
    yield value if value.ndim <= 2 else value.reshape(-1)
    if value.size == 1:
        yield from (value.reshape(shape) for shape in ((), (1,), (1, 1)) if shape != value.shape)
    elif value.ndim == 1:
        yield value[None, :]
        yield value[:, None]
    elif value.ndim == 2:
        yield value.T
        if 1 in value.shape:
            yield value.reshape(-1)
