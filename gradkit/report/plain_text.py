"""Write checks, findings and results as plain text for a platform, within its limit of bytes.

No line of the texts is a command to the runner of a build. Mark-up in the comment beside a grade
is not escaped here, but by the module that writes the platform's table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gradkit.records.reports import Changes
from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.report import words
from gradkit.report.data import log_text
from gradkit.report.document import by_name, document
from gradkit.report.text import (
    Line,
    format_check,
    format_check_head,
    format_finding,
    printed,
    show_lines,
)
from gradkit.text import clean_text, format_text

WIDTH = 100
"""Largest number of characters in a line, for platforms that do not wrap lines."""

ENDLESS = 2_000
"""Largest number of characters in a line, for platforms that wrap lines."""

TEXT_BYTES = 64 << 10
"""Largest number of bytes of one text."""


def check_text(
    task: TaskResult,
    check: CheckResult,
    hints: int,
    width: int = WIDTH,
    *,
    headed: bool = False,
    more: bool = True,
) -> str:
    """Write all messages of a check as plain text, without a last newline.

    ``hints`` is the hint level, and ``width`` the number of characters in a line. If ``headed``,
    the text begins with the check's line of the mark sheet, which has the points; otherwise it is
    often empty. If ``more``, it names the command that explains a mistake.
    """
    findings = [finding for finding in task.findings if finding.check == check.check]
    lines = format_check(check, findings, hints, more=more)
    if headed:
        below = ((line, indent + 2) for line, indent in lines)
        return log_text(_plain([(format_check_head(check, findings, hints), 0), *below], width))
    place = ""
    if check.place is not None and check.state != "pass" and not (findings or check.causes):
        seen = words.place_text(check.state, check.place)
        place = format_text("See {place}.\n", place=clean_text(seen))
    return log_text(place + _plain(lines, width))


def finding_text(finding: Finding, hints: int, width: int = WIDTH) -> str:
    """Write one finding, without a last newline."""
    return log_text(_plain(format_finding(finding, hints), width))


def title_text(result: Result) -> str:
    """Write the name of the submission and its total points, as ``ann: 15.5 / 20 points``."""
    return log_text(
        format_text(
            "{name}: {total} points", name=clean_text(result.submission), total=total(result)
        )
    )


def head_text(result: Result, *, seed: bool = True) -> str:
    """Write remarks on the whole submission, a line for each.

    They are the tasks that count, problems with files, points that could not be checked, notes of
    the tasks, how it was judged and, with ``seed``, the seed.
    """
    lines = [*filter(None, [words.count_text(result)])]
    lines += [clean_text(problem.message) for problem in result.problems]
    for task in result.tasks:
        if task.checkable < task.max_score:
            part, most = words.points(task.checkable), words.points(task.max_score)
            amount = format_text("{checkable} of {max_score}", checkable=part, max_score=most)
            lines.append(
                format_text(
                    "{title}: {amount} points could be checked.", title=task.title, amount=amount
                )
            )
        lines += [f"{task.title}: {clean_text(note)}" for note in task.notes]
    if result.form == "published":
        lines.append("Compared with the rule of the published notebook.")
    if result.provisional:
        lines.append("These marks are provisional: the instructor's grade is final.")
    lines += [format_text("seed {seed}", seed=result.seed)] if seed else []
    return log_text("\n".join(lines))


def lines_text(result: Result) -> str:
    """Write the adjustments between the sum of the tasks and the score, a line each."""
    rows = result.adjustments
    lines = (f"{words.signed(row.points)} {words.adjustment_text(row)}" for row in rows)
    return log_text(clean_text("\n".join(lines), TEXT_BYTES))


def refusal_text(sentence: str) -> str:
    """Return the cleaned message on a submission that could not be graded."""
    return log_text(clean_text(sentence))


def total(result: Result) -> str:
    """Return the score of a submission: ``15.5 / 20``."""
    return words.score_text(result.score, result.max_score)


def _plain(lines: Iterable[Line], width: int) -> str:
    text = printed(lambda console: show_lines(lines, console), width)
    return clean_text(text, TEXT_BYTES).strip("\n")


ROOM = 64 << 10
"""First limit, in bytes, of the text of one check; `fit` reduces it."""

CUT = "\n(shortened: the platform takes no more text)"


def shorten(text: str, room: int) -> str:
    """Cut a text to ``room`` bytes, and add a note if something is left out."""
    if len(text.encode()) <= room:
        return text
    return clean_text(text, room) + CUT


def fit(build: Callable[[int], str], limit: int) -> str:
    """Build a text with less and less room for its parts, until the whole is small enough.

    Parameters
    ----------
    build : callable
        Function of the largest number of bytes of one part. It returns the whole.
    limit : int
        Largest number of bytes of the whole. If the whole is larger even without room for its
        parts, it is returned anyway.
    """
    room = ROOM
    text = build(room)
    while len(text.encode()) > limit and room:
        room //= 2
        text = build(room)
    return text


def fit_tests(
    data: Mapping[str, Any], key: str, limit: int, write: Callable[[Mapping[str, Any]], str]
) -> str:
    """Write a platform's data, with the texts of its tests cut until the result is small enough.

    Parameters
    ----------
    data : mapping
        Data with a list ``tests``.
    key : str
        The key of the text in a test.
    limit : int
        Largest number of bytes of the result.
    write : callable
        Function of the data that returns the result.
    """

    def build(room: int) -> str:
        """Write the data with each text cut to `room` bytes."""
        cut = [
            {**test, key: shorten(test[key], room)} if test[key] else test for test in data["tests"]
        ]
        return write({**data, "tests": cut})

    return fit(build, limit)


def dump(data: Mapping[str, Any]) -> str:
    """Write strict JSON in ASCII, which is the same in every encoding."""
    return json.dumps(data, allow_nan=False) + "\n"


LIMIT = 50_000
"""Largest number of bytes of a comment beside a grade. Moodle would accept more."""


TOOLS: Mapping[str, object] = {
    **by_name(check_text, head_text, title_text, lines_text, total, shorten, words.task_worth),
    **by_name(words.comment_text),
    "endless": ENDLESS,
}
"""Functions and values for templates of plain text."""


def to_comment(result: Result, hints: int, changes: Changes | None = None) -> str:
    """Write the comment beside a grade: changes first, then the points and messages of each check.

    Long texts are cut, so that the comment has at most `LIMIT` bytes.

    Parameters
    ----------
    result : Result
        The result as the student may see it.
    hints : int
        The hint level: how much of a finding is shown.
    changes : Changes, optional
        The changes since the student's last feedback.
    """

    def made(room: int) -> str:
        """Return the comment with each text cut to ``room`` bytes."""
        titles = {task.task: task.title for task in result.tasks}
        values = {"result": result, "hints": hints, "changes": changes, "room": room}
        values |= {"titles": titles}
        return document("comment.txt", **values, **TOOLS).removesuffix("\n")

    return fit(made, LIMIT)
