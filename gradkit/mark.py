"""Turn verdicts into points. No numerics here: shares, sums and one rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradkit.records.result import CheckResult, TaskResult
from gradkit.records.task import Task
from gradkit.records.verdict import State, Verdict

OPEN: tuple[State, ...] = ("inconclusive", "not-checked")
"""States that are neither right nor wrong: their points are left out."""


def mark(task: Task, verdicts: Sequence[Verdict], step: float, derived: bool) -> TaskResult:
    """Points for one task.

    Parameters
    ----------
    task : Task
    verdicts : sequence of Verdict
        One for each of the task's checks, in order.
    step : float
        The task's total is rounded to this, half up; single checks are not rounded.
    derived : bool
        Whether the expected values were derived rather than a model solution's.

    Returns
    -------
    TaskResult
    """
    checks = tuple(
        CheckResult(
            verdict.check,
            verdict.state,
            check.points * share(verdict),
            check.points,
            verdict.message,
            verdict.entries,
            verdict.place,
            verdict.notes,
        )
        for check, verdict in zip(task.checks, verdicts, strict=True)
    )
    checkable = sum(check.max_score for check in checks if check.state not in OPEN)
    total = sum(check.max_score for check in checks)
    return TaskResult(
        task.id,
        task.title,
        round_half_up(sum(check.score for check in checks), step),
        total,
        checkable,
        derived or checkable < total,
        checks,
    )


def share(verdict: Verdict) -> float:
    """The part of a check's points that was earned: the share of its entries that passed."""
    if verdict.state == "pass":
        return 1.0
    if verdict.state not in ("fail", "missing") or not verdict.entries:
        return 0.0
    passed = sum(entry.state == "pass" for entry in verdict.entries)
    return passed / len(verdict.entries)


def round_half_up(value: float, step: float) -> float:
    """``value`` to the nearest multiple of ``step``; 0.125 to 0.25 gives 0.25."""
    # The nudge keeps sums of decimal shares, such as 0.1 + 0.2, on the right side of a half.
    return math.floor(value / step + 0.5 + 1e-9) * step
