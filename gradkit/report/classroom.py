"""Write GitHub Classroom's output of a step: ``result=`` and Base64 of JSON.

Its reporter shows passes / tests × maximum, and sends the sum of the tests' scores. To make both
equal to the score, a check is written as several tests of equal points: 9.25 of 12 points are 48
tests of a quarter of a point, of which 37 pass.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradkit.records.result import CENT, OPEN, CheckResult, Result, TaskResult
from gradkit.report.plain_text import check_text, dump, fit_tests, refusal_text
from gradkit.text import format_text

LIMIT = 128_000
"""Largest number of bytes of the line, an environment variable, of which Linux takes 128 KiB."""

TESTS = 400
"""Largest number of tests. If more would be needed, the points in the printed table are rounded."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Return the output for the one submission of a repository."""
    (result,) = results
    return fit_tests(_data(result, hints), "message", LIMIT, _line)


def refusal(sentences: Sequence[str]) -> str:
    """Return the output if nothing could be graded."""
    test = _test("read the submission", "error", 0.0, "\n".join(map(refusal_text, sentences)))
    return _line({"version": 1, "status": "error", "max_score": 0, "tests": [test]})


def _line(data: Mapping[str, Any]) -> str:
    return f"result={b64encode(dump(data).encode()).decode()}\n"


def _data(result: Result, hints: int) -> dict[str, Any]:
    """Return the data of a result that GitHub Classroom's reporter reads.

    ``hints`` is the hint level: how much of a finding is shown. There is always at least one test;
    without points to earn, it is an empty one that passes.
    """
    unit = _unit(result)
    tests = [t for task in result.tasks for c in task.checks for t in _tests(task, c, unit, hints)]
    return {
        "version": 1,
        "status": _status(result),
        "max_score": result.max_score,
        # The reporter divides by the number of tests, so there must be one.
        "tests": tests or [_test("nothing to earn", "pass", 0.0, None)],
    }


def _status(result: Result) -> str:
    """Return the status of the whole step: ``pass`` if all checks passed, otherwise ``fail``.

    It is ``error`` if every check that did not pass is open, that is, could not be judged.
    """
    states = {check.state for task in result.tasks for check in task.checks} - {"pass"}
    if not states:
        return "pass"
    return "error" if states <= set(OPEN) else "fail"


def _unit(result: Result) -> float:
    """Return the points of one test, in hundredths.

    It is the greatest common divisor of all points, unless this would make more than `TESTS` tests.
    """
    checks = (check for task in result.tasks for check in task.checks)
    amounts = (round(part * CENT) for check in checks for part in (check.score, check.max_score))
    return max(math.gcd(*amounts), result.max_score * CENT / TESTS)


def _tests(
    task: TaskResult, check: CheckResult, unit: float, hints: int
) -> Iterator[dict[str, Any]]:
    """Yield a check as tests of equal points, first those that pass; none if it has no points.

    GitHub Classroom gives a test all its points or none, so a check with a part of its points is
    divided. ``unit`` is the points of one test in hundredths, and ``hints`` the hint level. The
    tests that pass share the points of the check; if these do not suffice for a whole test, the
    first test has them, and does not pass.
    """
    cents, most = round(check.score * CENT), round(check.max_score * CENT)
    if not most:
        return
    parts = max(round(most / unit), 1)
    passes = parts if cents >= most else min(round(cents / unit), parts - 1)
    missed = "error" if check.state in OPEN else "fail"
    text = check_text(task, check, hints)
    by = ", points set by a person" if check.decision is not None else ""
    for part in range(parts):
        passed = part < passes
        count = format_text(" ({part} of {parts})", part=part + 1, parts=parts) if parts > 1 else ""
        # If the points do not suffice for a whole part, the first part has them all.
        holders = max(passes, 1)
        score = cents / CENT / holders if part < holders else 0.0
        yield _test(
            f"{task.title}: {check.check}{by}{count}",
            "pass" if passed else missed,
            score,
            _message(check, text, passed=passed, first=part == 0, is_shown=part <= passes),
        )


def _message(
    check: CheckResult, text: str, *, passed: bool, first: bool, is_shown: bool
) -> str | None:
    """Return the message of one of the tests into which a check is divided, None for no message.

    ``text`` are all messages of the check. ``passed`` and ``first`` are about the test;
    ``is_shown`` is false for all failing tests but the first, which has the whole text. If a person
    has set the points, the check's first test has it, even if it passes.
    """
    if check.decision is not None and first:
        return text
    if passed or not is_shown:
        return None
    return check.state if check.decision is not None else text or check.state


NOWHERE = {"test_code": "", "filename": "", "line_no": 0, "duration": 0}
"""Fields that the reporter requires and that have no meaning here."""


def _test(name: str, status: str, score: float, message: str | None) -> dict[str, Any]:
    return {"name": name, "status": status, "score": score, "message": message, **NOWHERE}
