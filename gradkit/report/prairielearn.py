"""PrairieLearn's ``results.json`` of external grading: a score from 0 to 1, a test for each check.

The format is that of PrairieLearn's "External grading" page. It knows no dates: what a student
may not see yet is withheld before it comes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report import plain_text
from gradkit.report.words import state_of, word

LIMIT = 1_000_000
"""Bytes of the file that PrairieLearn takes."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """The file for the one submission that PrairieLearn asks about."""
    (result,) = results
    return plain_text.fit_tests(_data(result, hints), "message", LIMIT, plain_text.dump)


def refusal(sentences: Sequence[str]) -> str:
    """The file where nothing could be graded: it costs the student no attempt."""
    return plain_text.dump(
        {
            "succeeded": True,
            "gradable": False,
            "format_errors": [plain_text.refusal_text(each) for each in sentences],
        }
    )


def _data(result: Result, hints: int) -> dict[str, Any]:
    earned = sum(task.score for task in result.tasks)
    # A coarse step can round above the points that there are; PrairieLearn takes no more than 1.
    score = min(earned / result.max_score, 1.0) if result.max_score else 0.0
    return {
        "succeeded": True,
        "gradable": True,
        "score": score,
        "message": plain_text.shorten(
            f"{plain_text.title_text(result)}\n{plain_text.head_text(result)}", plain_text.ROOM
        ),
        "tests": [_test(task, c, hints) for task in result.tasks for c in task.checks],
    }


def _test(task: TaskResult, check: CheckResult, hints: int) -> dict[str, Any]:
    # One test without points would hide the points of all.
    return {
        "name": f"{task.title}: {check.check}",
        "description": word(state_of(check)),
        "points": check.score,
        "max_points": check.max_score,
        "message": plain_text.check_text(task, check, hints),
    }
