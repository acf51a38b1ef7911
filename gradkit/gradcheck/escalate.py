"""The full examination of one line: a ladder, and no accusation without a second look."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradkit.gradcheck.allowance import reasons
from gradkit.gradcheck.judge import DISAGREE, UNKNOWN, Judged, judge
from gradkit.gradcheck.ladder import RATIO, Derived, Ladder, Slopes, derive, slopes
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import Floats, table_noise
from gradkit.gradcheck.records import Reason, Verdict

MOST_STEPS = 18
LEAST_STEPS = 10


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to examine: all numbers are for one line.

    ``hint`` is what a first step saw of the slope and ``scale`` the largest step that makes
    sense, times four. ``error`` and ``allowed`` are as in `gradkit.gradcheck.judge.judge`,
    ``amplitude`` is a change of f too small to be anything but noise.
    """

    base: float
    claimed: float
    hint: float
    scale: float
    sigma: float
    error: float
    allowed: float
    amplitude: float
    steady: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the examination found; ``resolution`` is absolute."""

    estimate: float
    bound: float
    resolution: float
    verdict: Verdict
    reason: Reason
    slopes: tuple[float, float]
    sigma: float
    stairs: bool


def grid(case: Case, smallest: float, most: int = MOST_STEPS) -> Floats:
    """Choose the steps: from where the noise is plain to see, up to a quarter of the scale."""
    top = case.scale / RATIO
    claimed = 0.0 if np.isnan(case.claimed) else abs(case.claimed)
    slope = max(abs(case.hint), 1e-3 * claimed, np.finfo(float).tiny)
    bottom = min(1e5 * case.sigma / slope, top / RATIO ** (LEAST_STEPS - 1))
    bottom = max(bottom, smallest, top / RATIO ** (most - 1), np.finfo(float).tiny)
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
    judged = judge(one, derived, slope, np.array([case.error]), np.array([case.allowed]))
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
    steps = grid(case, line.smallest, 7 if short else MOST_STEPS)
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

    if judged.verdict[0] == DISAGREE or judged.withheld[0]:
        rough = _fresh_noise(line, case, float(slope.step[0, derived.step[0]]))
        if rough > derived.sigma[0]:
            ladder = replace(ladder, sigma=np.array([rough]))
            derived, slope, judged = _decide(case, ladder)
    reason: Reason | None = None
    if judged.withheld[0]:
        derived, judged, reason = _reconsider(line, case, ladder, derived, slope, judged)
    return _outcome(case, derived, judged, reason)


def _outcome(case: Case, derived: Derived, judged: Judged, reason: Reason | None) -> Outcome:
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
    )


def _fresh_noise(line: Line, case: Case, step: float) -> float:
    """Measure the noise anew, along this line and at the length the estimate rests on."""
    spacing = max(step / 16, line.smallest)
    above, below, _, _ = line.pairs(spacing * np.arange(1.0, 4.0))
    noise = 3 * float(table_noise(np.concatenate([below[::-1], [case.base], above]), order=4))
    return noise if np.isfinite(noise) else 0.0


def _reconsider(
    line: Line, case: Case, ladder: Ladder, derived: Derived, slope: Slopes, judged: Judged
) -> tuple[Derived, Judged, Reason | None]:
    """Decide on a claim that small steps contradict but larger steps support.

    Where f departs from the claim's straight line by no more than noise could, it is noise, if
    a regular one, and is treated as that. Otherwise a staircase has to show a jump; a smooth or
    kinked f that bends towards the claim is no excuse.
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
        return derived, judged, "noise"
    if _jumps(line, case, ladder, derived, slope, gap):
        return derived, judged, "staircase"
    return derived, replace(judged, verdict=np.array([DISAGREE])), None


def _jumps(
    line: Line, case: Case, ladder: Ladder, derived: Derived, slope: Slopes, gap: float
) -> bool:
    """Whether f jumps where it first leaves its local straight line, found by bisection."""
    estimate, sigma = float(derived.estimate[0]), float(derived.sigma[0])

    def leaves(values: Floats, run: Floats, sign: float) -> Floats:
        drift = np.abs(values - case.base - sign * estimate * run)
        return np.asarray(drift > 10 * sigma + 0.1 * gap * run)

    for side, (values, sign) in enumerate(((ladder.above[0], 1.0), (ladder.below[0], -1.0))):
        run = (ladder.ahead if sign > 0 else ladder.behind)[0]
        outside = np.flatnonzero(leaves(values, run, sign))
        if not len(outside) or outside[0] == 0:
            continue
        near, far = run[outside[0] - 1], run[outside[0]]
        low, high = values[outside[0] - 1], values[outside[0]]
        while far - near > max(1e-7 * far, 4 * line.smallest):
            middle = (near + far) / 2
            value = line.pairs(np.array([middle]))[side][0]
            if leaves(np.array([value]), np.array([middle]), sign)[0]:
                far, high = middle, value
            else:
                near, low = middle, value
        if abs(high - low) > 10 * sigma + 0.05 * gap * far:
            return True
    return False
