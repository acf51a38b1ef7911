"""How rough is a function: noise from difference tables, and precision from bit patterns."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

FLOAT64 = float(np.finfo(np.float64).eps)
FLOAT32 = float(np.finfo(np.float32).eps)

Floats = NDArray[np.float64]


def table_noise(values: Floats, order: int = 3) -> Floats:
    """Estimate the standard deviation of the noise in equally spaced values.

    Differences of order k remove the smooth part; independent noise of variance σ² leaves
    a variance of ``C(2k, k) σ²`` in them (Moré & Wild, "Estimating computational noise",
    SIAM J. Sci. Comput. 33, 2011).

    Parameters
    ----------
    values : float64 array, shape (points, ...)
        Function values on equally spaced points along the first axis; more than ``order``.
    order : int
        The order of the differences.

    Returns
    -------
    float64 array of the trailing shape
        The standard deviation. Non-finite where a value is.
    """
    with np.errstate(all="ignore"):
        table = np.diff(values, n=order, axis=0)
        return np.asarray(np.sqrt(np.mean(table * table, axis=0) / comb(2 * order, order)))


def is_float32(values: Floats) -> bool:
    """Whether float64 values carry no more than float32 does.

    A float64 result of float64 arithmetic passes with a chance of about 2⁻²⁹. Values that
    are exact in very few bits (0, 0.5, 3) say nothing, so at least two of them must need
    more than 12 bits.

    Parameters
    ----------
    values : float64 array
    """
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        narrow = finite.astype(np.float32).astype(np.float64)
    if finite.size == 0 or not np.array_equal(narrow, finite):
        return False
    mantissa, _ = np.frexp(finite)
    scaled = mantissa * 2.0**12
    return int(np.count_nonzero(scaled != np.rint(scaled))) >= 2
