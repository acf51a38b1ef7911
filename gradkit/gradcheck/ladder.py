"""From function values on a ladder of steps to a derivative with an honest bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.candidates import SAFETY, choose
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.sides import near_side, one_side
from gradkit.gradcheck.slopes import Ladder, local_noise, slopes, with_noise


@dataclass(frozen=True, slots=True)
class Derived:
    """The outcome of a ladder, each array of shape (entries,).

    ``bound`` is the sum of ``noise``, ``truncation`` and ``kink``, with a factor for safety; it
    is infinite where no step was usable. ``left`` and ``right`` are the one-sided slopes, within
    ``side_bound``. ``step`` is the index of the step the estimate rests
    on, ``sigma`` the noise of f as this ladder shows it, ``stairs`` says that small steps left
    f unchanged where the estimate says it should have moved.
    """

    estimate: Floats
    bound: Floats
    noise: Floats
    truncation: Floats
    kink: Floats
    left: Floats
    right: Floats
    side_bound: Floats
    step: NDArray[np.intp]
    sigma: Floats
    stairs: NDArray[np.bool_]


def derive(ladder: Ladder, safety: float = SAFETY, furthest: float = np.inf) -> Derived:
    """Estimate the derivative along each line.

    Parameters
    ----------
    ladder : Ladder
        At least four steps; the smallest should be dominated by noise, so that the
        roughness of f shows.
    safety : float
        Factor on the bound.
    furthest : float
        The longest step by which a one-sided slope is followed away from a kink. Beyond the
        scale of a parameter f may be flat again.

    Returns
    -------
    Derived
    """
    with np.errstate(all="ignore"):
        sigma = np.maximum(ladder.sigma, local_noise(slopes(ladder)))
        slope = with_noise(slopes(ladder), sigma)
        estimate, bound, *_ = chosen = choose(slope, safety)

        # On a staircase the small steps see no change at all. The estimate then says how
        # much was missed, and that is the size of the stairs.
        flat = (ladder.above == ladder.base[:, None]) & (ladder.below == ladder.base[:, None])
        missed = np.where(flat, np.abs(estimate)[:, None] * slope.step, 0.0)
        stairs = np.max(np.nan_to_num(missed), axis=1)
        rough = stairs > 3 * sigma
        if np.any(rough):
            sigma = np.where(rough, stairs, sigma)
            slope = with_noise(slope, sigma)
            estimate, bound, *_ = chosen = choose(slope, safety)

        noise, truncation, kink, position = chosen[2:]
        step = position.astype(np.intp)
        left = one_side(slope, slope.left, safety, furthest)
        right = one_side(slope, slope.right, safety, furthest)
        estimate, bound = near_side(left, right, estimate, bound)
    return Derived(
        estimate=np.where(np.isfinite(bound), estimate, np.nan),
        bound=bound,
        noise=noise,
        truncation=truncation,
        kink=kink,
        left=left.value,
        right=right.value,
        side_bound=np.maximum(left.bound, right.bound),
        step=step,
        sigma=sigma,
        stairs=rough,
    )
