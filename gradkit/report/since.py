"""What another run says that the one before it did not."""

from __future__ import annotations

from collections.abc import Iterator

from gradkit.language import say
from gradkit.records.result import Result, TaskResult
from gradkit.report.rounding import score_text
from gradkit.report.words import word


def since(before: Result, after: Result) -> Iterator[str]:
    """Yield what has changed: the points, the states of checks, mistakes that came and went.

    Parameters
    ----------
    before, after : Result
        Of the same submission.

    Examples
    --------
    >>> from pathlib import Path
    >>> from gradkit.batch import grade_files
    >>> paths = [Path("handed_in/chen.py"), Path("handed_in/bilal.py")]
    >>> chen, bilal = grade_files(paths, seed=1, no_reference=True).results
    >>> changes = list(since(chen, bilal))
    >>> changes[0], changes[-1]
    ('17.25 / 20 → 20 / 20', 'gone: swapped-index')
    """
    scores = [score_text(each.score, each.max_score) for each in (before, after)]
    if scores[0] != scores[1]:
        yield " → ".join(scores)
    former = {task.task: task for task in before.tasks}
    for task in after.tasks:
        if task.task in former:
            yield from _of_task(former[task.task], task)


def _of_task(before: TaskResult, after: TaskResult) -> Iterator[str]:
    states = {check.check: check.state for check in before.checks}
    for check in after.checks:
        if (was := states.get(check.check, check.state)) != check.state:
            yield f"{check.check}: {word(was)} → {word(check.state)}"
    old, new = (
        dict.fromkeys(finding.mistake for finding in each.findings) for each in (before, after)
    )
    if gone := [code for code in old if code not in new]:
        yield say("gone: {codes}", codes=", ".join(gone))
    if come := [code for code in new if code not in old]:
        yield say("new: {codes}", codes=", ".join(come))
