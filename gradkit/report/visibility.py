"""A result without what a student may not see yet.

A platform that knows dates shows a check when its assignment says so. Any other shows its
state and its points, which are in the total anyway, and nothing of what it found. Who has set
the points is told, and not why: the reason is about what was found.
"""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.language import phrase, say
from gradkit.records.result import CheckResult, Result, TaskResult

UNSEEN = phrase("What this check found is not shown here.")
ELSEWHERE = phrase("a check that is not shown")


def apply_visibility(result: Result) -> Result:
    """The result, and of checks that are not ``visible`` only state and points."""
    unseen = {check for check, word in result.visibility.items() if word != "visible"}
    if not unseen:
        return result
    return replace(result, tasks=tuple(_task(task, unseen) for task in result.tasks))


def _task(task: TaskResult, unseen: set[str]) -> TaskResult:
    findings = tuple(finding for finding in task.findings if finding.check not in unseen)
    # A code that only an unseen check's findings have would tell what they are.
    told = {finding.mistake for finding in findings}
    gone = {code for check in task.checks if check.check in unseen for code in check.withdrawn}
    checks = tuple(_check(check, unseen, told, gone) for check in task.checks)
    return replace(task, checks=checks, findings=findings)


def _check(check: CheckResult, unseen: set[str], told: set[str], gone: set[str]) -> CheckResult:
    if check.check in unseen:
        decision = check.decision and replace(check.decision, comment="")
        return CheckResult(
            check.check,
            check.state,
            check.score,
            check.max_score,
            say(UNSEEN),
            decision=decision,
        )
    seen = tuple(code for code in check.follows if code in told)
    hidden = (say(ELSEWHERE),) if len(seen) < len(check.follows) else ()
    withdrawn = tuple(code for code in check.withdrawn if code not in gone)
    return replace(check, follows=(*seen, *hidden), withdrawn=withdrawn)
