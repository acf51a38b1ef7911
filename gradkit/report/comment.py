"""A result as a comment beside a grade: plain text, for platforms that show nothing else.

Nothing that a student wrote is mark-up in it; what a platform takes for mark-up is for whoever
writes its table to escape.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradkit.language import say
from gradkit.records.reports import Changes
from gradkit.records.result import Result, TaskResult
from gradkit.report.plain_text import ENDLESS, check_text, fit, head_text, shorten, total
from gradkit.report.rounding import CENT, points, round_points
from gradkit.report.text import MARKS
from gradkit.report.words import word
from gradkit.text import clean_text

LIMIT = 50_000
"""Bytes; Moodle keeps more, and nobody reads more."""


def to_comment(result: Result, hints: int, changes: Changes | None = None) -> str:
    """The points of each check with what there is to say, and first what has changed.

    Parameters
    ----------
    result : Result
        As the student may see it.
    hints : int
    changes : Changes, optional
        What the student did not know.
    """
    return fit(lambda room: "\n".join(_lines(result, hints, changes, room)), LIMIT)


def _lines(result: Result, hints: int, changes: Changes | None, room: int) -> Iterator[str]:
    yield say("{total} points", total=total(result))
    if changes is not None:
        yield from _changed(changes)
    yield shorten(head_text(result), room)
    for task in result.tasks:
        yield from _task(task, hints, room)


def _changed(changes: Changes) -> Iterator[str]:
    score = changes.score
    yield (
        say(
            "Since {since}: {old} / {old_max} before, {new} / {new_max} now.",
            since=changes.since[:10],
            old=points(score.old),
            old_max=points(score.old_max),
            new=points(score.new),
            new_max=points(score.new_max),
        )
    )
    yield from (
        say("The reason given: {reason}", reason=clean_text(reason)) for reason in changes.reasons
    )


def _task(task: TaskResult, hints: int, room: int) -> Iterator[str]:
    yield ""
    yield f"{clean_text(task.title)}: {points(task.score)} / {points(task.max_score)}"
    for check, cents in zip(task.checks, round_points(task), strict=True):
        worth = f"{points(cents / CENT)} / {points(check.max_score)}" if check.max_score else ""
        yield f"{MARKS[check.state][0]} {check.check} {worth} {word(check.state)}".rstrip()
        if said := shorten(check_text(task, check, hints, ENDLESS), room):
            yield said
