"""Slopes from values on a ladder of steps: Richardson's extrapolation with a bound on its error.

A step too long is spoilt by the bend of f, one too short by its noise. Richardson (1911)
cancels the leading terms of the first, and what is left is told by the changes from step to step.
Of all the estimates that with the least bound is taken. The same is done on both sides of the
point alone, so a kink is two slopes that exclude each other, and one near by is left aside with the
steps that reach it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.noise import EPS, TINY, Floats

RATIO = 4.0
"""Of neighbouring steps. A longer one separates noise from truncation better, a shorter one comes
closer to the best step; Richardson's own is 2, where terms of high order are cancelled best."""

ORDERS = 3
"""Estimates of one step: plain, and extrapolated once and twice. More gain nothing over noise."""

REMAINDER = 2.0
"""Truncation is no less than the change from a step to the next over this. In theory it is the
change over 3 for a one-sided slope and over 15, 255, … for the others; so much is allowed
for an f that has fewer derivatives, or whose next terms are no smaller yet."""

GROWS = 2.0
"""Changes that grow by less from each step to the next are no series: of an f with a slope at the
point they grow fourfold, of a root twofold, of a logarithm not at all."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Values of f on both sides of a point, each array (steps,), steps growing.

    ``base`` and ``noise`` are f at the point and how far a value may be off, ``eps`` is its
    unit of rounding, ``ahead`` and ``behind`` are the distances really moved. ``blur`` is how far a
    slope may be off over any step, since rounding grows with the step near a perfect fit.
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
    """The slope that one kind of difference gives.

    ``noise`` and ``truncation`` add up to ``bound``, which is infinite where nothing is known;
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
    """What a ladder says of the slope.

    ``estimate`` is within ``bound`` of the slope. ``doubt`` is half of the kink that may hide at
    the point within what is known of both sides. Where ``kinked``, the slopes of both sides
    exclude each other, and the bound reaches from one to the other.
    """

    estimate: float
    bound: float
    doubt: float
    kinked: bool
    best: Side
    left: Side
    right: Side
    central: Side


NOTHING_KNOWN = Reading(np.nan, np.inf, np.inf, False, Side(), Side(), Side(), Side())
"""The reading of a ladder without steps."""


def differences(ladder: Ladder) -> tuple[Floats, Floats, Floats, Floats]:
    """Return slopes to the left, to the right and across, and the noise of the last.

    The noise of a one-sided slope is twice that of the central one.
    """
    left = (ladder.base - ladder.below) / ladder.behind
    right = (ladder.above - ladder.base) / ladder.ahead
    span = ladder.ahead + ladder.behind
    central = (right * ladder.behind + left * ladder.ahead) / span
    size = np.fmax(np.abs(ladder.above), np.abs(ladder.below))
    rough = np.fmax(np.fmax(ladder.noise, ladder.eps * size), TINY)
    return left, right, central, 2 * rough / span + ladder.blur


def extrapolate(
    values: Floats, noise: Floats, steps: Floats, power: int
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield estimates, noise and truncation of each order, as far as the next longer step reaches.

    For a slope with the expansion ``g + c₁ hᵖ + c₂ h²ᵖ + …``, where p is ``power``: with the ratio
    r of the longest to the shortest step used, ``V + (V(h) − V(rh)) / (rᵖ − 1)`` is rid of one
    term.
    """
    for order in range(min(ORDERS, len(values) - 1)):
        change = values[:-1] - values[1:]
        yield values[:-1], noise[:-1], truncation(np.abs(change), noise[:-1] + noise[1:])
        weight = 1 / ((steps[order + 1 :] / steps[: len(change)]) ** power - 1)
        values = values[:-1] + change * weight
        noise = noise[:-1] * (1 + weight) + noise[1:] * weight


def truncation(change: Floats, noise: Floats) -> Floats:
    """Return how far slopes may be from the limit, by their changes from step to step.

    Changes that grow by a factor ρ from each step to the next longer one are a geometric series,
    and shorter steps would add ``1 / (ρ − 1)`` of the change. Where they do not grow, as with a
    logarithm, nothing bounds it. A change within its noise tells no ratio, and may go on as the
    longer ones do, unless it is seen to be less. And no slope is nearer to the limit than shorter
    steps were seen to change, nor known at all where these clearly are no series: what a longer
    step has met, a kink or another period, is not f here.
    """
    growth = change[1:] / change[:-1]
    growth = np.append(growth, growth[-1:] if len(growth) else np.nan)
    series = np.where(growth > GROWS, np.fmax(1 / (growth - 1), 1 / REMAINDER), np.inf)
    told = change > noise
    found = np.where(told & np.isfinite(growth), series, 1 / REMAINDER)
    if np.any(np.isinf(found)):
        for k in range(len(change) - 2, -1, -1):
            if np.isinf(found[k + 1]) and not told[k] and change[k + 1] <= GROWS * noise[k]:
                found[k] = np.inf
    seen = np.where(told, change, 0.0)
    seen[(change > GROWS * noise) & (growth <= GROWS)] = np.inf
    seen = np.maximum.accumulate(seen)
    return np.asarray(np.fmax(found * change, np.append(0.0, seen[:-1])))


def choose(values: Floats, noise: Floats, steps: Floats, power: int) -> Side:
    """Choose the estimate with the least bound."""
    best = Side()
    for order, (estimate, rough, bent) in enumerate(extrapolate(values, noise, steps, power)):
        bound = np.nan_to_num(rough + bent + 0 * estimate, nan=np.inf)
        at = int(np.argmin(bound))
        if bound[at] < best.bound:
            known, noisy, curved = float(estimate[at]), float(rough[at]), float(bent[at])
            best = Side(known, noisy + curved, noisy, curved, at, at + order + 1)
    return best


def read(ladder: Ladder) -> Reading:
    """Read the slope at the point from a ladder.

    The best of three: across the point, or on one side of it where a kink lies on the other. Two
    sides that exclude each other are a kink.
    """
    before, after, across, noise = differences(ladder)
    step = (ladder.ahead + ladder.behind) / 2
    left = choose(before, 2 * noise, step, 1)
    right = choose(after, 2 * noise, step, 1)
    central = choose(across, noise, step, 2)
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
