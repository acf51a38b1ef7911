"""Compute tolerances from the rounding errors of floating-point arithmetic.

A tolerance is an array: the largest accepted error of each number. It is the sum of a relative
part, because the student's code may do the same operations in another order, and of the rounding
of the stored numbers, which does not shrink with the compared number. ``least`` is the smallest
relative part: an assignment may accept larger errors than rounding causes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.task import Array, Parameters

DOUBLE = float(np.finfo(np.float64).eps)
"""Rounding unit of double precision."""

SINGLE = float(np.finfo(np.float32).eps)
"""Rounding unit of single precision."""


MIN_SINGLE_NUMBERS = 16
"""Smallest number of float64 values that count as single precision if float32 can hold them all.

A few values may have few digits by chance.
"""


def epsilon(found: NDArray[Any] | None) -> float:
    """Return the rounding unit of the precision that ``found`` was computed in.

    Values that were computed in float32 and stored as float64 are recognised by their digits, if
    there are at least `MIN_SINGLE_NUMBERS`. Without an array of floats it is that of float64.
    """
    if found is None or found.dtype.kind != "f":
        return DOUBLE
    if found.dtype.itemsize <= 4:
        return SINGLE
    with np.errstate(over="ignore"):
        single = np.array_equal(found, found.astype(np.float32), equal_nan=True)
    return SINGLE if single and found.size >= MIN_SINGLE_NUMBERS else DOUBLE


def value_tolerance(units: Array, eps: float, least: float = 0.0) -> Array:
    """Return the tolerances of the outputs of a forward pass.

    Parameters
    ----------
    units : array, (n, …)
        How many rounding units each value may lose, see `network.rounding_units`.
    eps : float
        Rounding unit of the student's arithmetic.
    least : float
        Relative error that the assignment accepts.

    Returns
    -------
    array, (n, …)
        A million rounding units in double precision (some 2e-10 of the terms), because correct
        code may take a less exact way. Ten in single precision, where a million would accept
        mistakes.
    """
    relative = max((1e6 if eps == DOUBLE else 10) * eps, least)
    allowed: Array = relative * np.maximum(units, 1e-3)
    return allowed


def change_tolerance(
    change: Array, before: Array, eps: float, least: float = 0.0, units: Array | float = 0.0
) -> Array:
    """Return the tolerances of the parameters after a step, relative to their expected change.

    Parameters
    ----------
    change : array, (n, …)
        Expected change of every entry.
    before : array, (n, …)
        Values before the step. The new values inherit their rounding.
    eps : float
        Rounding unit of the student's arithmetic.
    least : float
        Relative error that the assignment accepts.
    units : array, (n, …)
        How many rounding units the change may lose in single precision: those of
        `network.gradient_units` times the rate.

    Returns
    -------
    array, (n, …)
        In double precision, a few roundings of the change in single precision, because an
        intermediate value may have been a float32. In single precision, the rounding of its
        arithmetic and no more: otherwise a crude finite difference would pass as a gradient.
    """
    axes = tuple(range(1, change.ndim))
    largest = np.abs(change).max(axis=axes, keepdims=True)
    allowed: Array = max(SINGLE_ROUNDINGS * SINGLE, least) * (np.abs(change) + 1e-2 * largest)
    if eps == DOUBLE:
        return np.asarray(allowed + 16 * eps * np.abs(before))
    stored = np.abs(before) + np.abs(change)
    return np.asarray(allowed + eps * (stored + LOST * np.asarray(units)))


SINGLE_ROUNDINGS = 4
"""Number of intermediate float32 values, each rounded once, that a float64 step may use."""

LOST = 2
"""Factor between the rounding error in single precision and the counted rounding units."""


def course_tolerance(
    course: Array, eps: float, least: float = 0.0, of_change: float = 0.0
) -> Array:
    """Return the tolerances of the losses of a run, whose expected values are ``course``.

    They are 1e-9 of each loss in double precision. In single precision they are rounding errors of
    the largest loss plus ``of_change`` times the whole change of the loss over the run. ``eps`` is
    the rounding unit, and ``least`` the relative error that the assignment accepts.
    """
    if eps == DOUBLE:
        return max(1e-9, least) * np.abs(course)
    # A small loss is the square of a difference whose rounding error is not smaller.
    rounding = 8 * eps * np.abs(course).max(initial=0.0)
    return np.full_like(course, max(of_change, least) * np.ptp(course) + rounding)


def final_tolerance(
    final: Array, start: Array, eps: float, least: float = 0.0, of_change: float = 0.0
) -> Array:
    """Return the tolerances of the parameters at the end of a run.

    ``final`` and ``start`` are the expected parameters at its end and at its start. The other
    arguments are as for `course_tolerance`.
    """
    moved, largest = np.abs(final - start).max(), np.abs(final).max()
    if eps == DOUBLE:
        return np.asarray(max(1e-9, least) * np.maximum(np.abs(final), moved))
    allowed = max(of_change, least) * moved + 32 * eps * (largest + moved)
    return np.full_like(final, allowed)


NO_STEP = 1e-6
"""Largest part of the expected change that counts as no step."""

NO_STEP_UNITS = 64
"""Rounding units of a parameter that count as no step: twice the tolerance of a run's end."""


def stays(
    after: Mapping[str, NDArray[Any]],
    before: Parameters,
    change: Mapping[str, Array | float],
    eps: float | None = None,
) -> bool:
    """Return whether every parameter is there, has its shape, and was not moved; see `moved`.

    ``before`` and ``after`` are the parameters before and after a step, and ``change`` has the
    expected change of each. ``eps`` is as for `moved`.
    """
    return all(
        (found := after.get(key)) is not None
        and found.shape == old.shape
        and not moved(found, old, change[key], eps).any()
        for key, old in before.items()
    )


def moved(
    after: NDArray[Any], before: Array, change: Array | float = 0.0, eps: float | None = None
) -> NDArray[np.bool_]:
    """Return which entries of ``after`` differ from ``before`` by more than rounding.

    A millionth of ``change`` is allowed too. ``eps`` is the rounding unit of ``after``; by default
    it is inferred from the numbers. NaN counts as moved.
    """
    with np.errstate(invalid="ignore"):
        unit = epsilon(after) if eps is None else eps
        allowed = NO_STEP_UNITS * unit * np.abs(before) + NO_STEP * np.abs(change).max()
        return ~np.asarray(np.abs(after - before) <= allowed)


def nearly(found: NDArray[Any], expected: Array, change: Array) -> bool:
    """Return whether intermediate values in single precision explain the error of ``found``.

    The error from ``expected`` may be 32 rounding units of float32 times the largest entry of
    ``change``.
    """
    if found.shape != expected.shape or found.dtype.kind != "f":
        return False
    return bool(np.abs(found - expected).max(initial=0.0) <= 32 * SINGLE * np.abs(change).max())


def near(found: NDArray[Any], expected: Array, tolerance: Array) -> NDArray[np.bool_]:
    """Return which entries of ``found`` are finite and within the tolerance of ``expected``."""
    with np.errstate(invalid="ignore"):
        close: NDArray[np.bool_] = np.isfinite(found) & (np.abs(found - expected) <= tolerance)
    return close


def median(values: Array) -> float:
    """Return the median of some numbers, NaN if there are none.

    `numpy.median` imports all of ``numpy.ma``, which would take a tenth of the time of a check.
    """
    ordered = np.sort(values, axis=None)
    size = len(ordered)
    # Plain floats add up to infinity without a warning.
    return (float(ordered[(size - 1) // 2]) + float(ordered[size // 2])) / 2 if size else math.nan
