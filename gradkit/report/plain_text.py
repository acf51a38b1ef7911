"""Write checks, findings and results as plain text for a platform, within the bytes it takes.

Wherever it is printed on the way, no line of it is a command to the runner of a build. In the
comment beside a grade, what a platform takes for mark-up is for whoever writes its table to escape.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gradkit.formatting import format_text
from gradkit.records.reports import Changes
from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.report import words
from gradkit.report.document import by_name, document
from gradkit.report.escape import log_text
from gradkit.report.text import Line, check_head, check_lines, finding_lines, printed, show_lines
from gradkit.text import clean_text, where

WIDTH = 100
"""Characters in a line where a platform does not wrap lines itself."""

ENDLESS = 2_000
"""For platforms that do."""

TEXT_BYTES = 64 << 10
"""Far more than a check says."""


def check_text(
    task: TaskResult,
    check: CheckResult,
    hints: int,
    width: int = WIDTH,
    *,
    headed: bool = False,
    more: bool = True,
) -> str:
    """Everything about a check, without a last newline.

    Its points are left out, and it is often empty, unless it is ``headed`` by the line that
    stands for the check in a mark sheet. ``more`` is as in `check_lines`.
    """
    findings = [finding for finding in task.findings if finding.check == check.check]
    lines = check_lines(check, findings, hints, more=more)
    if headed:
        below = ((line, indent + 2) for line, indent in lines)
        return log_text(_plain([(check_head(check, findings, hints), 0), *below], width))
    place = ""
    if check.place is not None and check.state != "pass" and not (findings or check.follows):
        place = format_text("See {place}.\n", place=clean_text(where(check.place)))
    return log_text(place + _plain(lines, width))


def finding_text(finding: Finding, hints: int, width: int = WIDTH) -> str:
    """One finding, without a last newline."""
    return log_text(_plain(finding_lines(finding, hints), width))


def title_text(result: Result) -> str:
    """Write whose submission it is, and the total."""
    return log_text(
        format_text(
            "{name}: {total} points", name=clean_text(result.submission), total=total(result)
        )
    )


def head_text(result: Result, *, seed: bool = True) -> str:
    """Write what holds for the whole submission: remarks on files, how it was judged."""
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
        lines.append("Held against the published form.")
    if result.provisional:
        lines.append("These marks are provisional: the instructor's grade is final.")
    lines += [format_text("seed {seed}", seed=result.seed)] if seed else []
    return log_text("\n".join(lines))


def lines_text(result: Result) -> str:
    """Write the lines between the sum of the tasks and the score; nothing where there are none."""
    rows = result.adjustments
    lines = (f"{words.signed(row.points)} {words.adjustment_text(row)}" for row in rows)
    return log_text(clean_text("\n".join(lines), TEXT_BYTES))


def refusal_text(sentence: str) -> str:
    """Why a submission could not be graded; the sentence names files as students call them."""
    return log_text(clean_text(sentence))


def total(result: Result) -> str:
    """The score of all tasks: ``16.25 / 20``."""
    return words.score_text(result.score, result.max_score)


def _plain(lines: Iterable[Line], width: int) -> str:
    text = printed(lambda console: show_lines(lines, console), width)
    return clean_text(text, TEXT_BYTES).strip("\n")


ROOM = 64 << 10
"""Bytes of text of one check, to begin with."""

CUT = "\n(shortened: the platform takes no more)"


def shorten(text: str, room: int) -> str:
    """At most ``room`` bytes of it, and a note where something is left out."""
    if len(text.encode()) <= room:
        return text
    return clean_text(text, room) + CUT


def fit(build: Callable[[int], str], limit: int) -> str:
    """Call ``build`` with less and less room for single texts, until the whole is small enough.

    Parameters
    ----------
    build : callable
        Takes the bytes that one text may have, gives the whole.
    limit : int
        Bytes of the whole. Where even the barest is larger, it is given all the same.
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
    """A platform's JSON whose tests have texts under ``key``, which are cut until it fits.

    Parameters
    ----------
    data : mapping
        With a list ``tests``.
    key : str
    limit : int
        Bytes of what ``write`` makes of it.
    write : callable
    """

    def build(room: int) -> str:
        cut = [
            {**test, key: shorten(test[key], room)} if test[key] else test for test in data["tests"]
        ]
        return write({**data, "tests": cut})

    return fit(build, limit)


def dump(data: Mapping[str, Any]) -> str:
    """Strict JSON in ASCII, which no encoding on the way can spoil."""
    return json.dumps(data, allow_nan=False) + "\n"


LIMIT = 50_000
"""Bytes; Moodle keeps more, and nobody reads more."""


TOOLS: Mapping[str, object] = {
    **by_name(check_text, head_text, title_text, lines_text, total, shorten, words.task_worth),
    "endless": ENDLESS,
}
"""What templates of plain text call."""


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

    def made(room: int) -> str:
        values = {"result": result, "hints": hints, "changes": changes, "room": room}
        return document("comment.txt", **values, **TOOLS).removesuffix("\n")

    return fit(made, LIMIT)
