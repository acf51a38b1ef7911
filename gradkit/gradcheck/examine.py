"""Examine one claim along one line, with a ladder of steps that grows until it is decided."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from gradkit.gradcheck.constants import (
    CLEAR,
    EPS,
    FEW,
    HUNDREDTH,
    MAX_STEPS,
    NEAR,
    ORDERS,
    RATIO,
    SHORTEST,
    SMALL,
    SPREAD,
    TENTH,
)
from gradkit.gradcheck.ladder import Ladder, Reading, differences, read_slope
from gradkit.gradcheck.noise import Floats, table_noise
from gradkit.gradcheck.records import Verdict

if TYPE_CHECKING:
    from gradkit.gradcheck.entries import EntryCheck


class Examination:
    """A growing ladder of steps for one claim.

    Parameters
    ----------
    check : EntryCheck
        Has the claims, their errors, and the coarsest accepted resolution.
    row : int
        The claim's row.
    """

    def __init__(self, check: EntryCheck, row: int) -> None:
        """Take over the claim's numbers, and the step that has been tried already."""
        self.check, self.row, self.seen, self.noise = check, row, check.seen, check.seen.noise
        claims, self.subgradient = check.claims, check.asked.subgradient
        numbers = (claims.claimed, claims.scale, claims.largest, claims.here)
        self.claimed, self.scale, self.largest, self.here = [float(one[row]) for one in numbers]
        self.error, self.blur = float(check.error[row]), float(check.blur[row])
        self.room = 2.0 if check.precise else SPREAD
        self.allowed = (1.0 if check.precise else SPREAD) * float(check.limits[row])
        self.smallest = max(float(claims.smallest[row]), SHORTEST)
        self.top = 1 / RATIO * self.scale * (1 + 1e-9)
        self.start = min(float(check.steps[row]), self.top)
        # Steps, f above and below, distances ahead and behind.
        tried = check.tried[:, [row]]
        self.rows = tried if np.all(np.isfinite(tried)) else np.zeros((5, 0))

    def evaluate_pairs(self, steps: Floats) -> Floats:
        """Return f above and below the point at several steps, and the actual distances."""
        return self.check.evaluate_pairs(np.full(len(steps), self.row), steps)

    def add_steps(self, *steps: float) -> bool:
        """Evaluate f at further steps; return whether any was possible and new.

        Steps that are too short, too long, or within a tenth of a known step are left out.
        """
        able = [step for step in steps if self.smallest <= step <= self.scale]
        new = np.array([step for step in able if np.all(np.abs(self.rows[0] - step) >= 0.1 * step)])
        if not len(new):
            return False
        rows = np.concatenate([self.rows, [new, *self.evaluate_pairs(new)]], axis=1)
        self.rows = rows[:, np.argsort(rows[0], kind="stable")]
        return True

    def ladder(self, noise: float, top: float) -> Ladder:
        """Return the steps up to ``top`` as a ladder."""
        above, below, ahead, behind = self.rows[1:, self.rows[0] <= top]
        seen = self.seen
        return Ladder(seen.base, above, below, ahead, behind, noise, seen.eps, self.blur)

    def climb(self) -> Reading:
        """Add steps until the claim is decided or no step can help; return the slope.

        At most `MAX_STEPS` steps are made. Longer steps are tried before shorter ones.
        """
        self.add_steps(self.start, RATIO * self.start, RATIO**2 * self.start)
        if not self.rows.shape[1]:
            return Reading()
        while True:
            reading = read_slope(self.ladder(self.noise, self.top))
            verdict, _ = self.judge(reading)
            if verdict == "agree" or self.rows.shape[1] >= MAX_STEPS:
                return reading
            steps = self.rows[0][self.rows[0] <= self.top]
            sides = (reading.central, reading.left, reading.right)
            down = any(side.step == 0 or not np.isfinite(side.bound) for side in sides)
            best = reading.best
            hidden = verdict == "inconclusive" and best.noise > best.truncation
            up = len(steps) and (best.reach >= len(steps) - 1 or hidden)
            up = up and (verdict != "disagree" or len(steps) < ORDERS + 2)
            longer = up and RATIO * steps[-1] <= self.top and self.add_steps(RATIO * steps[-1])
            if not longer and not (down and self.add_steps(self.rows[0, 0] / RATIO)):
                return reading

    def judge(self, reading: Reading) -> tuple[Verdict, float]:
        """Compare the claim with a reading; return the verdict and the absolute resolution.

        A claim agrees within the bounds if these are small enough. It is wrong if it is clearly
        outside of them; otherwise it is unknown. At a kink, a slope between those of both sides is
        unknown, or agrees if the caller accepts subgradients.
        """
        claimed, error, bound = self.claimed, self.error, reading.bound
        gap = abs(claimed - reading.estimate)
        resolution = 2 * bound + error
        slight = HUNDREDTH * max(abs(claimed), SMALL * self.largest)
        known = 2 * bound <= self.allowed and reading.doubt <= self.allowed + slight
        if known and gap <= bound + error:
            return "agree", resolution
        if reading.kinked:
            wide = max(reading.left.bound, reading.right.bound) + error
            if self.subgradient and gap <= bound + wide:
                return "agree", 2 * wide
            return ("disagree" if gap > bound + wide else "inconclusive"), resolution
        far = gap > self.room * (bound + error) and gap > CLEAR * abs(claimed)
        # If noise hides the gap over the parameter's own size, longer steps do not count.
        far = far and (self.here == 0 or gap * abs(self.here) > self.seen.noise)
        return ("disagree" if far else "inconclusive"), resolution

    def inconclusive_reason(self, reading: Reading) -> str:
        """Return the reason for an inconclusive verdict: the largest part of the error."""
        if not self.rows.shape[1]:
            return "no step"
        if not np.isfinite(reading.bound):
            return "non-finite" if self.seen.steady else "not deterministic"
        if reading.kinked:
            return "kink"
        if reading.best.truncation > reading.best.noise:
            return "curvature"
        return "noise" if self.seen.steady else "not deterministic"


