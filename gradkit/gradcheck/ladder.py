"""Slopes from values on a ladder of steps: Richardson's extrapolation and Lepski's choice.

A step too long is spoilt by the bend of f, one too short by its noise. Richardson (1911)
cancels the leading terms of the first; which of the steps to believe is chosen as Lepski (1991)
does: the one with the least bound that no shorter step contradicts, because a shorter step knows
less but is biased less. The same is done on both sides of the point alone, so a kink is two
slopes that exclude each other, and one near by is left aside with the steps that reach it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import EPS, TINY, Floats

RATIO = 4.0
"""Of neighbouring steps. A longer one separates noise from truncation better, a shorter one comes
closer to the best step; Richardson's own is 2, where terms of high order are cancelled best."""

ORDERS = 3
"""Estimates of one step: plain, and extrapolated once and twice. More gain nothing over noise."""

REMAINDER = 2.0
"""Truncation is taken to be the change from a step to the next over this. In theory it is the
change over 3 for a one-sided slope and over 15, 255, … for the others; so much is allowed
for an f that has fewer derivatives, or whose next terms are no smaller yet."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Values of f on both sides of points, each array (rows, steps), steps growing.

    ``base`` and ``noise`` (rows,) are f at the point and how far a value may be off, ``eps`` is its
    unit of rounding, ``ahead`` and ``behind`` are the distances really moved. ``blur`` is how far a
    slope may be off over any step, since rounding grows with the step near a perfect fit.
    """

    base: Floats
    above: Floats
    below: Floats
    ahead: Floats
    behind: Floats
    noise: Floats
    eps: float = EPS
    blur: float = 0.0


