"""Looking further: other steps, and more points, where a ladder leaves a claim open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradkit.gradcheck.climb import TINY, climb, join
from gradkit.gradcheck.examination import Examination
from gradkit.gradcheck.fit import best_fit
from gradkit.gradcheck.judge import AGREE
from gradkit.gradcheck.slopes import RATIO

STRAIGHT = 0.05
"""The part of the gap to the claim by which f may bend and still count as straight."""

FURTHER = 4
"""The most steps that are added to a ladder before an accusation."""


def look_further(at: Examination) -> None:
    """Extend the ladder where it is too short, and fit a polynomial where noise blurs it."""
    if at.unknown:
        reach_down(at)
    if at.short:
        return
    if at.unknown or at.blurred:
        reach_up(at)
    if at.unknown or at.blurred:
        sharpen(at)
    if at.accusing:
        reach_out(at)


def reach_down(at: Examination) -> None:
    """Add shorter steps where the best of them was still too long."""
    bounded = np.isfinite(at.derived.bound[0])
    first, smallest = float(at.slope.step[0, 0]), at.line.smallest
    if (at.derived.step[0] > 1 and bounded) or first <= 4 * smallest:
        return
    lower = first * RATIO ** np.arange(-8.0, 0.0)
    lower = lower[lower > max(smallest, TINY)]
    if len(lower):
        at.decide(join(climb(at.line, at.case, lower), at.ladder))


def reach_up(at: Examination) -> None:
    """Add longer steps where the noise hides the slope from all others."""
    if at.derived.step[0] < len(at.slope.step[0]) - 5:
        return
    higher = at.slope.step[0, -1] * RATIO ** np.arange(1.0, 6.0)
    higher = higher[higher <= at.case.reach / max(abs(at.estimate), TINY)]
    if len(higher):
        at.decide(join(at.ladder, climb(at.line, at.case, higher)))


def reach_out(at: Examination) -> None:
    """Add longer steps, before an accusation, until f is seen to be anything but straight.

    The flat of a wide stair is straight too; what lies beyond it has to be heard.
    """
    for _ in range(FURTHER):
        away = abs(float(at.slope.central[0, -1]) - at.estimate)
        if not away <= STRAIGHT * at.gap:
            return
        higher = at.slope.step[0, -1:] * RATIO
        at.decide(join(at.ladder, climb(at.line, at.case, higher)))


def sharpen(at: Examination) -> None:
    """Fit a polynomial to many points where noise blurs the ladder.

    A fit has to keep to the ladder. It may support the claim or not, but is no proof against.
    """
    wanted = (0.8 * at.case.allowed if at.unknown else at.case.wanted) / 2
    best = best_fit(at.line, at.case, at.derived, at.step, wanted)
    if best is None:
        return
    derived = replace(
        at.derived,
        estimate=np.array([best.slope]),
        bound=np.array([best.bound]),
        noise=np.array([best.noise]),
        truncation=np.array([best.truncation]),
        kink=np.array([best.kink]),
    )
    judged = at.weigh(derived)
    if AGREE in (judged.verdict[0], at.judged.verdict[0]):
        at.derived, at.judged = derived, judged
        if not at.agreeing:
            at.withdraw()
