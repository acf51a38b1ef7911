"""Second looks: what would have to be so for an accusation, or an acquittal, to be mistaken."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.candidates import candidates
from gradkit.gradcheck.climb import TINY, climb, join
from gradkit.gradcheck.examination import Examination
from gradkit.gradcheck.judge import DISAGREE
from gradkit.gradcheck.leap import find_leap
from gradkit.gradcheck.noise import FLOAT64, table_noise
from gradkit.gradcheck.roughness import LOST
from gradkit.gradcheck.slopes import RATIO, local_noise, slopes

BORNE = 3
"""So many steps in a row that keep to a claim bear it out."""

QUIET = 1e-6
"""The part of what a parameter does to f that a regular noise may be."""

SLIGHT = 0.02
"""Part of the slope, or of the largest beside it, that stairs can hide without their jumps being
found."""

LONG = 1e-5
"""An f that is straight over more than this part of the scale may hide a stair."""


def doubt(at: Examination) -> None:
    """Doubt what an examination says, the more where it accuses."""
    if at.accusing:
        listen(at, at.step / 16)
    if at.accusing and at.gap < SLIGHT * at.size and _lossy(at):
        listen(at, 2 * at.step, degree=7)
    if at.accusing or np.isnan(at.case.claimed):
        look_behind(at)
    lost = at.derived.sigma[0] > LOST * FLOAT64 * abs(at.case.base)
    if at.accusing or (lost and at.agreeing):
        look_inside(at)
    if at.accusing and _hiding(at) and at.gap < SLIGHT * at.case.largest:
        at.stairs = True
        at.withdraw()


def listen(at: Examination, spacing: float, degree: int = 4) -> None:
    """Measure the noise anew, along this line, on points at most seven spacings away.

    A higher degree takes more points, and lets them lie further apart.
    """
    reach = (1, 3, 4) if degree == 4 else (1, 3, 4, 6, 7)
    distance = np.array(reach, dtype=np.float64) * max(spacing, at.line.smallest)
    above, below, _, _ = at.line.pairs(distance)
    values = np.concatenate([below[::-1], [at.case.base], above])
    points = (*(-far for far in reversed(reach)), 0, *reach)
    noise = 3 * float(table_noise(values, degree, points))
    if np.isfinite(noise):
        at.believe(noise)


def look_behind(at: Examination) -> None:
    """Ask whether small steps were deceived: by a regular noise, or by a staircase."""
    at.believe(regular_noise(at))
    if at.short or not (at.accusing or np.isnan(at.case.claimed)):
        return
    withheld = bool(at.judged.withheld[0])
    claimed = at.case.claimed
    leap = find_leap(at.line, at.ladder, at.derived, at.slope, claimed, withheld)
    if leap > 0:
        at.stairs = True
        at.believe(leap)
    elif withheld and (not at.judged.disputed[0] or at.gap > SLIGHT * at.size):
        # A smooth or kinked f that bends towards the claim is no excuse.
        at.judged = replace(at.judged, verdict=np.array([DISAGREE]))


def regular_noise(at: Examination) -> float:
    """Return the size of a noise that looks smooth on small steps, 0 where there is none.

    Such an f keeps, over all smaller steps, to the cubic that a larger one has found, but
    for less than the change that counts as noise.
    """
    estimates, bounds, _, _ = candidates(at.slope, alone=True)
    later = np.arange(bounds.shape[2]) > at.derived.step[0]
    contrary = later & (4 * bounds <= np.abs(estimates - at.estimate))
    bounds = np.where(contrary, bounds, np.inf)[:, 0]
    order, step = np.unravel_index(int(np.argmin(bounds)), bounds.shape)
    if not np.isfinite(bounds[order, step]):
        return 0.0
    other = float(estimates[order, 0, step])
    steps = at.slope.step[0, : step + 1]
    central = at.slope.central[0, : step + 1]
    cubic = other + (central[-1] - other) * (steps / steps[-1]) ** 2
    departure = float(np.max(np.abs(central - cubic) * steps))
    return 2 * departure if departure <= at.case.amplitude else 0.0


def look_inside(at: Examination) -> None:
    """Hear steps that were thought to drown in noise, before anything is said that they deny.

    Close to a pole f is smooth on a scale of its own, and what looks like noise from further
    away is its curvature. Noise does not keep to one slope on several steps, each a quarter of
    the last, but for a regular one, which is too small.
    """
    rounding = FLOAT64 * abs(at.case.base)
    visible = at.gap if at.accusing else at.case.largest
    lowest = max(at.line.smallest, TINY, RATIO * rounding / max(visible, TINY))
    lower = at.slope.step[0, 0] * RATIO ** np.arange(-12.0, 0.0)
    lower = lower[lower > lowest]
    if len(lower) < BORNE:
        return
    below = climb(at.line, at.case, lower)
    moved = ((below.above != below.base[:, None]) | (below.below != below.base[:, None]))[0]
    central = slopes(below).central[0]
    away = np.abs(central - at.case.claimed)
    if at.accusing:
        if not _in_a_row(moved & (away <= at.gap / 4), BORNE):
            return
        at.decide(replace(join(below, at.ladder), sigma=np.array([rounding])))
        if at.agreeing:
            return
    else:
        kept = np.abs(np.diff(central)) <= np.minimum(away[1:], away[:-1]) / 8
        change = float(np.nanmax(np.abs(at.ladder.above - at.case.base)))
        small = min(at.case.amplitude, QUIET * change + 1e-9 * abs(at.case.base))
        plain = moved & (away * lower > small)
        if not _in_a_row(kept & plain[1:] & plain[:-1], BORNE):
            return
    at.withdraw()


def _lossy(at: Examination) -> bool:
    """Whether f has lost precision, but not on the smallest steps: there may be long stairs."""
    lost = at.case.sigma > LOST * FLOAT64 * abs(at.case.base)
    return bool(lost and local_noise(slopes(at.ladder))[0] < at.case.sigma / 4)


def _hiding(at: Examination) -> bool:
    """Whether stairs may be too wide to be met: f has lost precision, and is straight for long.

    Where log(1 - a) is down to its last bits, its whole slope is in the jumps between them.
    """
    lost = at.case.sigma > LOST * FLOAT64 * abs(at.case.base)
    return bool(lost and at.step > LONG * at.case.scale)


def _in_a_row(flags: NDArray[np.bool_], count: int) -> bool:
    """Whether so many flags in a row are set."""
    together = np.convolve(flags, np.ones(count, dtype=int), "valid")
    return bool(len(flags) >= count and np.any(together == count))
