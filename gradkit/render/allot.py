"""Points of checks that add up to their task's: platforms show both, and add for themselves.

A task's total is rounded once, the scores of its checks are not. Here the difference, at most
half a step, goes to checks that earned a part of their points; those that earned all or
nothing keep what they have as long as others have room.
"""

from __future__ import annotations

from gradkit.records.result import CheckResult, TaskResult

CENT = 100
"""Parts of a point that are told apart: two decimals, as everywhere."""


def allot(task: TaskResult) -> tuple[int, ...]:
    """Points of each check in hundredths, which add up to the task's score.

    Parameters
    ----------
    task : TaskResult

    Returns
    -------
    tuple of int
        One for each check, in order. Their sum is ``task.score``, rounded to hundredths.
    """
    shares = [round(check.score * CENT) for check in task.checks]
    rest = round(task.score * CENT) - sum(shares)
    for index in _order(task.checks):
        most = round(task.checks[index].max_score * CENT) - shares[index]
        part = min(max(rest, -shares[index]), most)
        shares[index] += part
        rest -= part
    if shares:
        # A step that is coarser than the points themselves can round above them.
        shares[-1] += rest
    return tuple(shares)


def _order(checks: tuple[CheckResult, ...]) -> list[int]:
    """Checks by who gives first: those with a part of their points, the largest ahead."""

    def rank(index: int) -> tuple[bool, float]:
        check = checks[index]
        return not 0 < check.score < check.max_score, -check.max_score

    return sorted(range(len(checks)), key=rank)
