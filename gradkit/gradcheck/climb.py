"""Ladders of steps along a line: where they begin and end, and f evaluated on them."""

from __future__ import annotations

import numpy as np

from gradkit.gradcheck.case import Case
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.slopes import RATIO, Ladder

MOST_STEPS = 18
LEAST_STEPS = 10
TINY = float(np.finfo(np.float64).tiny)


def grid(case: Case, smallest: float) -> Floats:
    """Choose the steps: from where the noise is plain to see, up to a quarter of the scale."""
    top = case.scale / RATIO
    slope, claimed = abs(case.hint), abs(case.claimed)
    if slope < claimed < 100 * slope or slope == 0 < claimed:
        slope = claimed
    bottom = min(
        1e4 * case.sigma / max(slope, np.finfo(float).tiny), top / RATIO ** (LEAST_STEPS - 1)
    )
    bottom = max(bottom, smallest, np.finfo(float).tiny)
    top = min(top, bottom * RATIO ** (MOST_STEPS - 1))
    count = int(np.ceil(np.log(max(top / bottom, 1.0)) / np.log(RATIO))) + 1
    return np.asarray(bottom * RATIO ** np.arange(max(count, 4)))


def climb(line: Line, case: Case, steps: Floats) -> Ladder:
    """Evaluate f on a ladder of steps."""
    above, below, ahead, behind = line.pairs(steps)
    return Ladder(
        base=np.array([case.base]),
        above=above[None],
        below=below[None],
        ahead=ahead[None],
        behind=behind[None],
        sigma=np.array([case.sigma]),
    )


def join(low: Ladder, high: Ladder) -> Ladder:
    """Put two ladders, one below the other, together."""
    parts = {
        name: np.concatenate([getattr(low, name), getattr(high, name)], axis=1)
        for name in ("above", "below", "ahead", "behind")
    }
    return Ladder(base=low.base, sigma=low.sigma, **parts)
