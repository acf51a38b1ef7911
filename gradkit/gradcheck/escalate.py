"""The full examination of one line: a ladder, and no accusation without a second look."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradkit.gradcheck.allowance import reasons
from gradkit.gradcheck.judge import DISAGREE, UNKNOWN, Judged, judge
from gradkit.gradcheck.ladder import RATIO, Derived, Ladder, Slopes, derive, local_noise, slopes
from gradkit.gradcheck.leap import find_leap
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import FLOAT64, Floats, table_noise
from gradkit.gradcheck.preflight import LOST
from gradkit.gradcheck.records import Reason, Verdict

MOST_STEPS = 18
LEAST_STEPS = 10

SLIGHT = 0.02
"""Part of the slope that stairs can hide without their jumps being found."""


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to examine: all numbers are for one line.

    ``hint`` is what a first step saw of the slope and ``scale`` the largest step that makes
    sense, times four. ``error`` and ``allowed`` are as in `gradkit.gradcheck.judge.judge`,
    ``reach`` is a change of f that is large, ``amplitude`` one too small to be anything but noise.
    """

    base: float
    claimed: float
    hint: float
    scale: float
    sigma: float
    error: float
    allowed: float
    reach: float
    amplitude: float
    rough: bool
    steady: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the examination found.

    ``resolution`` is absolute; ``change`` is the largest change of f that was seen.
    """

    estimate: float
    bound: float
    resolution: float
    verdict: Verdict
    reason: Reason
    slopes: tuple[float, float]
    sigma: float
    stairs: bool
    change: float


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


def _decide(case: Case, ladder: Ladder) -> tuple[Derived, Slopes, Judged]:
    """Judge one claim by its ladder."""
    derived = derive(ladder)
    slope = slopes(replace(ladder, sigma=derived.sigma))
    one = np.array([case.claimed])
    judged = judge(
        one, derived, slope, np.array([case.error]), np.array([case.allowed]), rough=case.rough
    )
    return derived, slope, judged


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
        return _escalate(line, case, short)


def _escalate(line: Line, case: Case, short: bool) -> Outcome:
    steps = grid(case, line.smallest)
    if short:
        steps = steps[1:9]
    ladder = climb(line, case, steps)
    derived, slope, judged = _decide(case, ladder)

    cramped = judged.verdict[0] == UNKNOWN and not judged.withheld[0]
    cramped = cramped and (derived.step[0] <= 1 or not np.isfinite(derived.bound[0]))
    if cramped and steps[0] > 4 * line.smallest:
        lower = steps[0] * RATIO ** np.arange(-8.0, 0.0)
        lower = lower[lower > max(line.smallest, np.finfo(float).tiny)]
        if len(lower):
            ladder = _join(climb(line, case, lower), ladder)
            derived, slope, judged = _decide(case, ladder)

    last = len(slope.step[0]) - 4
    if judged.verdict[0] == UNKNOWN and not short and derived.step[0] >= last - 1:
        higher = slope.step[0, -1] * RATIO ** np.arange(1.0, 6.0)
        higher = higher[higher <= case.reach / max(abs(float(derived.estimate[0])), 1e-300)]
        if len(higher):
            ladder = _join(ladder, climb(line, case, higher))
            derived, slope, judged = _decide(case, ladder)

    if judged.verdict[0] == DISAGREE or judged.withheld[0]:
        rough = _fresh_noise(line, case, float(slope.step[0, derived.step[0]]) / 16)
        if rough > derived.sigma[0]:
            ladder = replace(ladder, sigma=np.array([rough]))
            derived, slope, judged = _decide(case, ladder)
    size = max(abs(float(derived.estimate[0])), abs(case.claimed))
    slight = abs(float(derived.estimate[0]) - case.claimed) < SLIGHT * size
    lost = case.sigma > LOST * FLOAT64 * abs(case.base)
    quiet = local_noise(slopes(ladder))[0] < case.sigma / 4
    if judged.verdict[0] == DISAGREE and slight and lost and quiet:
        # f has lost precision, but not on the smallest steps: it may move in long stairs.
        rough = _fresh_noise(line, case, 2 * float(slope.step[0, derived.step[0]]), degree=7)
        if rough > derived.sigma[0]:
            ladder = replace(ladder, sigma=np.array([rough]))
            derived, slope, judged = _decide(case, ladder)
    stairs = False
    doubtful = judged.verdict[0] == DISAGREE or judged.withheld[0] or np.isnan(case.claimed)
    if doubtful and not short:
        leap = find_leap(line, ladder, derived, slope, case.claimed, bool(judged.withheld[0]))
        if leap > 0:
            stairs = True
            ladder = replace(ladder, sigma=np.maximum(derived.sigma, leap))
            derived, slope, judged = _decide(case, ladder)
        elif judged.withheld[0]:
            derived, judged = _reconsider(case, ladder, derived, slope, judged)
    return _outcome(case, ladder, derived, judged, "staircase" if stairs else None)


def _outcome(
    case: Case, ladder: Ladder, derived: Derived, judged: Judged, reason: Reason | None
) -> Outcome:
    moved = np.abs(np.concatenate([ladder.above[0], ladder.below[0]]) - case.base)
    verdict = str(judged.verdict[0])
    named = reasons(
        derived.bound,
        derived.noise,
        derived.truncation,
        derived.kink,
        derived.stairs,
        np.array([case.steady]),
    )[0]
    return Outcome(
        estimate=float(derived.estimate[0]),
        bound=float(derived.bound[0]),
        resolution=float(judged.resolution[0]),
        verdict=verdict,  # type: ignore[arg-type]
        reason="" if verdict != UNKNOWN else reason or str(named),  # type: ignore[arg-type]
        slopes=(float(derived.left[0]), float(derived.right[0])),
        sigma=float(derived.sigma[0]),
        stairs=bool(derived.stairs[0]),
        change=float(np.max(moved, initial=0.0, where=np.isfinite(moved))),
    )


def _fresh_noise(line: Line, case: Case, spacing: float, degree: int = 4) -> float:
    """Measure the noise anew, along this line and at the length the estimate rests on.

    A higher degree takes more points, and lets them lie further apart.
    """
    reach = (1, 3, 4) if degree == 4 else (1, 3, 4, 6, 7)
    distance = np.array(reach, dtype=np.float64) * max(spacing, line.smallest)
    above, below, _, _ = line.pairs(distance)
    values = np.concatenate([below[::-1], [case.base], above])
    points = (*(-far for far in reversed(reach)), 0, *reach)
    noise = 3 * float(table_noise(values, degree, points))
    return noise if np.isfinite(noise) else 0.0


def _reconsider(
    case: Case, ladder: Ladder, derived: Derived, slope: Slopes, judged: Judged
) -> tuple[Derived, Judged]:
    """Decide on a claim that small steps contradict but larger steps support, without a jump.

    Where f departs from the claim's straight line by no more than noise could, it is noise, if
    a regular one, and is treated as that. A smooth or kinked f that bends towards the claim is
    no excuse.
    """
    run = slope.step[0]
    drift = np.fmax(
        np.abs(ladder.above[0] - case.base - case.claimed * run),
        np.abs(ladder.below[0] - case.base + case.claimed * run),
    )
    first = int(derived.step[0])
    excess = np.abs(slope.central[0] - case.claimed)
    gap = abs(float(derived.estimate[0]) - case.claimed)
    later = np.flatnonzero((excess <= gap / 4) & (np.arange(len(run)) > first))
    departure = float(np.nanmax(drift[: int(later[0])], initial=0.0)) if len(later) else np.inf
    if departure <= case.amplitude:
        derived, _, judged = _decide(case, replace(ladder, sigma=np.array([2 * departure])))
        if judged.verdict[0] == DISAGREE:
            judged = replace(judged, verdict=np.array([UNKNOWN]))
        return derived, judged
    if not judged.disputed[0] or gap > SLIGHT * abs(float(derived.estimate[0])):
        judged = replace(judged, verdict=np.array([DISAGREE]))
    return derived, judged
