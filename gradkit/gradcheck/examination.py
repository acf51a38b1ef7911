"""One claim under examination: a ladder that grows, and what it says so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradkit.gradcheck.allowance import reasons
from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.climb import climb, grid
from gradkit.gradcheck.judge import AGREE, DISAGREE, UNKNOWN, Judged, judge
from gradkit.gradcheck.ladder import Derived, derive
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.records import Reason
from gradkit.gradcheck.slopes import Ladder, Slopes, slopes


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

    def withdraw(self) -> None:
        """Leave the claim open."""
        self.judged = replace(self.judged, verdict=np.array([UNKNOWN]), withheld=np.array([False]))

    @property
    def accusing(self) -> bool:
        """Whether the claim is wrong as things stand."""
        return bool(self.judged.verdict[0] == DISAGREE or self.judged.withheld[0])

    @property
    def agreeing(self) -> bool:
        """Whether the claim is right as things stand."""
        return bool(self.judged.verdict[0] == AGREE)

    @property
    def unknown(self) -> bool:
        """Whether the ladder leaves the claim open."""
        return bool(self.judged.verdict[0] == UNKNOWN and not self.judged.withheld[0])

    @property
    def blurred(self) -> bool:
        """Whether a claim was accepted by a bound so wide that another look is worth while."""
        coarse = self.judged.resolution[0] > self.case.wanted
        return bool(coarse and self.agreeing)

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
