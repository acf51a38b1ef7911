"""The full examination of one line: a ladder, and no accusation without a second look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.allowance import reasons
from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.fit import MANY, Fit, fit
from gradkit.gradcheck.judge import AGREE, DISAGREE, UNKNOWN, Judged, judge
from gradkit.gradcheck.ladder import (
    RATIO,
    Derived,
    Ladder,
    Slopes,
    candidates,
    derive,
    local_noise,
    slopes,
)
from gradkit.gradcheck.leap import find_leap
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import FLOAT64, Floats, table_noise
from gradkit.gradcheck.preflight import LOST
from gradkit.gradcheck.records import Reason

MOST_STEPS = 18
LEAST_STEPS = 10
TINY = float(np.finfo(np.float64).tiny)

STRAIGHT = 0.05
"""The part of the gap to the claim by which f may bend and still count as straight."""

FURTHER = 4
"""The most steps that are added to a ladder before an accusation."""

BORNE = 3
"""So many steps in a row that keep to a claim bear it out."""

QUIET = 1e-6
"""The part of what a parameter does to f that a regular noise may be."""

SLIGHT = 0.02
"""Part of the slope, or of the largest beside it, that stairs can hide without their jumps being
found."""

LONG = 1e-5
"""An f that is straight over more than this part of the scale may hide a stair."""


def escalate(line: Line, case: Case, short: bool = False) -> Outcome:
    """Examine one claim as thoroughly as it takes.

    Parameters
    ----------
    line : Line
    case : Case
    short : bool
        Take a short ladder, for use where the same parameter has been shown to be wrong
        in many other places.
    """
    with np.errstate(all="ignore"):
        return Examination(line, case, short).run()


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


def _join(low: Ladder, high: Ladder) -> Ladder:
    """Put two ladders, one below the other, together."""
    parts = {
        name: np.concatenate([getattr(low, name), getattr(high, name)], axis=1)
        for name in ("above", "below", "ahead", "behind")
    }
    return Ladder(base=low.base, sigma=low.sigma, **parts)


def _in_a_row(flags: NDArray[np.bool_], count: int) -> bool:
    """Whether so many flags in a row are set."""
    together = np.convolve(flags, np.ones(count, dtype=int), "valid")
    return bool(len(flags) >= count and np.any(together == count))


class Examination:
    """The state of one examination: a ladder that grows, and what it says so far."""

    ladder: Ladder
    derived: Derived
    slope: Slopes
    judged: Judged

    def __init__(self, line: Line, case: Case, short: bool) -> None:
        self.line = line
        self.case = case
        self.short = short
        self.stairs = False
        steps = grid(case, line.smallest)
        self.decide(climb(line, case, steps[1:9] if short else steps))

    def run(self) -> Outcome:
        """Extend the ladder where it is too short, then doubt what it says."""
        if self.unknown:
            self.reach_down()
        if (self.unknown or self.blurred) and not self.short:
            self.reach_up()
        if (self.unknown or self.blurred) and not self.short:
            self.sharpen()
        if self.accusing and not self.short:
            self.reach_out()
        if self.accusing:
            self.listen(self.step / 16)
        if self.accusing and self.gap < SLIGHT * self.size and self.lossy:
            self.listen(2 * self.step, degree=7)
        if self.accusing or np.isnan(self.case.claimed):
            self.look_behind()
        lost = self.derived.sigma[0] > LOST * FLOAT64 * abs(self.case.base)
        if self.accusing or (lost and self.judged.verdict[0] == AGREE):
            self.look_inside()
        if self.accusing and self.hiding and self.gap < SLIGHT * self.case.largest:
            self.stairs = True
            self.doubt()
        return self.outcome()

    def decide(self, ladder: Ladder) -> None:
        """Judge the claim by a ladder."""
        self.ladder = ladder
        self.derived = derive(ladder, furthest=self.case.scale)
        self.slope = slopes(replace(ladder, sigma=self.derived.sigma))
        self.judged = self.weigh(self.derived)

    def weigh(self, derived: Derived) -> Judged:
        """Hold the claim against an outcome of the ladder."""
        case = self.case
        return judge(
            np.array([case.claimed]),
            derived,
            self.slope,
            np.array([case.error]),
            np.array([case.allowed]),
            rough=case.rough,
            faint=case.sigma / case.scale,
        )

    def believe(self, sigma: float) -> None:
        """Judge anew with a larger noise."""
        if sigma > self.derived.sigma[0]:
            self.decide(replace(self.ladder, sigma=np.array([sigma])))

    @property
    def accusing(self) -> bool:
        """Whether the claim is wrong as things stand."""
        return bool(self.judged.verdict[0] == DISAGREE or self.judged.withheld[0])

    @property
    def unknown(self) -> bool:
        """Whether the ladder leaves the claim open."""
        return bool(self.judged.verdict[0] == UNKNOWN and not self.judged.withheld[0])

    @property
    def blurred(self) -> bool:
        """Whether a claim was accepted by a bound so wide that another look is worth while."""
        coarse = self.judged.resolution[0] > self.case.wanted
        return bool(coarse and self.judged.verdict[0] == AGREE)

    @property
    def step(self) -> float:
        """The step that the estimate rests on."""
        return float(self.slope.step[0, self.derived.step[0]])

    @property
    def estimate(self) -> float:
        """The slope as things stand."""
        return float(self.derived.estimate[0])

    @property
    def gap(self) -> float:
        """The distance between claim and estimate."""
        return abs(self.estimate - self.case.claimed)

    @property
    def size(self) -> float:
        """The larger of claim and estimate."""
        return max(abs(self.estimate), abs(self.case.claimed))

    @property
    def lossy(self) -> bool:
        """Whether f has lost precision, but not on the smallest steps: there may be long stairs."""
        lost = self.case.sigma > LOST * FLOAT64 * abs(self.case.base)
        return bool(lost and local_noise(slopes(self.ladder))[0] < self.case.sigma / 4)

    @property
    def hiding(self) -> bool:
        """Whether stairs may be too wide to be met: f has lost precision, and is straight for long.

        Where log(1 - a) is down to its last bits, its whole slope is in the jumps between them.
        """
        lost = self.case.sigma > LOST * FLOAT64 * abs(self.case.base)
        return bool(lost and self.step > LONG * self.case.scale)

    def reach_down(self) -> None:
        """Add shorter steps where the best of them was still too long."""
        bounded = np.isfinite(self.derived.bound[0])
        first, smallest = float(self.slope.step[0, 0]), self.line.smallest
        if (self.derived.step[0] > 1 and bounded) or first <= 4 * smallest:
            return
        lower = first * RATIO ** np.arange(-8.0, 0.0)
        lower = lower[lower > max(smallest, TINY)]
        if len(lower):
            self.decide(_join(climb(self.line, self.case, lower), self.ladder))

    def reach_up(self) -> None:
        """Add longer steps where the noise hides the slope from all others."""
        if self.derived.step[0] < len(self.slope.step[0]) - 5:
            return
        higher = self.slope.step[0, -1] * RATIO ** np.arange(1.0, 6.0)
        higher = higher[higher <= self.case.reach / max(abs(self.estimate), TINY)]
        if len(higher):
            self.decide(_join(self.ladder, climb(self.line, self.case, higher)))

    def sharpen(self) -> None:
        """Fit a polynomial to many points where noise blurs the ladder.

        A fit has to keep to the ladder. It may support the claim or not, but is no proof against.
        """
        best = self.best_fit()
        if best is None:
            return
        derived = replace(
            self.derived,
            estimate=np.array([best.slope]),
            bound=np.array([best.bound]),
            noise=np.array([best.noise]),
            truncation=np.array([best.truncation]),
            kink=np.array([best.kink]),
        )
        judged = self.weigh(derived)
        if AGREE in (judged.verdict[0], self.judged.verdict[0]):
            self.derived, self.judged = derived, judged
            if judged.verdict[0] != AGREE:
                self.doubt()

    def best_fit(self) -> Fit | None:
        """Return the fit with the least bound, None where the ladder's is less."""
        if not np.isfinite(self.derived.bound[0]):
            return None
        best, least = None, float(self.derived.bound[0])
        kink = float(self.derived.kink[0])
        for reach in min(64 * self.step, self.case.scale) / RATIO ** np.arange(4):
            found = fit(self.line, self.case.base, reach, self.estimate, float(self.derived.sigma[0]))
            found = replace(found, kink=max(found.kink, kink))
            if not abs(found.slope - self.estimate) <= self.derived.bound[0]:
                continue
            if found.bound < least:
                best, least = found, found.bound
                where = reach
            elif best is not None:
                break
        if best is not None:
            wanted = (0.8 * self.case.allowed if self.unknown else self.case.wanted) / 2
            if wanted < least < 4 * wanted and best.noise > least / 2:
                found = fit(self.line, self.case.base, where, self.estimate, float(self.derived.sigma[0]), MANY)
                found = replace(found, kink=max(found.kink, kink))
                if abs(found.slope - best.slope) <= best.bound and found.bound<least:
                    best = found
        return best

    def reach_out(self) -> None:
        """Add longer steps, before an accusation, until f is seen to be anything but straight.

        The flat of a wide stair is straight too; what lies beyond it has to be heard.
        """
        for _ in range(FURTHER):
            away = abs(float(self.slope.central[0, -1]) - self.estimate)
            if not away <= STRAIGHT * self.gap:
                return
            higher = self.slope.step[0, -1:] * RATIO
            self.decide(_join(self.ladder, climb(self.line, self.case, higher)))

    def listen(self, spacing: float, degree: int = 4) -> None:
        """Measure the noise anew, along this line, on points at most seven spacings away.

        A higher degree takes more points, and lets them lie further apart.
        """
        reach = (1, 3, 4) if degree == 4 else (1, 3, 4, 6, 7)
        distance = np.array(reach, dtype=np.float64) * max(spacing, self.line.smallest)
        above, below, _, _ = self.line.pairs(distance)
        values = np.concatenate([below[::-1], [self.case.base], above])
        points = (*(-far for far in reversed(reach)), 0, *reach)
        noise = 3 * float(table_noise(values, degree, points))
        if np.isfinite(noise):
            self.believe(noise)

    def look_behind(self) -> None:
        """Ask whether small steps were deceived: by a regular noise, or by a staircase."""
        self.believe(self.regular_noise())
        if self.short or not (self.accusing or np.isnan(self.case.claimed)):
            return
        withheld = bool(self.judged.withheld[0])
        claimed = self.case.claimed
        leap = find_leap(self.line, self.ladder, self.derived, self.slope, claimed, withheld)
        if leap > 0:
            self.stairs = True
            self.believe(leap)
        elif withheld and (not self.judged.disputed[0] or self.gap > SLIGHT * self.size):
            # A smooth or kinked f that bends towards the claim is no excuse.
            self.judged = replace(self.judged, verdict=np.array([DISAGREE]))

    def look_inside(self) -> None:
        """Hear steps that were thought to drown in noise, before anything is said that they deny.

        Close to a pole f is smooth on a scale of its own, and what looks like noise from further
        away is its curvature. Noise does not keep to one slope on several steps, each a quarter of
        the last, but for a regular one, which is too small.
        """
        rounding = FLOAT64 * abs(self.case.base)
        visible = self.gap if self.accusing else self.case.largest
        lowest = max(self.line.smallest, TINY, RATIO * rounding / max(visible, TINY))
        lower = self.slope.step[0, 0] * RATIO ** np.arange(-12.0, 0.0)
        lower = lower[lower > lowest]
        if len(lower) < BORNE:
            return
        below = climb(self.line, self.case, lower)
        moved = ((below.above != below.base[:, None]) | (below.below != below.base[:, None]))[0]
        central = slopes(below).central[0]
        away = np.abs(central - self.case.claimed)
        if self.accusing:
            if not _in_a_row(moved & (away <= self.gap / 4), BORNE):
                return
            self.decide(replace(_join(below, self.ladder), sigma=np.array([rounding])))
            if self.judged.verdict[0] == AGREE:
                return
        else:
            kept = np.abs(np.diff(central)) <= np.minimum(away[1:], away[:-1]) / 8
            change = float(np.nanmax(np.abs(self.ladder.above - self.case.base)))
            small = min(self.case.amplitude, QUIET * change + 1e-9 * abs(self.case.base))
            plain = moved & (away * lower > small)
            if not _in_a_row(kept & plain[1:] & plain[:-1], BORNE):
                return
        self.doubt()

    def doubt(self) -> None:
        """Leave the claim open."""
        self.judged = replace(self.judged, verdict=np.array([UNKNOWN]), withheld=np.array([False]))

    def regular_noise(self) -> float:
        """Return the size of a noise that looks smooth on small steps, 0 where there is none.

        Such an f keeps, over all smaller steps, to the cubic that a larger one has found, but
        for less than the change that counts as noise.
        """
        estimates, bounds, _, _ = candidates(self.slope, alone=True)
        later = np.arange(bounds.shape[2]) > self.derived.step[0]
        contrary = later & (4 * bounds <= np.abs(estimates - self.estimate))
        bounds = np.where(contrary, bounds, np.inf)[:, 0]
        order, step = np.unravel_index(int(np.argmin(bounds)), bounds.shape)
        if not np.isfinite(bounds[order, step]):
            return 0.0
        other = float(estimates[order, 0, step])
        steps = self.slope.step[0, : step + 1]
        central = self.slope.central[0, : step + 1]
        cubic = other + (central[-1] - other) * (steps / steps[-1]) ** 2
        departure = float(np.max(np.abs(central - cubic) * steps))
        return 2 * departure if departure <= self.case.amplitude else 0.0

    def outcome(self) -> Outcome:
        """Sum up."""
        derived, case = self.derived, self.case
        moved = np.abs(np.concatenate([self.ladder.above[0], self.ladder.below[0]]) - case.base)
        verdict = str(self.judged.verdict[0])
        reason: Reason = ""
        if verdict == UNKNOWN:
            reason = "staircase" if self.stairs else self.reason()
        return Outcome(
            estimate=self.estimate,
            bound=float(derived.bound[0]),
            resolution=float(self.judged.resolution[0]),
            verdict=verdict,  # type: ignore[arg-type]
            reason=reason,
            slopes=(float(derived.left[0]), float(derived.right[0])),
            sigma=float(derived.sigma[0]),
            stairs=self.stairs or bool(derived.stairs[0]),
            change=float(np.max(moved, initial=0.0, where=np.isfinite(moved))),
        )

    def reason(self) -> Reason:
        """Name what keeps the bound wide."""
        derived = self.derived
        named = reasons(
            derived.bound,
            derived.noise,
            derived.truncation,
            derived.kink,
            derived.stairs,
            np.array([self.case.steady]),
        )
        return str(named[0])  # type: ignore[return-value]
