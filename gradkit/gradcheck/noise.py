"""How rough is a function: noise from difference tables, and precision from bit patterns."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FLOAT64 = float(np.finfo(np.float64).eps)
FLOAT32 = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float64]


POINTS = (0, 1, 3, 4, 7, 9, 12, 13, 16, 18, 19, 23)
"""Where noise is measured: whole numbers at uneven distances, since a regular noise can hide
between even ones."""


def _centred(points: tuple[int, ...]) -> Floats:
    """Return positions between -1 and 1."""
    low, high = min(points), max(points)
    return (2 * np.array(points, dtype=np.float64) - low - high) / (high - low)


@lru_cache
def _complement(points: tuple[int, ...], degree: int) -> Floats:
    """Return orthonormal rows that every polynomial below a degree on these points vanishes on."""
    powers = np.vander(_centred(points), degree, increasing=True)
    q, _ = np.linalg.qr(powers, mode="complete")
    return np.ascontiguousarray(q[:, degree:].T)


def table_noise(values: Floats, degree: int = 3, points: tuple[int, ...] | None = None) -> Floats:
    """Estimate the standard deviation of the noise in values along a line.

    What no polynomial below the degree can follow is noise: its projections on an orthonormal
    basis of the rest have the variance of the noise. This is the difference table of
    Moré & Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33, 2011, for
    points at uneven distances.

    Parameters
    ----------
    values : float64 array, shape (points, ...)
        Function values along the first axis.
    degree : int
        Less than the number of points.
    points : tuple of int, optional
        The positions; by default the first of `POINTS`.

    Returns
    -------
    float64 array of the trailing shape
        The standard deviation. Non-finite where a value is.
    """
    basis = _complement(points or POINTS[: len(values)], degree)
    with np.errstate(all="ignore"):
        rest = np.abs(basis @ (values - values[0]))
        top = rest.max(axis=0)
        part = rest / np.where(top > 0, top, 1.0)  # squares of small values underflow
        return np.asarray(top * np.sqrt((part * part).mean(axis=0)))


def median_noise(values: Floats) -> float:
    """Estimate the standard deviation of the noise from values at `POINTS`, despite kinks.

    Each five neighbours give one deviation from a cubic. The third smallest of eight does not
    notice that up to five groups straddle a kink; of normal numbers it is 0.41 deviations.
    """
    with np.errstate(all="ignore"):
        rest = [
            float(_complement(POINTS[i : i + 5], 4)[0] @ (values[i : i + 5] - values[i]))
            for i in range(len(values) - 4)
        ]
        return sorted(map(abs, rest))[2] / 0.41


def is_float32(values: Floats) -> bool:
    """Whether float64 values carry no more than float32 does.

    A float64 result of float64 arithmetic passes with a chance of about 2⁻²⁹. Values that
    are exact in very few bits (0, 0.5, 3) say nothing, so at least two of them must need
    more than 12 bits.

    Parameters
    ----------
    values : float64 array, shape (points,)
    """
    if any(float(np.float32(value)) != value for value in values[:3].tolist()):
        return False
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        narrow = finite.astype(np.float32).astype(np.float64)
    if finite.size == 0 or not np.array_equal(narrow, finite):
        return False
    mantissa, _ = np.frexp(finite)
    scaled = mantissa * 2.0**12
    return int(np.count_nonzero(scaled != np.rint(scaled))) >= 2
