"""Write Gradescope's ``results.json``: a test for each check, in plain text.

The format is Gradescope's "Autograder Specifications". Gradescope knows dates, so each test
has the visibility of its check. Only texts of visible checks that would reveal a hidden check's
findings are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.report import plain_text
from gradkit.report.data import apply_visibility

LIMIT = 4 << 20
"""Largest number of bytes of the file. Gradescope states no limit."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write the file for the one submission that Gradescope asks about."""
    (result,) = results
    return plain_text.fit_tests(_data(result, hints), "output", LIMIT, plain_text.dump)


def refusal(sentences: Sequence[str]) -> str:
    """Write the file if nothing could be graded: no points, and the reasons."""
    return plain_text.dump(
        {**_frame("\n".join(map(plain_text.refusal_text, sentences))), "score": 0, "tests": []}
    )


def _frame(output: str) -> dict[str, Any]:
    """Return the fields that all results for Gradescope have.

    ``output`` is the text about the whole submission.
    """
    return {
        "output": output,
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
    }


def _data(result: Result, hints: int) -> dict[str, Any]:
    """Return the data of a result that Gradescope reads.

    ``hints`` is the hint level: how much of a finding is shown. A check that is not visible to
    students keeps its texts, as Gradescope itself hides its test. The title with the total is left
    out then.
    """
    kept = apply_visibility(result)
    tests = []
    for number, (whole, part) in enumerate(zip(result.tasks, kept.tasks, strict=True), 1):
        for index, check in enumerate(whole.checks):
            word = result.visibility.get(check.check, "visible")
            task = part if word == "visible" else whole
            test = _test(task, task.checks[index], hints)
            tests.append({**test, "number": f"{number}.{index + 1}", "visibility": word})
    # This text is always shown, and Gradescope itself shows no total while a test is unseen.
    seen = all(test["visibility"] == "visible" for test in tests)
    title = f"{plain_text.title_text(result)}\n" if seen else ""
    return {
        **_frame(plain_text.shorten(title + plain_text.head_text(result), plain_text.ROOM)),
        "score": round(sum(task.score for task in result.tasks), 2),
        "tests": tests,
        # To repeat the grading. Gradescope passes these data to later runs only.
        "extra_data": {
            "seed": result.seed,
            "tier": result.tier,
            "versions": dict(result.versions),
            "digests": dict(result.digests),
        },
    }


def _test(task: TaskResult, check: CheckResult, hints: int) -> dict[str, Any]:
    """Return the data of one check as a test of Gradescope; a check without points has no score.

    ``task`` is the task with the check, and ``hints`` the hint level.
    """
    state = "" if check.state == "pass" else f"{check.state}\n"
    test = {
        "name": f"{task.title}: {check.check}",
        "status": "failed" if state else "passed",
        "output": state + plain_text.check_text(task, check, hints),
    }
    # Without points Gradescope shows the test as information.
    worth = {"score": check.score, "max_score": check.max_score} if check.max_score else {}
    return {**test, **worth}