@dataclass(frozen=True, slots=True)
class Side:
    """The slope that one kind of difference gives, each array (rows,).

    ``noise`` and ``truncation`` add up to ``bound``, which is infinite where nothing is known;
    ``step`` is the number of the step and ``reach`` that of the longest step that was used.
    """

    estimate: Floats
    bound: Floats
    noise: Floats
    truncation: Floats
    step: NDArray[np.intp]
    reach: NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a ladder says of the slope, each array (rows,).

    ``estimate`` is within ``bound`` of the slope. ``doubt`` is half of the kink that may hide at
    the point within what is known of both sides. Where ``kinked``, the slopes of both sides
    exclude each other, and the bound reaches from one to the other.
    """

    estimate: Floats
    bound: Floats
    doubt: Floats
    noise: Floats
    truncation: Floats
    kinked: NDArray[np.bool_]
    left: Side
    right: Side
    central: Side


def differences(ladder: Ladder) -> tuple[Floats, Floats, Floats, Floats]:
    """Return slopes to the left, to the right and across, and the noise of the last.

    Each is (rows, steps). The noise of a one-sided slope is twice that of the central one.
    """
    base = ladder.base[:, None]
    left = (base - ladder.below) / ladder.behind
    right = (ladder.above - base) / ladder.ahead
    span = ladder.ahead + ladder.behind
    central = (right * ladder.behind + left * ladder.ahead) / span
    size = np.fmax(np.abs(ladder.above), np.abs(ladder.below))
    rough = np.fmax(np.fmax(ladder.noise[:, None], ladder.eps * size), TINY)
    return left, right, central, 2 * rough / span + ladder.blur


def extrapolate(
    values: Floats, noise: Floats, steps: Floats, power: int
) -> list[tuple[Floats, ...]]:
    """Return (estimates, noise, truncation) for each order, each (rows, steps) padded by NaN.

    For a slope with the expansion ``g + c₁ hᵖ + c₂ h²ᵖ + …``, where p is ``power``: with the ratio
    r of the longest to the shortest step used, ``V + (V(h) − V(rh)) / (rᵖ − 1)`` is rid of one
    term.
    """
    found: list[tuple[Floats, ...]] = []
    width = values.shape[1]
    for order in range(ORDERS):
        change = values[:, :-1] - values[:, 1:]
        if change.shape[1] == 0:
            break
        truncation = np.abs(change) / REMAINDER
        found.append((_padded(values, width), _padded(noise, width), _padded(truncation, width)))
        ratio = steps[:, order + 1 :] / steps[:, : change.shape[1]]
        weight = 1 / (ratio**power - 1)
        values = values[:, :-1] + change * weight
        noise = noise[:, :-1] * (1 + weight) + noise[:, 1:] * weight
    return found


def _padded(values: Floats, width: int) -> Floats:
    out = np.full((len(values), width), np.nan)
    out[:, : values.shape[1]] = values
    return out


def choose(values: Floats, noise: Floats, steps: Floats, power: int) -> Side:
    """Choose the estimate with the least bound that no shorter step contradicts (Lepski).

    A shorter step speaks through its plain slope, with the truncation that it has where f is
    smooth: more would excuse what is to be found out.
    """
    rows, width = values.shape
    orders = extrapolate(values, noise, steps, power)
    if not orders:
        return _nothing(rows)
    estimate, rough, bent = (np.stack(part) for part in zip(*orders, strict=True))
    bound = rough + bent
    bound[~np.isfinite(bound) | ~np.isfinite(estimate)] = np.inf
    own = noise + np.nan_to_num(np.abs(np.diff(values, axis=1, append=np.nan)) / (RATIO**power - 1))
    gap = np.abs(estimate[:, :, :, None] - values[None, :, None, :])
    room = bound[:, :, :, None] + own[None, :, None, :]
    shorter = np.arange(width)[None, :] < np.arange(width)[:, None]
    contradicted = np.any((gap > room) & shorter, axis=3)
    usable = np.where(contradicted, np.inf, bound)
    flat = np.moveaxis(usable, 0, 2).reshape(rows, -1)
    best = np.argmin(flat, axis=1)
    count = len(orders)
    step, order = best // count, best % count
    row = np.arange(rows)
    return Side(
        estimate=estimate[order, row, step],
        bound=usable[order, row, step],
        noise=rough[order, row, step],
        truncation=bent[order, row, step],
        step=step,
        reach=np.minimum(step + order + 1, width - 1),
    )


def _nothing(rows: int) -> Side:
    unknown, none = np.full(rows, np.nan), np.zeros(rows, dtype=np.intp)
    return Side(unknown, np.full(rows, np.inf), unknown, unknown, none, none)


def read(ladder: Ladder) -> Reading:
    """Read the slope at the point from a ladder.

    The best of three: across the point, or on one side of it where a kink lies on the other; but
    not further from the others than their bounds. Two sides that exclude each other are a kink.
    """
    with np.errstate(all="ignore"):
        before, after, across, noise = differences(ladder)
        step = (ladder.ahead + ladder.behind) / 2
        left = choose(before, 2 * noise, step, 1)
        right = choose(after, 2 * noise, step, 1)
        central = choose(across, noise, step, 2)
        jump = np.abs(right.estimate - left.estimate)
        room = left.bound + right.bound
        kinked = jump > room
        sides = (central, left, right)
        estimates = np.stack([side.estimate for side in sides])
        bounds = np.stack([side.bound for side in sides])
        apart = np.abs(estimates[:, None] - estimates[None]) > bounds[:, None] + bounds[None]
        bounds = np.where(np.any(apart, axis=1), np.inf, bounds)
        best = np.argmin(bounds, axis=0)
        row = np.arange(len(best))
        estimate, bound = estimates[best, row], bounds[best, row]
        part = np.stack([side.noise for side in sides])[best, row]
        bent = np.stack([side.truncation for side in sides])[best, row]
        low = np.minimum(left.estimate - left.bound, right.estimate - right.bound)
        high = np.maximum(left.estimate + left.bound, right.estimate + right.bound)
        estimate = np.where(kinked, (low + high) / 2, estimate)
        bound = np.where(kinked, (high - low) / 2, bound)
        both = np.isfinite(left.bound) & np.isfinite(right.bound)
        bound = np.where(both & np.isfinite(estimate), bound, np.inf)
        doubt = np.where(both, (jump + room) / 2, np.inf)
    return Reading(estimate, bound, doubt, part, bent, kinked, left, right, central)


def join(readings: Sequence[Reading]) -> Reading:
    """Put readings together, row below row."""

    def column(parts: Sequence[Any]) -> Any:
        if isinstance(parts[0], Side):
            made = {f.name: column([getattr(p, f.name) for p in parts]) for f in fields(Side)}
            return Side(**made)
        return np.concatenate(parts)

    return Reading(
        **{f.name: column([getattr(r, f.name) for r in readings]) for f in fields(Reading)}
    )
