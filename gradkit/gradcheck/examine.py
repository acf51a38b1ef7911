"""One claim under examination along one line: a ladder that grows until the claim is decided."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gradkit.gradcheck.error import CLEAR, MATTERS
from gradkit.gradcheck.evaluate import Lines
from gradkit.gradcheck.ladder import RATIO, Ladder, Reading, Side, differences, read
from gradkit.gradcheck.noise import DEVIATIONS, NEAR, SAME, Floats, Seen, table_noise
from gradkit.gradcheck.records import Reason, Verdict

MOST = 26
"""Steps of a ladder: these reach from a rounding of the parameter to all of it."""

FIRM = 5
"""A ladder that refutes a claim has so many steps, if longer ones tell more: a judgement on fewer
is withdrawn when noise turns out to be larger."""

HIGHEST = 0.25
"""The longest step of a ladder, in parts of the scale."""

KINK = 0.01
"""A kink that changes a slope by less than this part, and that hides in the noise of both sides, is
no reason to doubt the slope."""

BEYOND = 1.0
"""Before an accusation f is looked at on steps up to so many scales, for those that keep to the
claim where shorter ones were deceived."""

SLIGHT = 0.02
"""An f that loses precision on the way may hide slopes of this part of the largest on a line that
shows nothing of its noise: terms that are nowhere but in jumps further away than any step."""

HALF = 0.5
"""Longer steps may bear out a claim where one comes closer to it than half the way."""

HALVINGS = 12
"""A bend shrinks to a four-thousandth in so many."""

TREND = (2.0, 0.45, 0.1)
"""How far slopes over three steps in a row may be from a claim to tend to it as noise over step
does: a quarter each time, with some room."""

AGREE: Verdict = "agree"
DISAGREE: Verdict = "disagree"
UNKNOWN: Verdict = "inconclusive"


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to examine; all numbers are for one line.

    ``step`` is where to begin, ``scale`` a change that matters, ``error`` what a correct claim may
    be off by, ``allowed`` the coarsest resolution with which it may be accepted, ``largest`` the
    largest slope beside it, ``blur`` what slopes of f may be off by over any step, ``own`` the size
    of the parameter, beyond which f is another one,
    ``wanted`` a resolution that is worth further steps, ``room`` how many times what is not known a
    claim has to be off to be wrong. With ``subgradient`` any slope at a kink will do.
    """

    claimed: float
    step: float
    scale: float
    error: float = 0.0
    allowed: float = 0.0
    largest: float = 0.0
    blur: float = 0.0
    own: float = np.inf
    wanted: float = np.inf
    room: float = field(default=2.0, kw_only=True)
    subgradient: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the examination found.

    The resolution is absolute; ``noise`` is what longer steps tell of it, or 0.
    """

    reading: Reading
    resolution: float
    verdict: Verdict
    reason: Reason
    noise: float = 0.0


class Examination:
    """A ladder that grows, and what it says so far."""

    def __init__(self, lines: Lines, row: int, case: Case, seen: Seen, tried: Floats) -> None:
        self.lines = lines
        self.row = row
        self.case = case
        self.seen = seen
        self.noise = seen.noise
        # Steps, f above and below, distances ahead and behind.
        self.rows = tried[:, None] if np.all(np.isfinite(tried)) else np.zeros((5, 0))
        self.top = HIGHEST * case.scale

    def pairs(self, steps: Floats) -> Floats:
        """Return f above and below the point, and the distances really moved."""
        return self.lines.pairs(np.full(len(steps), self.row), steps)

    def add(self, *steps: float) -> bool:
        """Evaluate f on further steps; return whether there were any."""
        low, high = float(self.lines.smallest[self.row]), BEYOND * self.case.scale * (1 + 1e-9)
        able = [step for step in steps if max(low, 1e-300) <= step <= high]
        fresh = [step for step in able if not np.any(np.abs(self.rows[0] - step) < 0.1 * step)]
        if not fresh:
            return False
        new = np.array(fresh)
        rows = np.concatenate([self.rows, [new, *self.pairs(new)]], axis=1)
        self.rows = rows[:, np.argsort(rows[0], kind="stable")]
        return True

    def ladder(self, noise: float, top: float) -> Ladder:
        """Return the steps up to the top as a ladder."""
        above, below, ahead, behind = self.rows[1:, self.rows[0] <= top * (1 + 1e-9)]
        seen, blur = self.seen, self.case.blur
        return Ladder(seen.base, above, below, ahead, behind, noise, seen.eps, blur)

    def climb(self) -> Reading:
        """Grow the ladder until the claim is decided, or no step can add anything."""
        start = min(max(self.case.step, float(self.lines.smallest[self.row])), self.top)
        self.add(start, RATIO * start, RATIO**2 * start)
        while True:
            reading = read(self.ladder(self.noise, self.top))
            verdict, resolution = self.judge(reading)
            if verdict == AGREE and resolution <= self.case.wanted:
                return reading
            if self.rows.shape[1] >= MOST:
                return reading
            steps = self.rows[0][self.rows[0] <= self.top * (1 + 1e-9)]
            sides = (reading.central, reading.left, reading.right)
            down = any(side.step == 0 or not np.isfinite(side.bound) for side in sides)
            up = any(side.reach >= len(steps) - 1 for side in sides)
            up = up and (verdict != DISAGREE or len(steps) < FIRM)
            tall = up and len(steps) and RATIO * steps[-1] <= self.top * (1 + 1e-9)
            if tall and self.add(RATIO * steps[-1]):
                continue
            if not (down and self.add(self.rows[0, 0] / RATIO)):
                return reading

    def judge(self, reading: Reading) -> tuple[Verdict, float]:
        """Hold the claim against a reading; return the verdict and the absolute resolution."""
        case, bound = self.case, reading.bound
        gap = abs(case.claimed - reading.estimate)
        resolution = 2 * bound + case.error
        slight = KINK * max(abs(case.claimed), MATTERS * case.largest)
        known = 2 * bound <= case.allowed and reading.doubt <= case.allowed + slight
        if known and gap <= bound + case.error:
            return AGREE, resolution
        if reading.kinked:
            wide = max(reading.left.bound, reading.right.bound) + case.error
            outside = gap > bound + wide
            if case.subgradient and not outside:
                return AGREE, 2 * wide
            return (DISAGREE if outside else UNKNOWN), resolution
        far = gap > case.room * (bound + case.error) and gap > CLEAR * abs(case.claimed)
        far = far and gap * case.own > self.seen.noise
        far = far and _outside(case, reading.left) and _outside(case, reading.right)
        return (DISAGREE if far else UNKNOWN), resolution

    def why(self, reading: Reading) -> Reason:
        """Name the largest part of what keeps a claim open."""
        if not np.isfinite(reading.bound):
            return "non-finite" if self.seen.steady else "not deterministic"
        if reading.kinked:
            return "kink"
        if reading.best.truncation > reading.best.noise:
            return "curvature"
        return "noise" if self.seen.steady else "not deterministic"


def examine(
    lines: Lines, row: int, case: Case, seen: Seen, tried: Floats, thorough: bool = True
) -> Outcome:
    """Examine one claim; before it is called wrong, doubt what says so.

    Parameters
    ----------
    lines : Lines
    row : int
        The line among them.
    case : Case
    seen : Seen
    tried : float64 array, (5,)
        A step that has been tried: length, f above and below, distances moved; or NaN.
    thorough : bool
        Whether to doubt an accusation by looking for steps that keep to the claim.
    """
    at = Examination(lines, row, case, seen, tried)
    reading = at.climb()
    verdict, resolution = at.judge(reading)
    if verdict == DISAGREE:
        heard = _listen(at, reading) if thorough else 0.0
        at.noise = max(at.noise, heard)
        reading = read(at.ladder(at.noise, at.top))
        verdict, resolution = at.judge(reading)
        gap = abs(case.claimed - reading.estimate)
        size = max(abs(case.claimed), abs(reading.estimate), case.largest)
        unheard = seen.lossy and SAME * heard < seen.noise and gap < SLIGHT * size
        kept, noise = unheard or _kept_nearby(at), 0.0
        if verdict == DISAGREE and thorough and not kept:
            kept, noise = _kept_further(at, reading)
        if verdict == DISAGREE and kept:
            # Either slope may be the right one.
            wide = replace(reading, bound=reading.bound + gap)
            return Outcome(wide, gap, UNKNOWN, "staircase", noise)
    return Outcome(reading, resolution, verdict, at.why(reading) if verdict == UNKNOWN else "")


def _outside(case: Case, side: Side) -> bool:
    """Return whether one side excludes the claim: the other may have passed a kink."""
    return abs(case.claimed - side.estimate) > side.bound + case.error


def _listen(at: Examination, reading: Reading) -> float:
    """Measure the noise anew along this line, on points nearer than the step that was used."""
    step = max(at.rows[0, reading.central.step] / 16, float(at.lines.smallest[at.row]))
    reach = np.array([1.0, 3.0, 4.0])
    above, below, _, _ = at.pairs(reach * step)
    values = np.concatenate([below[::-1], [at.seen.base], above])
    return DEVIATIONS * float(np.nan_to_num(table_noise(values, 4, (-4, -3, -1, 0, 1, 3, 4))))


def _kept_nearby(at: Examination) -> bool:
    """Return whether short steps keep to the claim, where f does not tell near points apart."""
    if SAME * at.seen.fine >= at.noise:
        return False
    near = NEAR * at.case.scale
    at.add(*(near * RATIO**k for k in range(-2, 2)))
    short = at.ladder(at.seen.fine, near * RATIO)
    return len(short.above) > 1 and at.judge(read(short))[0] != DISAGREE


def _kept_further(at: Examination, reading: Reading) -> tuple[bool, float]:
    """Return whether slopes over longer steps tend to the claim, with what noise, or by one jump.

    A staircase, as a forward makes that loses precision, or a regular noise looks smooth at the
    length of a short step. Over longer ones the slopes on both sides tend to the claim as noise
    over step. Curvature passes by: it grows fourfold or more from step to step. Behind a kink the
    two sides do not agree, by as much on any step.
    """
    claimed, gap = at.case.claimed, abs(at.case.claimed - reading.estimate)
    used = float(at.rows[0, reading.central.reach])
    probes = BEYOND * at.case.scale / RATIO ** np.arange(0.0, 2 * MOST, 2)
    at.add(*probes[probes > RATIO * used].tolist())

    def away() -> Floats:
        left, right, central, _ = differences(at.ladder(at.noise, np.inf))
        one = np.where(np.isfinite(left), left, right)
        slopes = np.where(np.isfinite(central), central, one)
        jump, steps = np.abs(right - left), at.rows[0]
        longer = np.append(jump[1:] / jump[:-1] > np.sqrt(steps[1:] / steps[:-1]), False)
        kinked = np.isfinite(jump) & (jump > gap) & ~longer
        far = (steps > used) & np.isfinite(slopes) & ~kinked
        return np.where(far, np.abs(slopes - claimed) / gap, np.inf)

    for near in at.rows[0, away() <= HALF].tolist():
        at.add(near / RATIO, near * RATIO)
    steps, apart = at.rows[0], away()
    for k in range(2, len(steps)):
        if steps[k] < 1.5 * RATIO**2 * steps[k - 2] and np.all(apart[k - 2 : k + 1] <= TREND):
            return True, float(np.max((apart * steps)[k - 2 : k + 1])) * gap
    close = steps[apart <= 0.1].tolist()
    return any(_jumps(at, reading.estimate, gap, step) for step in close), 0.0


def _jumps(at: Examination, slope: float, gap: float, far: float) -> bool:
    """Return whether f leaves the straight line of a slope by a jump on the way to a step.

    The last stairs of a forward that loses precision are so wide that one step alone meets them.
    The interval with the larger departure from the straight line is halved: at a jump the departure
    stays, at a kink or a bend it goes.
    """

    def departs(away: float) -> float:
        above, below, ahead, behind = at.pairs(np.array([abs(away)]))[:, 0].tolist()
        value, moved = (above, ahead) if away > 0 else (below, -behind)
        return float(value - at.seen.base - slope * moved)

    for end in (far, -far):
        low, high, first, last = 0.0, end, 0.0, departs(end)
        whole = abs(last)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            value = departs(middle)
            if abs(value - first) > abs(last - value):
                high, last = middle, value
            else:
                low, first = middle, value
        if whole > HALF * gap * far and abs(last - first) > 0.1 * whole:
            return True
    return False
