"""Finding a jump of f: what a forward that loses precision does, and no smooth one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradkit.gradcheck.ladder import Derived
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import FLOAT64, Floats
from gradkit.gradcheck.slopes import Ladder, Slopes

CLOSE = (1e-3, 1e-7)
"""How near the two sides of a jump are brought, relative to where it is. The second time only
where the first leaves one to be seen: a kink would be gone."""

SHARE = 0.05
"""The part of the departure that has to happen in one jump."""


def suspects(
    away: Floats, room: Floats, growth: float, step: int, gap: float, withheld: bool
) -> list[int]:
    """Return the steps before which f may have jumped.

    Parameters
    ----------
    away, room : float64 arrays, (steps,)
        How far the slope at each step is from the estimate, and how far noise could take it.
    growth : float
        By how much truncation grows from step to step.
    step : int
        The step on which the estimate rests.
    gap : float
        The distance from the estimate to the claim, NaN without one.
    withheld : bool
        Whether larger steps were seen to support the claim.

    Returns
    -------
    list of int
        The first step that is clearly off, if the next ones do not follow as truncation
        would; any whose departure comes out of nothing; and, where larger steps support
        the claim, the first that departs as far as that.
    """
    later = np.arange(len(away)) > step
    off = np.flatnonzero((away > 3 * room) & later)
    found: list[int] = []
    if len(off):
        first = int(off[0])
        steady = 0.6 * growth
        if np.any(
            away[first + 1 : first + 3] < steady * away[first : first + 2][: len(away) - first - 1]
        ):
            found.append(first)
    before = np.concatenate([[np.inf], np.maximum(away[:-1], room[:-1])])
    found += np.flatnonzero((away > 6 * growth * before) & later).tolist()
    if withheld:
        found += np.flatnonzero((away > gap / 4) & later)[:1].tolist()
    return list(dict.fromkeys(found))


def find_leap(
    line: Line, ladder: Ladder, derived: Derived, slope: Slopes, claimed: float, withheld: bool
) -> float:
    """Return the size of a jump of f within the ladder's reach, 0 where none was found.

    The slope over ±t is followed, which is free of curvature; where f is not finite on one side,
    the slopes on either side by themselves.
    """
    step, estimate = int(derived.step[0]), float(derived.estimate[0])
    gap = abs(estimate - claimed)
    noise, bound = slope.noise[0], float(derived.bound[0])
    base = float(ladder.base[0])
    ways: list[tuple[Floats, float, Callable[[float, float], float]]] = [
        (slope.central[0], 16.0, lambda up, down: (up - down) / 2)
    ]
    if not np.all(np.isfinite(slope.central[0, step:])):
        ways.append((slope.right[0], 4.0, lambda up, down: up - base))
        ways.append((slope.left[0], 4.0, lambda up, down: base - down))
    for slopes, growth, rise in ways:
        away = np.abs(slopes - estimate)
        for far in suspects(away, bound + noise, growth, step, gap, withheld):
            if far == 0 or not np.isfinite(away[far - 1 : far + 1]).all():
                continue
            leap = _close_in(line, slope.step[0], slopes, far, estimate, rise)
            if leap > 8 * FLOAT64 * abs(base) + 8 * float(derived.sigma[0]):
                return leap
    return 0.0


def _close_in(
    line: Line,
    steps: Floats,
    slopes: Floats,
    outside: int,
    estimate: float,
    rise: Callable[[float, float], float],
) -> float:
    """Bisect between a step that keeps to the estimate and one that does not."""
    near, far = float(steps[outside - 1]), float(steps[outside])
    low = (float(slopes[outside - 1]) - estimate) * near
    high = (float(slopes[outside]) - estimate) * far
    limit = abs(high) / far / 2
    leap = 0.0
    for close in CLOSE:
        while far - near > max(close * far, 4 * line.smallest):
            middle = (near + far) / 2
            above, below, _, _ = line.pairs(np.array([middle]))
            value = rise(float(above[0]), float(below[0])) - estimate * middle
            if not abs(value) <= limit * middle:
                far, high = middle, value
            else:
                near, low = middle, value
        leap = abs(high - low)
        if not leap > SHARE * limit * far:
            return 0.0
    return 2 * leap
