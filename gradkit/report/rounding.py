"""Points of checks that add up to their task's: platforms show both, and add for themselves.

A task's total is rounded once, the scores of its checks are not. Here each is rounded too, to
a part of a point that total and maxima are multiples of, a quarter at most. What then is
missing from the total goes to checks that earned a part of their points; those that earned
all or nothing, and those whose points a person has set, keep what they have as long as others
have room.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradkit.records.result import CheckResult, Result, TaskResult

CENT = 100
"""Parts of a point that are told apart: two decimals, as everywhere."""

QUARTER = 25
"""The largest part that a check's points are rounded to, in hundredths."""


def round_points(task: TaskResult) -> tuple[int, ...]:
    """Points of each check in hundredths, which add up to the task's score.

    Parameters
    ----------
    task : TaskResult

    Returns
    -------
    tuple of int
        One for each check, in order. Their sum is ``task.score``, rounded to hundredths.
    """
    total = round(task.score * CENT)
    most = [round(check.max_score * CENT) for check in task.checks]
    common = math.gcd(total, *most)
    grain = next(part for part in range(QUARTER, 0, -1) if common % part == 0)
    shares = [round(check.score * CENT / grain) * grain for check in task.checks]
    rest = total - sum(shares)
    for index in _order(task.checks):
        part = min(max(rest, -shares[index]), most[index] - shares[index])
        shares[index] += part
        rest -= part
    if shares:
        # A step that is coarser than the points themselves can round above them.
        shares[-1] += rest
    return tuple(shares)


def _order(checks: tuple[CheckResult, ...]) -> list[int]:
    """Checks by who gives first: those marked with a part of their points, the largest ahead."""

    def rank(index: int) -> tuple[bool, bool, float]:
        check = checks[index]
        partly = 0 < check.score < check.max_score
        return not partly, check.decision is not None, -check.max_score

    return sorted(range(len(checks)), key=rank)


def shared_points(result: Result) -> Iterator[tuple[TaskResult, CheckResult, int]]:
    """Give each check of a result with its task, and its points in hundredths."""
    for task in result.tasks:
        for check, cents in zip(task.checks, round_points(task), strict=True):
            yield task, check, cents


def points(value: float) -> str:
    """At most two decimals: ``4``, ``4.5``, ``4.33``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def score_text(score: float | None, most: float | None) -> str:
    """Points of how many, ``17.25 / 20``; a dash where there are none to tell."""
    return "–" if score is None or most is None else f"{points(score)} / {points(most)}"
