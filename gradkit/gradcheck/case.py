"""One claim to examine, and what the examination found."""

from __future__ import annotations

from dataclasses import dataclass

from gradkit.gradcheck.records import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """One claim to examine: all numbers are for one line.

    ``hint`` is what a first step saw of the slope, ``largest`` the largest claim that belongs
    beside this one, and ``scale`` the largest step that makes sense, times four. ``error`` and
    ``allowed`` are as in `gradkit.gradcheck.judge.judge`, ``wanted`` is a resolution that is worth
    further evaluations, ``reach`` is a change of f that is
    large, ``amplitude`` one too small to be anything but noise.
    """

    base: float
    claimed: float
    hint: float
    largest: float
    scale: float
    sigma: float
    error: float
    allowed: float
    wanted: float
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
