"""Points as they are written: in hundredths, which add up to their task's score by then.

`gradkit.grading.mark` rounds a task's total and the points of its checks, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradkit.records.result import CENT, CheckResult, Result, TaskResult


def round_points(task: TaskResult) -> tuple[int, ...]:
    """Points of each check in hundredths."""
    return tuple(round(check.score * CENT) for check in task.checks)


def shared_points(result: Result) -> Iterator[tuple[TaskResult, CheckResult, int]]:
    """Give each check of a result with its task, and its points in hundredths."""
    for task in result.tasks:
        for check, cents in zip(task.checks, round_points(task), strict=True):
            yield task, check, cents


def points(value: float) -> str:
    """At most two decimals: ``4``, ``4.5``, ``4.33``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def signed(value: float) -> str:
    """The same with a sign: ``+2``, ``−1.5``."""
    return f"{'−' if value < 0 else '+'}{points(abs(value))}"


def score_text(score: float | None, most: float | None) -> str:
    """Points of how many, ``17.25 / 20``; a dash where there are none to tell."""
    return "–" if score is None or most is None else f"{points(score)} / {points(most)}"


def comparable(
    pairs: Iterable[tuple[float | None, float | None]],
) -> tuple[list[float], float, str]:
    """Scores that a mean may be made of, the most there can be, and the unit.

    Percent, where not everyone was given the same tasks. Who has no score is left out.
    """
    known = [(score, most) for score, most in pairs if score is not None and most is not None]
    largest = max((most for _, most in known), default=0.0)
    if all(most == largest for _, most in known):
        return [score for score, _ in known], largest, "points"
    return [100 * score / (most or 1) for score, most in known], 100.0, "percent"


def tenths(scores: Iterable[float], most: float) -> list[int]:
    """Count the scores in each tenth of the most there can be; all of it is in the last.

    Examples
    --------
    >>> tenths([0, 1.9, 2, 20], 20)
    [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    """
    found = [min(int(10 * score / (most or 1)), 9) for score in scores]
    return [found.count(n) for n in range(10)]
