"""Holding a claim against an estimate: agree, disagree, or say why neither."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.candidates import candidates
from gradkit.gradcheck.ladder import Derived
from gradkit.gradcheck.noise import FLOAT32, FLOAT64, Floats
from gradkit.gradcheck.slopes import Slopes, jumps

AGREE, DISAGREE, UNKNOWN = "agree", "disagree", "inconclusive"

FAINT = 16
"""By noise over scale, the least error that a step of a quarter of the scale can prove."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts, each array of shape (entries,).

    ``resolution`` is absolute: the smallest error of the claim that would have been seen.
    ``withheld`` marks claims that small steps contradict but larger steps support;
    ``disputed`` those among them that a larger step with a small bound supports.
    """

    verdict: NDArray[np.str_]
    resolution: Floats
    withheld: NDArray[np.bool_]
    disputed: NDArray[np.bool_]


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
    claim is supported where two consecutive larger steps, plain or extrapolated, come within a
    quarter of the gap, and their one-sided slopes do not differ by more than the gap.
    Curvature that merely passes by the claim grows sixteenfold from step to step and
    cannot stay; a kink has unequal slopes.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(derived.estimate - claimed)[:, None]
        target = claimed[:, None]
        steps = slope.step.shape[1]
        near = np.abs(slope.central - target) <= gap / 4
        ratio = (slope.step[:, 1:] / slope.step[:, :-1]) ** 2
        change = slope.central[:, :-1] - slope.central[:, 1:]
        extrapolated = slope.central[:, :-1] + change / (ratio - 1)
        near[:, :-1] |= np.abs(extrapolated - target) <= gap / 4
        near &= jumps(slope)[0] <= gap
        near &= np.arange(steps)[None, :] > derived.step[:, None]
        return np.asarray(np.any(near[:, :-1] & near[:, 1:], axis=1))


def contested(claimed: Floats, derived: Derived, slope: Slopes) -> NDArray[np.bool_]:
    """Whether a larger step with a small bound of its own takes the side of the claim.

    For a smooth f all steps tell the same within their bounds; where a larger one contradicts
    the estimate and finds the claim instead, one of the two has been deceived.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(derived.estimate - claimed)[None, :, None]
        estimates, bounds, _, _ = candidates(slope, alone=True)
        sides = (np.abs(estimates - claimed[None, :, None]) <= gap / 2) & (bounds <= gap / 2)
        sides &= np.arange(slope.step.shape[1]) > derived.step[None, :, None]
        return np.asarray(np.any(sides, axis=(0, 2)))


def _beyond_kink(claimed: Floats, derived: Derived, error: Floats) -> NDArray[np.bool_]:
    """Whether a claim lies outside both slopes of a kink, and not only outside the bound."""
    kinked = (derived.kink > derived.noise) & (derived.kink > derived.truncation)
    low = np.minimum(derived.left, derived.right)
    high = np.maximum(derived.left, derived.right)
    room = 2 * (derived.side_bound + error) + 0.01 * (high - low)
    return kinked & ((claimed < low - room) | (claimed > high + room))


def _beyond_bend(gap: Floats, derived: Derived, slope: Slopes) -> NDArray[np.bool_]:
    """Whether smaller steps than the one the estimate rests on stray by more than the gap.

    Such a step lies beyond a bend: f is straight again out there, and says nothing of the point.
    The truncation of a smooth f, a fifteenth of the change to the next step, is no bend.
    """
    change = np.abs(np.diff(slope.central, axis=1, append=np.nan))
    away = np.abs(slope.central - derived.estimate[:, None]) - 2 * slope.noise
    away -= np.nan_to_num(change) * (2 / 15)
    smaller = np.arange(slope.step.shape[1]) < derived.step[:, None]
    return np.asarray(np.any((away > gap[:, None]) & smaller, axis=1))


def _sided(claimed: Floats, derived: Derived, slope: Slopes) -> NDArray[np.bool_]:
    """Whether a smaller step than the one the estimate rests on has met the claim instead.

    Within its noise, and further from the estimate than noise and truncation can take it: between
    the two lie kinks of a rough f.
    """
    change = np.abs(np.diff(slope.central, axis=1, append=np.nan))
    room = 1.5 * slope.noise + np.nan_to_num(change) * (2 / 15)
    met = np.abs(slope.central - claimed[:, None]) <= slope.noise
    met &= np.abs(slope.central - derived.estimate[:, None]) > room
    smaller = np.arange(slope.step.shape[1]) < derived.step[:, None]
    return np.asarray(np.any(met & smaller, axis=1))


def judge(
    claimed: Floats,
    derived: Derived,
    slope: Slopes,
    error: Floats,
    allowed: Floats,
    *,
    rough: bool,
    faint: Floats | float = 0.0,
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
    rough : bool
        Whether f is rough. Its steps are long and may span many kinks, so a claim has to be
        twice as far off to be called wrong.
    faint : float64 array
        The noise of f over the scale of the parameter. Errors below `FAINT` times this are not
        called so: what f does not show within the scale, the rounding of a correct claim may
        amount to, and steps beyond the scale meet another f.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(claimed - derived.estimate)
        resolution = 2 * derived.bound + error
        known = np.isfinite(derived.bound)
        agree = known & (gap <= derived.bound + error) & (resolution <= allowed)
        far = known & (gap > (4 if rough else 2) * (derived.bound + error))
        far |= known & _beyond_kink(claimed, derived, error)
        far &= (gap > FAINT * faint) & ~_beyond_bend(gap, derived, slope)
        far &= ~_sided(claimed, derived, slope)
        disputed = far & contested(claimed, derived, slope)
        withheld = far & supported(claimed, derived, slope) | disputed
    verdict = np.where(agree, AGREE, np.where(far & ~withheld, DISAGREE, UNKNOWN))
    return Judged(verdict, resolution, withheld, disputed)
