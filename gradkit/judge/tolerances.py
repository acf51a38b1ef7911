"""How near is near enough: tolerances that follow from the arithmetic, not from taste.

A tolerance is an array: what each expected number may be missed by. It is the sum of a
relative part, for the student's different but equal order of operations, and of the
rounding of the storage, which does not shrink with the number compared. ``least`` is the
smallest relative part: an assignment may let more pass than arithmetic asks for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.task import Array, Parameters

DOUBLE = float(np.finfo(np.float64).eps)
SINGLE = float(np.finfo(np.float32).eps)


MANY = 16
"""So many numbers have no more digits than float32 by intention, and not by chance."""


def epsilon(found: NDArray[Any] | None) -> float:
    """Return the rounding unit of the precision that ``found`` was computed in, by its digits.

    What came out of float32 has no more of them, whatever it is stored in.
    """
    if found is None or found.dtype.kind != "f":
        return DOUBLE
    if found.dtype.itemsize <= 4:
        return SINGLE
    with np.errstate(over="ignore"):
        single = np.array_equal(found, found.astype(np.float32), equal_nan=True)
    return SINGLE if single and found.size >= MANY else DOUBLE


def value_tolerance(units: Array, eps: float, least: float = 0.0) -> Array:
    """Return what outputs of a forward pass may be off by.

    Parameters
    ----------
    units : array, (n, …)
        How many rounding units each value may lose, as `network.rounding_units` has it.
    eps : float
        Rounding unit of the student's arithmetic.

    Returns
    -------
    array, (n, …)
        A million times that in double (some 2e-10 of the terms), for a student's roundabout
        ways; ten times in single, where a million would let mistakes through.
    """
    relative = max((1e6 if eps == DOUBLE else 10) * eps, least)
    allowed: Array = relative * np.maximum(units, 1e-3)
    return allowed


def change_tolerance(
    change: Array, before: Array, eps: float, least: float = 0.0, units: Array | float = 0.0
) -> Array:
    """Return what parameters after a step may be off by: they are held to their change.

    Parameters
    ----------
    change : array, (n, …)
        Expected change of every entry.
    before : array, (n, …)
        Values before the step, whose rounding the new value carries.
    eps : float
        Rounding unit of the student's arithmetic.
    units : array, (n, …)
        How many rounding units the change may lose in single precision, as
        `network.gradient_units` has it, times the rate.

    Returns
    -------
    array, (n, …)
        In double some roundings of single precision of the change: a value on the way may have
        been of that, and nothing that is stored. In single what its
        arithmetic loses and no more, or crude differences would do for a gradient.
    """
    axes = tuple(range(1, change.ndim))
    largest = np.abs(change).max(axis=axes, keepdims=True)
    allowed: Array = max(ROUNDINGS * SINGLE, least) * (np.abs(change) + 1e-2 * largest)
    if eps == DOUBLE:
        return np.asarray(allowed + 16 * eps * np.abs(before))
    stored = np.abs(before) + np.abs(change)
    return np.asarray(allowed + eps * (stored + LOST * np.asarray(units)))


ROUNDINGS = 4
"""Values of single precision that a step in double may come by, each rounded once."""

LOST = 2
"""Rounding units that single precision may lose of each that is counted."""


def course_tolerance(
    course: Array, eps: float, least: float = 0.0, of_change: float = 0.0
) -> Array:
    """Return what losses along a run may be off by: 1e-9 of each, or rounding in single.

    ``of_change`` is what single precision is let off besides, of the whole change: a loss may
    hardly move over a run.
    """
    if eps == DOUBLE:
        return max(1e-9, least) * np.abs(course)
    # What a loss is squared from does not lose less where the loss is small.
    rounding = 8 * eps * np.abs(course).max(initial=0.0)
    return np.full_like(course, max(of_change, least) * np.ptp(course) + rounding)


def final_tolerance(
    final: Array, start: Array, eps: float, least: float = 0.0, of_change: float = 0.0
) -> Array:
    """Return what parameters at the end of a run may be off by, as `course_tolerance` does."""
    moved, largest = np.abs(final - start).max(), np.abs(final).max()
    if eps == DOUBLE:
        return np.asarray(max(1e-9, least) * np.maximum(np.abs(final), moved))
    allowed = max(of_change, least) * moved + 32 * eps * (largest + moved)
    return np.full_like(final, allowed)


NONE = 1e-6
"""What of an expected change is no step at all."""

TOLD = 64
"""Rounding units that no step is told apart from: twice what the end of a run is let off."""


def stays(
    after: Mapping[str, NDArray[Any]],
    before: Parameters,
    change: Mapping[str, Array | float],
    eps: float | None = None,
) -> bool:
    """Tell whether every parameter is there and none was moved. See `moved`."""
    return all(
        (found := after.get(key)) is not None
        and found.shape == old.shape
        and not moved(found, old, change[key], eps).any()
        for key, old in before.items()
    )


def moved(
    after: NDArray[Any], before: Array, change: Array | float = 0.0, eps: float | None = None
) -> NDArray[np.bool_]:
    """Tell which entries were moved by more than rounding and a millionth of ``change``.

    ``eps`` is the rounding unit of ``after``, if that is not to be seen. What is no number counts
    as moved.
    """
    with np.errstate(invalid="ignore"):
        unit = epsilon(after) if eps is None else eps
        allowed = TOLD * unit * np.abs(before) + NONE * np.abs(change).max()
        return ~np.asarray(np.abs(after - before) <= allowed)


def nearly(found: NDArray[Any], expected: Array, change: Array) -> bool:
    """Tell whether ``found`` is only off as far as single precision on the way would put it.

    That is, by some rounding units of float32 in the largest ``change``.
    """
    if found.shape != expected.shape or found.dtype.kind != "f":
        return False
    return bool(np.abs(found - expected).max(initial=0.0) <= 32 * SINGLE * np.abs(change).max())


def near(found: NDArray[Any], expected: Array, tolerance: Array) -> NDArray[np.bool_]:
    """Tell which entries are within their tolerance; none that is not a finite number."""
    with np.errstate(invalid="ignore"):
        close: NDArray[np.bool_] = np.isfinite(found) & (np.abs(found - expected) <= tolerance)
    return close


def median(values: Array) -> float:
    """Return the median of some numbers, NaN where there are none.

    numpy's own loads all of ``numpy.ma`` to look for NaN, which would be a tenth of the
    time that a whole check takes.
    """
    ordered = np.sort(values, axis=None)
    size = len(ordered)
    # Plain floats add up to infinity without a warning.
    return (float(ordered[(size - 1) // 2]) + float(ordered[size // 2])) / 2 if size else math.nan
