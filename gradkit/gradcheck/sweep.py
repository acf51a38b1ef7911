"""Every entry by two evaluations, with the claim choosing the step; more only where needed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.claims import Claims
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import FLOAT64, Floats

TARGET = 3e8
"""A first step changes f by this many times its noise, if the claim is right."""

SMALL = 0.01
"""Entries below this part of the largest take the step of one that is this part of it."""

SLACK = 1e-9 * 3


@dataclass(frozen=True, slots=True)
class First:
    """What the first step saw, each array (entries,). ``resolution`` is absolute."""

    estimate: Floats
    bound: Floats
    resolution: Floats
    agrees: NDArray[np.bool_]


def first_steps(claims: Claims, sigma: float) -> Floats:
    """Choose a step for each entry such that a right claim shows clearly above the noise.

    A step ``h = 3e8 σ/|g|`` lets the noise spoil the slope by 3e-9 of itself, and is the
    shortest that does: truncation and kinks are as far away as can be. It stays below
    ``(σ/V)^(1/3)`` scales, V being the change of f over one scale, where truncation
    overtakes the noise.
    """
    with np.errstate(all="ignore"):
        shown = np.fmax(np.abs(claims.claimed), SMALL * claims.largest)
        shown = np.where(np.isfinite(shown), shown, SMALL * claims.largest)
        relative = np.cbrt(sigma / (claims.largest * claims.scale))
        cap = claims.scale * np.where(relative > 0, np.minimum(relative, 0.05), 1e-5)
        wanted = np.where(shown > 0, TARGET * sigma / shown, cap)
        return np.maximum(np.minimum(wanted, cap), np.finfo(float).tiny)


def move(
    evaluator: Evaluator, claims: Claims, rows: NDArray[np.intp], steps: Floats
) -> tuple[Floats, ...]:
    """Evaluate both sides of the given entries; see `Evaluator.pairs`."""
    leaf = claims.leaf[rows]
    ends = np.flatnonzero(np.diff(leaf)) + 1
    bounds = [0, *ends.tolist(), len(rows)]
    parts = [
        evaluator.pairs(int(leaf[low]), claims.place[rows[low:high]], steps[low:high])
        for low, high in pairwise(bounds)
        if high > low
    ]
    if not parts:
        return tuple(np.zeros(0) for _ in range(4))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def first(
    evaluator: Evaluator,
    claims: Claims,
    rows: NDArray[np.intp],
    base: float,
    sigma: float,
    part: float = 1.0,
) -> First:
    """Hold each claim against one central difference.

    It agrees when the difference is within noise of the claim and shows no kink. A wrong claim
    may be met by an equal truncation error, to within 3e-9; another ``part`` of the usual step
    tells, because the truncation error changes with the step.
    """
    steps = part * first_steps(claims, sigma)[rows]
    with np.errstate(all="ignore"):
        grain = 64 * FLOAT64 * np.abs(claims.here[rows])
        above, below, ahead, behind = move(evaluator, claims, rows, np.maximum(steps, grain))
        right, left = (above - base) / ahead, (base - below) / behind
        span = ahead + behind
        central = (right * behind + left * ahead) / span
        rounding = FLOAT64 * np.maximum(np.abs(above), np.abs(below))
        noise = 3 * np.maximum(sigma, rounding) / span
        claimed, largest = claims.claimed[rows], claims.largest[rows]
        shown = np.maximum(np.abs(claimed), SMALL * largest)
        room = noise + SLACK * shown
        gap = np.abs(central - claimed)
        kinked = np.abs(right - left) > 4 * noise + 0.01 * np.maximum(
            np.abs(claimed), 0.03 * largest
        )
        agrees = (gap <= room + claims.error[rows]) & ~kinked & np.isfinite(gap)
    return First(central, noise + gap, 2 * room + claims.error[rows], agrees)


def second(
    evaluator: Evaluator,
    claims: Claims,
    rows: NDArray[np.intp],
    base: float,
    sigma: float,
) -> First:
    """Hold claims against two longer steps with one Richardson extrapolation.

    For entries so small that the noise blurs a first step. The steps are ``(σ/V)^(1/5)``
    scales, where the truncation of fourth order meets the noise, and four times that.
    """
    with np.errstate(all="ignore"):
        relative = (sigma / (claims.largest * claims.scale))[rows] ** 0.2
        steps = claims.scale[rows] * np.clip(relative, 1e-4, 0.02)
        near = move(evaluator, claims, rows, steps)
        far = move(evaluator, claims, rows, 4 * steps)
        slope, jump, noise = [], [], []
        for above, below, ahead, behind in (near, far):
            right, left = (above - base) / ahead, (base - below) / behind
            slope.append((right * behind + left * ahead) / (ahead + behind))
            jump.append(right - left)
            noise.append(3 * sigma / (ahead + behind))
        estimate = slope[0] + (slope[0] - slope[1]) / 15
        spread = 1.1 * noise[0]
        claimed = claims.claimed[rows]
        room = spread + SLACK * np.abs(claimed)
        gap = np.abs(estimate - claimed)
        kinked = np.abs(4 * jump[0] - jump[1]) / 3 > 6 * noise[0] + 0.01 * np.abs(claimed)
        agrees = (gap <= room + claims.error[rows]) & ~kinked & np.isfinite(gap)
    return First(estimate, spread + gap, 2 * room + claims.error[rows], agrees)
