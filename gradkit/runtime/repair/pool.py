"""Inputs to search at, what is right there, and what the model solution computes on its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.repair.borrowed import Part

Array = NDArray[Any]

NEAR = 1e-7
"""Of the largest number: what is nearer than this is right."""

SMALL = 256
"""Numbers of a value that is looked for in other sizes, and entry by entry."""

SAMPLED = 8
"""Numbers of an array that are looked for among the entries."""

KINDS, SHAPES = 1000, 10
"""More than there are values like another one, and more than shapes of one."""


@dataclass(frozen=True, slots=True)
class Throwaway:
    """Inputs to search at, the lines to run there, what is right, and what the model computes."""

    inputs: Mapping[str, Any]
    steps: Sequence[tuple[str, Mapping[str, Any]]]
    expected: Sequence[Array]
    pool: Pool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of some functions.

    ``functions`` are the student's names for those of the lines, ``reads`` the expressions that
    are compared, ``untouched`` the inputs that must be left alone, and ``seed`` that of all
    generators before each step.
    """

    functions: Mapping[str, str]
    draws: Sequence[Throwaway]
    reads: Sequence[str]
    untouched: Sequence[str]
    seed: int


@dataclass(slots=True)
class Pool:
    """Values that the model solution computes on its way, by number.

    ``entries`` are all numbers in them, in order: what a loop computes one by one is among these.
    ``stacks`` hold them by shape, with their like in other shapes and sizes: the number of each,
    which is the same at other inputs, and the values one upon the other. ``parts`` are the model's
    expressions, of which only one pool needs to have any.
    """

    values: list[Array] = field(default_factory=list)
    entries: Array = field(default_factory=lambda: np.zeros(0))
    stacks: dict[tuple[int, ...], tuple[Array, Array]] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def holds(self, value: Any) -> bool:
        """Tell numbers that are entries of these values; 0 and whole numbers tell nothing."""
        if not isinstance(value, np.ndarray | np.number | float):
            return False
        array = np.asarray(value).reshape(-1)
        if array.dtype.kind != "f":
            return False
        array = array[array != np.round(array)][:SAMPLED]
        if not array.size or not self.entries.size or not np.isfinite(array).all():
            return False
        places = np.searchsorted(self.entries, array).clip(1, len(self.entries) - 1)
        near = np.minimum(
            np.abs(self.entries[places] - array), np.abs(self.entries[places - 1] - array)
        )
        return bool((near <= NEAR * np.abs(array)).all())

    def found(self, value: Any) -> set[int]:
        """Return the numbers of the values that this one is."""
        if not isinstance(value, np.ndarray | np.number | float | int):
            return set()
        array = np.asarray(value)
        if array.shape not in self.stacks or array.dtype.kind not in "biuf":
            return set()
        numbers, stack = self.stacks[array.shape]
        flat = stack.reshape(len(stack), -1)
        gap = np.abs(flat - array.astype(float).reshape(1, -1))
        size = np.maximum(np.abs(flat).max(axis=1, initial=0.0), 1e-12)
        near = gap.max(axis=1, initial=0.0) <= NEAR * size
        return set(numbers[near].tolist())


def known(
    pools: Sequence[Pool], values: Sequence[Any], firsts: Sequence[int], *, exact: bool = False
) -> bool:
    """Tell values that the model solution has, the same one at all inputs, or entries of such.

    Where this has to be ``exact``, entries are none, nor is what is another by a size.
    """
    found: set[int] | None = None
    for pool, first in zip(pools, firsts, strict=True):
        here = {n for n in pool.found(values[first]) if not exact or n % KINDS < SHAPES}
        found = here if found is None else found & here
        if not found:
            break
    else:
        return True
    return not exact and all(
        pool.holds(values[first]) for pool, first in zip(pools, firsts, strict=True)
    )


def entries_of(values: Sequence[Array], sizes: Sequence[int]) -> Array:
    """Return all numbers in some values, and those for another division by a size, in order."""
    small = [value.reshape(-1) for value in values if value.size <= SMALL]
    flat = np.concatenate([np.zeros(1), *small])
    return np.sort(np.concatenate([flat, *(factor * flat for factor in _factors(sizes))]))


def is_right(found: Any, right: Array) -> bool:
    """Tell a value that is right but for rounding."""
    array = np.asarray(found)
    if array.size == 1 == right.size:
        array = array.reshape(right.shape)
    if array.shape != right.shape or array.dtype.kind not in "biuf":
        return False
    with np.errstate(all="ignore"):
        size = max(float(np.max(np.abs(right), initial=0.0)), 1e-12)
        gap = np.abs(array.astype(float) - right)
        return bool(np.all((gap <= NEAR * size) | (array == right)))


def like(
    values: Sequence[Array], sizes: Sequence[int]
) -> dict[tuple[int, ...], tuple[Array, Array]]:
    """Return values by shape, with their like in other shapes and for another division by a size.

    Returns
    -------
    dict of shape to (numbers, values)
        Numbers are the same for the same value at other inputs.
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
    return {shape: (np.array(n), np.stack(v)) for shape, (n, v) in found.items()}


def _factors(sizes: Sequence[int]) -> list[float]:
    """Return what a value is another one by, where it is divided by other sizes."""
    return [factor for size in sizes for factor in (size, 1 / size)]


def _shaped(value: Array) -> Iterator[Array]:
    yield value
    if value.size == 1:
        yield from (value.reshape(shape) for shape in ((), (1,), (1, 1)) if shape != value.shape)
    elif value.ndim == 1:
        yield value[None, :]
        yield value[:, None]
    elif value.ndim == 2:
        yield value.T
        if 1 in value.shape:
            yield value.reshape(-1)
