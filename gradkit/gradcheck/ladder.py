"""Compute slopes from values on a ladder of steps by Richardson extrapolation, with error bounds.

A long step has truncation error, a short one noise. Richardson (1911) cancels the leading terms of
the truncation; the rest is estimated from the changes from step to step. The estimate with the
smallest bound is used. The same is done on each side of the point alone: at a kink, the two slopes
exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.constants import EPS, GROWS, ORDERS, SHORTEST
from gradkit.gradcheck.noise import Floats


@dataclass(frozen=True, slots=True)
class Ladder:
    """Values of f on both sides of a point at growing steps, each array (steps,).

    ``base`` is f at the point, ``noise`` the error of a value, ``eps`` its rounding unit; ``ahead``
    and ``behind`` are the actual distances. ``blur`` is the error of a slope at any step, since
    rounding grows with the step near a perfect fit.
    """

    base: float
    above: Floats
    below: Floats
    ahead: Floats
    behind: Floats
    noise: float
    eps: float = EPS
    blur: float = 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """The slope from one kind of difference, with its error.

    ``noise`` and ``bound_truncation`` add up to ``bound``, which is infinite if nothing is known;
    ``step`` is the number of the step and ``reach`` that of the longest step that was used.
    """

    estimate: float = np.nan
    bound: float = np.inf
    noise: float = np.nan
    truncation: float = np.nan
    step: int = 0
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """The slope at a point, from a ladder.

    ``estimate`` is within ``bound`` of the slope. ``doubt`` is half of the kink that may be hidden
    by the errors of both sides. If ``kinked``, the slopes of both sides exclude each other, and the
    bound reaches from one to the other. Without values, nothing is known.
    """

    estimate: float = np.nan
    bound: float = np.inf
    doubt: float = np.inf
    kinked: bool = False
    best: Side = Side()
    left: Side = Side()
    right: Side = Side()
    central: Side = Side()


def differences(ladder: Ladder) -> tuple[Floats, Floats, Floats, Floats]:
    """Return left, right and central slopes at each step, and the noise of the central ones.

    Each is an array with an item for each step. The noise of a one-sided slope is twice that of the
    central one.
    """
    left = (ladder.base - ladder.below) / ladder.behind
    right = (ladder.above - ladder.base) / ladder.ahead
    span = ladder.ahead + ladder.behind
    central = (right * ladder.behind + left * ladder.ahead) / span
    size = np.fmax(np.abs(ladder.above), np.abs(ladder.below))
    rough = np.fmax(np.fmax(ladder.noise, ladder.eps * size), SHORTEST * EPS)
    return left, right, central, 2 * rough / span + ladder.blur


def extrapolate(
    values: Floats, noise: Floats, steps: Floats, power: int
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield estimates, noise and truncation for each order of Richardson extrapolation.

    For a slope with the expansion ``g + c₁ hᵖ + c₂ h²ᵖ + …``, where p is ``power``: with the ratio
    r of the longest to the shortest step used, ``V + (V(h) − V(rh)) / (rᵖ − 1)`` has one term less.
    """
    for order in range(min(ORDERS, len(values) - 1)):
        change = values[:-1] - values[1:]
        yield values[:-1], noise[:-1], bound_truncation(np.abs(change), noise[:-1] + noise[1:])
        weight = 1 / ((steps[order + 1 :] / steps[: len(change)]) ** power - 1)
        values = values[:-1] + change * weight
        noise = noise[:-1] * (1 + weight) + noise[1:] * weight


def bound_truncation(change: Floats, noise: Floats) -> Floats:
    """Return bounds on the truncation of slopes, from their changes from step to step.

    Changes that grow by a factor ρ from each step to the next longer one are a geometric series,
    and shorter steps would add ``1 / (ρ − 1)`` of the change. If they do not grow, as with a
    logarithm, the truncation is unbounded. A change within its noise tells no ratio, so that of
    longer steps is assumed, unless the change is clearly smaller. A slope is no closer to the limit
    than shorter steps changed; after a step with a kink or an oscillation, longer steps are
    unbounded too.
    """
    growth = change[1:] / change[:-1]
    growth = np.append(growth, growth[-1:] if len(growth) else np.nan)
    series = np.where(growth > GROWS, np.fmax(1 / (growth - 1), 1 / GROWS), np.inf)
    is_significant = change > noise
    found = np.where(is_significant & np.isfinite(growth), series, 1 / GROWS)
    if np.any(np.isinf(found)):
        for k in range(len(change) - 2, -1, -1):
            if (
                np.isinf(found[k + 1])
                and not is_significant[k]
                and change[k + 1] <= GROWS * noise[k]
            ):
                found[k] = np.inf
    seen = np.where(is_significant, change, 0.0)
    seen[(change > GROWS * noise) & (growth <= GROWS)] = np.inf
    seen = np.maximum.accumulate(seen)
    return np.asarray(np.fmax(found * change, np.append(0.0, seen[:-1])))


def best_estimate(values: Floats, noise: Floats, steps: Floats, power: int) -> Side:
    """Return the extrapolated estimate with the smallest bound.

    If no estimate has a finite bound, the result is a blank `Side`.
    """
    best = Side()
    for order, (estimate, rough, bent) in enumerate(extrapolate(values, noise, steps, power)):
        bound = np.nan_to_num(rough + bent + 0 * estimate, nan=np.inf)
        at = int(np.argmin(bound))
        if bound[at] < best.bound:
            known, noisy, curved = float(estimate[at]), float(rough[at]), float(bent[at])
            best = Side(known, noisy + curved, noisy, curved, at, at + order + 1)
    return best


def read_slope(ladder: Ladder) -> Reading:
    """Return the slope at the point: central, or one-sided if a kink lies on the other side.

    At a kink, the slopes of both sides exclude each other.
    """
    before, after, across, noise = differences(ladder)
    step = (ladder.ahead + ladder.behind) / 2
    left = best_estimate(before, 2 * noise, step, 1)
    right = best_estimate(after, 2 * noise, step, 1)
    central = best_estimate(across, noise, step, 2)
    best = min(central, left, right, key=lambda side: side.bound)
    jump, room = abs(right.estimate - left.estimate), left.bound + right.bound
    kinked, estimate, bound = bool(jump > room), best.estimate, best.bound
    if kinked:
        low = min(left.estimate - left.bound, right.estimate - right.bound)
        high = max(left.estimate + left.bound, right.estimate + right.bound)
        estimate, bound = (low + high) / 2, (high - low) / 2
    if not np.isfinite(room):  # on one side f is not known
        bound = jump = np.inf
    return Reading(estimate, bound, (jump + room) / 2, kinked, best, left, right, central)