def examine(check: EntryCheck, row: int) -> tuple[Reading, float, Verdict, str, float]:
    """Examine one claim; before it is called wrong, look for noise, staircases and saturation.

    Parameters
    ----------
    check : EntryCheck
    row : int
        The claim's row.

    Returns
    -------
    reading : Reading
    resolution : float
        Absolute.
    verdict : Verdict
    reason : str
    noise : float
        The noise that longer steps show, or 0.
    """
    at, seen = Examination(check, row), check.seen
    reading = at.climb()
    verdict, resolution = at.judge(reading)
    if verdict == "disagree":
        heard = _measure_noise_nearby(at, reading)
        at.noise = max(at.noise, heard)
        reading = read_slope(at.ladder(at.noise, at.top))
        verdict, resolution = at.judge(reading)
        gap = abs(at.claimed - reading.estimate)
        hidden = SMALL * abs(seen.base) * (seen.lossy and SPREAD**2 * heard < seen.noise)
        kept, noise = gap * at.scale < hidden or _agrees_nearby(at, reading), 0.0
        if verdict == "disagree":
            if not kept:
                kept, noise = _agrees_further(at, reading)
            if kept or _is_saturated(at):
                # The estimate and the claim are both possible slopes.
                wide = replace(reading, bound=reading.bound + gap)
                return wide, gap, "inconclusive", "staircase" if kept else "noise", noise
    reason = "" if verdict != "inconclusive" else at.inconclusive_reason(reading)
    return reading, resolution, verdict, reason, 0.0


def _is_saturated(at: Examination) -> bool:
    """Return whether rounding may be why f does not change at all over the steps of a ladder.

    ``log(1 + exp(-x))`` is exactly 0 from 37 on, since 1 + exp(-x) rounds to 1; its slope is not 0.
    The value of f does not show that the formula adds a 1, so rounding is taken to be that of f, of
    the parameter or of 1, whichever is the largest. A claim that predicts no larger change over the
    longest step without any change is neither confirmed nor refuted.
    """
    steps, above, below = at.rows[:3]
    changed = (above != at.seen.base) | (below != at.seen.base)
    still = float(np.max(steps[: int(np.argmax(np.append(changed, True)))], initial=0.0))
    rounding = EPS * max(1.0, abs(at.seen.base), abs(at.here))
    return still > 0 and abs(at.claimed) * still <= FEW * rounding


def _measure_noise_nearby(at: Examination, reading: Reading) -> float:
    """Measure the noise again along this line, at points closer than the step that was used."""
    step = max(at.rows[0, reading.central.step] / 16, at.smallest)
    above, below, _, _ = at.evaluate_pairs(np.array([1.0, 3.0, 4.0]) * step)
    values = np.concatenate([below[::-1], [at.seen.base], above])
    return float(np.nan_to_num(table_noise(values, 4, (-4, -3, -1, 0, 1, 3, 4))))


