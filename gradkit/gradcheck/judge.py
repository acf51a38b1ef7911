"""Holding a claim against an estimate: agree, disagree, or say why neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.ladder import Derived, Slopes, one_sided
from gradkit.gradcheck.noise import FLOAT32, FLOAT64, Floats

AGREE, DISAGREE, UNKNOWN = "agree", "disagree", "inconclusive"


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts, each array of shape (entries,).

    ``resolution`` is absolute: the smallest error of the claim that would have been seen.
    ``withheld`` marks claims that small steps contradict but larger steps support.
    """

    verdict: NDArray[np.str_]
    resolution: Floats
    withheld: NDArray[np.bool_]


def claim_error(claimed: Floats, largest: Floats, narrow: bool) -> Floats:
    """Return the rounding error that a correct gradient may carry, absolute.

    Backpropagation adds terms of the size of the largest entry, so a small entry inherits
    the rounding of larger ones.
    """
    with np.errstate(over="ignore"):
        if narrow:
            return 250 * FLOAT32 * (np.abs(claimed) + largest)
        return 3e3 * FLOAT64 * (np.abs(claimed) + 0.1 * largest)


def supported(claimed: Floats, derived: Derived, slope: Slopes) -> NDArray[np.bool_]:
    """Whether larger steps than the one the estimate rests on keep to the claim.

    A forward that loses precision is a staircase: flat on small steps, right on large ones. A
    claim is supported where two consecutive larger steps come within a quarter of the
    gap, and both one-sided slopes within half. Curvature that merely passes by the claim
    grows sixteenfold from step to step and cannot stay; a kink has unequal slopes.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(derived.estimate - claimed)[:, None]
        left, right = one_sided(slope)
        target = claimed[:, None]
        near = (
            (np.abs(slope.central[:, :-1] - target) <= gap / 4)
            & (np.abs(left - target) <= gap / 2)
            & (np.abs(right - target) <= gap / 2)
        )
        later = np.arange(near.shape[1])[None, :] > derived.step[:, None]
        near &= later
        return np.asarray(np.any(near[:, :-1] & near[:, 1:], axis=1))


def judge(
    claimed: Floats, derived: Derived, slope: Slopes, error: Floats, allowed: Floats
) -> Judged:
    """Judge claims by ladders.

    Parameters
    ----------
    claimed : float64 array, (entries,)
    derived, slope
        The outcome of the ladders, and their slopes, (entries, ...).
    error : float64 array, (entries,)
        Rounding error a correct claim may carry.
    allowed : float64 array, (entries,)
        The largest absolute resolution with which a claim may be accepted.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(claimed - derived.estimate)
        resolution = 2 * derived.bound + error
        known = np.isfinite(derived.bound)
        agree = known & (gap <= derived.bound + error) & (resolution <= allowed)
        far = known & (gap > 2 * (derived.bound + error))
        withheld = far & supported(claimed, derived, slope)
    verdict = np.where(agree, AGREE, np.where(far & ~withheld, DISAGREE, UNKNOWN))
    return Judged(verdict, resolution, withheld)
