"""One claim under examination along one line: a ladder that grows until the claim is decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradkit.gradcheck.error import CLEAR
from gradkit.gradcheck.ladder import RATIO, Ladder, Reading, differences, read
from gradkit.gradcheck.noise import DEVIATIONS, NEAR, SAME, Floats, Seen, table_noise
from gradkit.gradcheck.records import Reason, Verdict

MOST = 26
"""Steps of a ladder: these reach from a rounding of the parameter to all of it."""

HIGHEST = 0.25
"""The longest step of a ladder, in parts of the scale."""

BEYOND = 4.0
"""Before an accusation f is looked at on steps up to so many scales, for steps that keep to the
claim where shorter ones were deceived."""

SLIGHT = 0.02
"""An f that loses precision on the way may hide slopes of this part of the largest on a line that
shows nothing of its noise: terms that are nowhere but in jumps further away than any step."""

SMALL = 0.01
"""A noise is less than this part of what f changes over the steps that tell of it."""

HALF = 0.5
"""Longer steps may bear out a slope where one comes closer to it than half the way."""

HALVINGS = 12
"""A bend shrinks to a four-thousandth in so many."""

TREND = (2.0, 0.45, 0.1)
"""How far slopes over three steps in a row may be from a value to tend to it as noise over step
does: a quarter each time, with some room."""

QUIET = 1e-6
"""A noise that looks smooth near by is below this part of what the parameters do to f; otherwise it
is f itself that swings."""

AGREE: Verdict = "agree"
DISAGREE: Verdict = "disagree"
UNKNOWN: Verdict = "inconclusive"


class Line(Protocol):
    """A straight line through the point."""

    smallest: float

    def pairs(self, steps: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return f above and below the point, and the distances really moved."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to examine; all numbers are for one line.

    ``step`` is where to begin, ``scale`` a change that matters, ``error`` what a correct claim may
    be off by, ``allowed`` the coarsest resolution with which it may be accepted, ``largest`` the
    largest slope beside it, ``blur`` what slopes of f may be off by over any step,
    ``own`` the size of the parameter, beyond which f is another one,
    ``wanted`` a resolution that is worth further steps. With ``subgradient`` any slope at a kink
    will do.
    """

    claimed: float
    step: float
    scale: float
    error: float
    allowed: float
    largest: float
    blur: float = 0.0
    own: float = np.inf
    wanted: float = np.inf
    subgradient: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the examination found.

    ``resolution`` is absolute; ``noise`` is what longer steps tell of it, or 0.
    """

    estimate: float
    bound: float
    resolution: float
    verdict: Verdict
    reason: Reason
    slopes: tuple[float, float]
    noise: float = 0.0


class Examination:
    """A ladder that grows, and what it says so far."""

    def __init__(self, line: Line, case: Case, seen: Seen, tried: Floats | None = None) -> None:
        self.line = line
        self.case = case
        self.seen = seen
        self.noise = seen.noise
        self.heard = 0.0
        self.rows: Floats = np.zeros((5, 0))  # steps, above, below, ahead, behind
        if tried is not None and np.all(np.isfinite(tried)):
            self.rows = tried
        self.top = HIGHEST * case.scale

    def add(self, *steps: float) -> bool:
        """Evaluate f on further steps; return whether there were any."""
        low = max(self.line.smallest, 1e-300)
        known = self.rows[0]
        fresh = [
            step
            for step in steps
            if low <= step <= BEYOND * self.case.scale * (1 + 1e-9)
            and not np.any(np.abs(known - step) < 0.1 * step)
        ]
        if not fresh:
            return False
        new = np.array(fresh)
        rows = np.concatenate([self.rows, [new, *self.line.pairs(new)]], axis=1)
        self.rows = rows[:, np.argsort(rows[0], kind="stable")]
        return True

    def ladder(self, noise: float, top: float = np.inf) -> Ladder:
        """Return the steps up to the top as a ladder of one row."""
        _, above, below, ahead, behind = self.rows[:, self.rows[0] <= top * (1 + 1e-9)]
        return Ladder(
            base=np.array([self.seen.base]),
            above=above[None],
            below=below[None],
            ahead=ahead[None],
            behind=behind[None],
            noise=np.array([noise]),
            eps=self.seen.eps,
            blur=self.case.blur,
        )

    def reading(self, noise: float | None = None) -> Reading:
        """Read the steps within the scale."""
        return read(self.ladder(self.noise if noise is None else noise, self.top))

    def climb(self) -> Reading:
        """Grow the ladder until the claim is decided, or no step can add anything."""
        start = min(max(self.case.step, self.line.smallest), self.top)
        self.add(start, RATIO * start, RATIO**2 * start)
        while self.rows.shape[1] < MOST:
            reading = self.reading()
            verdict, resolution = self.judge(reading)
            if verdict == AGREE and resolution <= self.case.wanted:
                return reading
            steps = self.rows[0]
            within = steps[steps <= self.top * (1 + 1e-9)]
            last = len(within) - 1
            sides = (reading.central, reading.left, reading.right)
            down = any(int(s.step[0]) == 0 or not np.isfinite(s.bound[0]) for s in sides)
            rough = reading.central
            noisy = rough.noise[0] >= rough.truncation[0]
            up = any(int(s.reach[0]) >= last for s in sides) and (
                verdict != DISAGREE or bool(noisy and last < 4)
            )
            tall = up and RATIO * within[-1] <= self.top * (1 + 1e-9) and bool(len(within))
            if tall and self.add(RATIO * within[-1]):
                continue
            if not (down and self.add(steps[0] / RATIO)):
                break
        return self.reading()

    def judge(self, reading: Reading) -> tuple[Verdict, float]:
        """Hold the claim against a reading; return the verdict and the absolute resolution."""
        case = self.case
        estimate, bound = float(reading.estimate[0]), float(reading.bound[0])
        gap = abs(case.claimed - estimate)
        kinked = bool(reading.kinked[0])
        accepting = max(bound, float(reading.doubt[0]))
        resolution = 2 * accepting + case.error
        if not np.isfinite(bound):
            return UNKNOWN, np.inf
        if gap <= bound + case.error and resolution <= case.allowed:
            return AGREE, resolution
        if kinked:
            wide = max(float(reading.left.bound[0]), float(reading.right.bound[0]))
            outside = gap - bound > wide + case.error
            if case.subgradient and not outside:
                return AGREE, resolution
            return (DISAGREE if outside else UNKNOWN), resolution
        far = gap > 2 * (bound + case.error) and gap > CLEAR * abs(case.claimed)
        far &= gap * case.own > self.seen.noise
        for side in (reading.left, reading.right):
            off = abs(case.claimed - float(side.estimate[0]))
            far &= off > float(side.bound[0]) + case.error
        return (DISAGREE if far else UNKNOWN), resolution


def examine(
    line: Line,
    case: Case,
    seen: Seen,
    *,
    thorough: bool = True,
    short: bool = False,
    tried: Floats | None = None,
) -> Outcome:
    """Examine one claim; before it is called wrong, doubt what says so.

    Parameters
    ----------
    line : Line
    case : Case
    seen : Seen
    thorough : bool
        Whether to doubt an accusation: by measuring the noise again along this line, and by
        looking for longer steps that keep to the claim.
    short : bool
        Whether three steps will do where they refute the claim.
    tried : float64 array, (5, steps), optional
        Steps that have been tried: length, f above and below, distances moved.
    """
    at = Examination(line, case, seen, tried)
    verdict, resolution = UNKNOWN, np.inf
    if short:
        at.add(*(case.step * RATIO**k for k in range(3)))
        reading = at.reading()
        verdict, resolution = at.judge(reading)
    if verdict != DISAGREE:
        reading = at.climb()
        verdict, resolution = at.judge(reading)
    reason: Reason = ""
    if verdict == DISAGREE and thorough:
        _listen(at, reading)
        reading = at.reading()
        verdict, resolution = at.judge(reading)
    hidden = 0.0
    if verdict == DISAGREE:
        gap = abs(case.claimed - float(reading.estimate[0]))
        size = max(abs(case.claimed), abs(float(reading.estimate[0])), case.largest)
        hidden = _hidden(at, reading) if thorough else 0.0
        unheard = seen.lossy and SAME * at.heard < seen.noise
        if (unheard and gap < SLIGHT * size) or _kept_nearby(at) or hidden > 0:
            verdict, reason = UNKNOWN, "staircase"
    if verdict == UNKNOWN and not reason:
        reason = _why(at, reading)
    return Outcome(
        estimate=float(reading.estimate[0]),
        bound=float(reading.bound[0]),
        resolution=resolution,
        verdict=verdict,
        reason=reason,
        slopes=(float(reading.left.estimate[0]), float(reading.right.estimate[0])),
        noise=hidden,
    )


def _listen(at: Examination, reading: Reading) -> None:
    """Measure the noise anew along this line, on points nearer than the step that was used."""
    step = at.rows[0][int(reading.central.step[0])] / 16
    reach = (1, 3, 4)
    distance = np.array(reach, dtype=np.float64) * max(step, at.line.smallest)
    above, below, _, _ = at.line.pairs(distance)
    values = np.concatenate([below[::-1], [at.seen.base], above])
    points = (*(-far for far in reversed(reach)), 0, *reach)
    noise = DEVIATIONS * float(table_noise(values, 4, points))
    if np.isfinite(noise):
        at.heard = noise
        at.noise = max(at.noise, noise)


def _kept_nearby(at: Examination) -> bool:
    """Return whether short steps keep to the claim, where f does not tell near points apart."""
    if SAME * at.seen.fine >= at.noise:
        return False
    near = NEAR * at.case.scale
    at.add(*(near * RATIO**k for k in range(-2, 2)))
    short = at.ladder(at.seen.fine, near * RATIO)
    return short.above.shape[1] > 1 and at.judge(read(short))[0] != DISAGREE


def _hidden(at: Examination, reading: Reading) -> float:
    """Return the noise by which longer steps, which agree with each other, say that short ones err.

    A staircase, as a forward makes that loses precision, or a regular noise looks smooth at the
    length of a short step. Over longer ones the slopes on both sides tend to one value as noise
    over step. Curvature passes by: it grows fourfold or more from step to step; behind a kink
    the two sides do not agree. Zero where there is nothing of the kind.
    """
    step = at.case.scale
    used = float(at.rows[0][int(reading.central.reach[0])])
    probes = [BEYOND * step]
    while step > used * RATIO:
        probes.append(step)
        step /= RATIO**2
    at.add(*probes)
    local = float(reading.estimate[0])
    steps, slopes = at.rows[0], _both(at, np.inf)
    far = (steps > RATIO * used) & np.isfinite(slopes)
    change = float(np.max(np.abs(slopes * steps)[far], initial=0.0))
    goals = [(at.case.claimed, 0.0), *zip(slopes[far].tolist(), steps[far].tolist(), strict=True)]
    for value, own in goals:
        gap = abs(value - local)
        if not gap > 2 * float(reading.bound[0]):
            continue
        noise = _tends(at, value, gap, used, own)
        near = noise < QUIET * at.seen.reach or abs(at.case.claimed - value) <= HALF * gap
        if noise > 0 and (own == 0 or (near and noise < SMALL * change)):
            return noise
    return _leap(at, local)


def _leap(at: Examination, local: float) -> float:
    """Return the height of a jump of f on the way to a longer step that keeps to the claim, or 0.

    The last stairs of a forward that loses precision are so wide that one step alone meets them.
    The interval with the larger departure from the straight line is halved: at a jump the departure
    stays, at a kink or a bend it goes.
    """
    claimed, base = at.case.claimed, at.seen.base
    gap = abs(claimed - local)
    near = np.flatnonzero(np.abs(_both(at, gap) - claimed) <= 0.1 * gap)
    for step in at.rows[0][near].tolist():
        for side in (1, 0):

            def departs(away: float, side: int = side) -> float:
                found = at.line.pairs(np.array([away]))
                sign = 1.0 if side else -1.0
                return float(found[1 - side][0] - base - sign * local * found[3 - side][0])

            low, high, first, last = 0.0, step, 0.0, departs(step)
            whole = abs(last)
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                value = departs(middle)
                if abs(value - first) > abs(last - value):
                    high, last = middle, value
                else:
                    low, first = middle, value
            if whole > 0.5 * gap * step and abs(last - first) > 0.1 * whole:
                return whole
    return 0.0


def _both(at: Examination, apart: float) -> Floats:
    """Return the slope across each step."""
    with np.errstate(all="ignore"):
        return np.asarray(together(*differences(at.ladder(at.noise))[:3], apart)[0])


def together(left: Floats, right: Floats, central: Floats, apart: float | Floats) -> Floats:
    """Return the slope across each step, or on the one side where f is finite.

    NaN where the two sides are further apart.
    """
    slopes = np.where(np.isfinite(central), central, np.where(np.isfinite(left), left, right))
    jump = np.abs(right - left)
    return np.where(np.isfinite(jump) & (jump > apart), np.nan, slopes)


def _tends(at: Examination, value: float, gap: float, used: float, own: float) -> float:
    """Return the noise with which slopes over three longer steps tend to a value, or 0."""
    away = _away(at.rows[0], _both(at, gap), value, gap, used, own)
    close = at.rows[0][away <= HALF]
    if not len(close):
        return 0.0
    at.add(*(near * by for near in close.tolist() for by in (1 / RATIO, RATIO)))
    return trend(at.rows[0], _both(at, gap), value, gap, used, own)


def trend(
    steps: Floats, slopes: Floats, value: float, gap: float, used: float, own: float = 0.0
) -> float:
    """Return the noise with which slopes over three longer steps tend to a value, or 0.

    Parameters
    ----------
    steps, slopes : float64 array, (steps,)
        NaN where the two sides do not agree.
    value, gap : float
        The slope, and how far it is from what short steps say.
    used : float
        The longest of these.
    own : float
        The step over which the value is the slope, which does not count itself.
    """
    away = _away(steps, slopes, value, gap, used, own)
    for k in range(2, len(steps)):
        even = steps[k] / steps[k - 2] < 1.5 * RATIO**2
        if even and np.all(away[k - 2 : k + 1] <= TREND):
            return float(np.max(away[k - 2 : k + 1] * steps[k - 2 : k + 1])) * gap
    return 0.0


def _away(
    steps: Floats, slopes: Floats, value: float, gap: float, used: float, own: float
) -> Floats:
    """Return how far each longer slope is from a value, in parts of the gap."""
    far = (steps > used) & (steps != own) & np.isfinite(slopes)
    return np.where(far, np.abs(np.nan_to_num(slopes) - value) / gap, np.inf)


def _why(at: Examination, reading: Reading) -> Reason:
    """Name the largest part of what keeps a claim open."""
    if not np.isfinite(reading.bound[0]):
        return "non-finite" if at.seen.steady else "not deterministic"
    if reading.kinked[0]:
        return "kink"
    noise, bent = float(reading.noise[0]), float(reading.truncation[0])
    if bent > noise:
        return "curvature"
    return "noise" if at.seen.steady else "not deterministic"