def _agrees_nearby(at: Examination, reading: Reading) -> bool:
    """Return whether shorter steps agree with the claim.

    One of them differs from the estimate by more than noise, towards the claim by at least a third
    of the gap. Or f does not distinguish close points, and a ladder of the shortest steps does not
    refute the claim.
    """
    _, _, slopes, noise = differences(at.ladder(at.noise, at.top))
    way = at.claimed - reading.estimate
    nearer = (slopes - reading.estimate) * np.sign(way) > np.fmax(noise, abs(way) / SPREAD)
    kept = bool(np.any(nearer[: reading.best.step]))
    if kept or SPREAD**2 * at.seen.fine >= at.noise:
        return kept
    near = NEAR * at.scale
    at.add_steps(*(near * RATIO**k for k in range(-2, 2)))
    short = at.ladder(SPREAD * at.seen.fine, near * RATIO)
    return len(short.above) > 1 and at.judge(read_slope(short))[0] != "disagree"


def _agrees_further(at: Examination, reading: Reading) -> tuple[bool, float]:
    """Return whether slopes over longer steps tend to the claim, and the noise that this implies.

    An f that loses precision is a staircase, which looks smooth at short steps. Over longer ones,
    the slopes on both sides tend to the claim as noise over step. If the implied noise is large, f
    may oscillate instead; then a jump of f is required. Curvature does not look like this: it grows
    fourfold or more from step to step. Nor does a kink, where the two sides differ by as much at
    any step.
    """
    gap, used = abs(at.claimed - reading.estimate), float(at.rows[0, reading.central.reach])
    jumps = partial(_jumps, at, reading.estimate, gap)
    probes = at.scale / RATIO ** np.arange(0.0, 2 * MAX_STEPS, 2)
    at.add_steps(*probes[probes > RATIO * used].tolist())

    def away() -> Floats:
        """Return the distance of each longer slope from the claim, in gaps; infinite at kinks."""
        left, right, central, _ = differences(at.ladder(at.noise, np.inf))
        slopes = np.where(np.isfinite(central), central, np.where(np.isfinite(left), left, right))
        jump, steps = np.abs(right - left), at.rows[0]
        longer = np.append(jump[1:] / jump[:-1] > np.sqrt(steps[1:] / steps[:-1]), False)
        kinked = np.isfinite(jump) & (jump > gap) & ~longer
        far = (steps > used) & np.isfinite(slopes) & ~kinked
        return np.where(far, np.abs(slopes - at.claimed) / gap, np.inf)

    for near in at.rows[0, away() <= 0.5].tolist():
        at.add_steps(near / RATIO, near * RATIO)
    steps, apart, quiet = at.rows[0], away(), SMALL**2 * at.seen.reach
    for k in range(2, len(steps)):
        noise = float(np.max((apart * steps)[k - 2 : k + 1])) * gap
        tends = np.all(apart[k - 2 : k + 1] <= 2.0 * ((1 - TENTH) / RATIO) ** np.arange(3.0))
        if tends and (noise <= quiet or any(map(jumps, steps[k - 2 : k].tolist()))):
            return True, noise
    return any(map(jumps, steps[apart <= TENTH].tolist())), 0.0


def _jumps(at: Examination, slope: float, gap: float, far: float) -> bool:
    """Return whether f departs from a straight line by a jump within ``far`` of the point.

    An f that loses precision is a staircase, and its last stairs are so wide that only one of the
    steps crosses an edge. Bisection keeps the half in which f departs more from the line: at a jump
    this departure does not shrink, at a kink or a bend it does. Where f is not finite, its domain
    ends, which is no jump.

    Parameters
    ----------
    at : Examination
    slope : float
        The slope of the line.
    gap : float
        The error of the claim: a smaller departure than half of ``gap * far`` is ignored.
    far : float
        The distance, on both sides of the point.
    """
    pairs = cache(lambda step: at.evaluate_pairs(np.array([step]))[:, 0].tolist())

    def departs(away: float) -> float:
        above, below, ahead, behind = pairs(abs(away))
        value, moved = (above, ahead) if away > 0 else (below, -behind)
        return float(value - at.seen.base - slope * moved)

    for end in (far, -far):
        low, high, first, last = 0.0, end, 0.0, departs(end)
        departure = abs(last)
        # False for NaN too: where f is not defined, it does not jump.
        if not departure > 0.5 * gap * far:
            continue
        for _ in range(MAX_STEPS):
            middle = (low + high) / 2
            value = departs(middle)
            if abs(value - first) > abs(last - value):
                high, last = middle, value
            else:
                low, first = middle, value
            if not abs(last - first) > 0.1 * departure:
                break
        else:
            return True
    return False
