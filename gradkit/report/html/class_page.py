"""The page of a class: scores, mistakes and who made them, checks, and every student."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from gradkit.language import say
from gradkit.records.result import UNEXPLAINED, Adjustment, Result, State, TaskResult
from gradkit.report import words
from gradkit.report.data import TITLE_LEVEL, visible
from gradkit.report.document import document
from gradkit.report.html.drawings import KINDS, Data, Drawing, bars, histogram, placed, shares
from gradkit.text import clean_text


class TaskRow(Struct, frozen=True):
    """One task: its points, and each check with its state."""

    task: str
    title: str
    score: float
    max_score: float
    checks: tuple[tuple[str, State], ...]


class Row(Struct, frozen=True):
    """One student. ``mistakes`` maps codes to titles; ``link`` leads to the student's page.

    Who has nothing that could be graded has no score, and is in no mean. ``standing`` are words on
    that, and on being late.

    ``override_texts`` are sentences on points that a person has set, or the course's policy.

    ``link`` is a path relative to the class page, or ``#name`` within it, not yet quoted;
    empty where there is no page.
    """

    submission: str
    score: float | None
    max_score: float | None
    provisional: bool
    tasks: tuple[TaskRow, ...]
    mistakes: tuple[tuple[str, str], ...] = ()
    link: str = ""
    override_texts: tuple[str, ...] = ()
    standing: tuple[str, ...] = ()


def to_row(result: Result, hints: int, link: str = "") -> Row:
    """Cut a result to a row of the class page, with its mistakes where the level names them."""
    named = {
        finding.mistake: finding.title
        for task in result.tasks
        for finding in visible(task, hints)
        if hints >= TITLE_LEVEL
    }
    return Row(
        result.submission,
        result.score,
        result.max_score,
        result.provisional,
        tuple(_task(task, words.given_for(result, task)) for task in result.tasks),
        tuple(named.items()),
        link,
        tuple(_decided(result)),
    )


def _decided(result: Result) -> Iterator[str]:
    for task in result.tasks:
        for check in task.checks:
            if check.decision is not None:
                yield f"{task.title}, {check.check}: {words.override_text(check)}"
    yield from (
        f"{words.signed(each.points)} {words.adjustment_text(each)}" for each in result.adjustments
    )


def _task(task: TaskResult, given: Adjustment | None) -> TaskRow:
    checks = tuple((check.check, check.state) for check in task.checks)
    score = task.score if given is None else given.score
    return TaskRow(task.task, task.title, score, task.max_score, checks)


BARS = 20
"""Mistakes that are drawn; the table has them all."""


class Made(Struct, frozen=True):
    """A mistake and who made it."""

    code: str
    title: str
    rows: tuple[Row, ...]


def class_page(rows: Sequence[Row], title: str, reports: Sequence[Data] = ()) -> str:
    """The page of a class.

    Parameters
    ----------
    rows : sequence of Row
        One for each student, in the order in which they are listed at first. See `to_row`.
    title : str
        What the page is called.
    reports : sequence of Report
        Students' own pages that this one holds as well, see `student_page.report`; the rows'
        links lead there as ``#NAME``.

    Returns
    -------
    str
        A whole HTML document, to be written as UTF-8.
    """
    cleaned = [_clean(row) for row in rows]
    made, counted = _mistakes(cleaned), _checks(cleaned)
    scores, largest, unit = words.comparable((row.score, row.max_score) for row in cleaned)
    return document(
        "class.html",
        title=clean_text(title),
        rows=cleaned,
        made=made,
        checks=counted,
        kinds=KINDS,
        columns=_columns(cleaned),
        mean=statistics.fmean(scores) if scores else 0.0,
        median=statistics.median(scores) if scores else 0.0,
        full=sum(row.score is not None and row.score >= (row.max_score or 1) for row in cleaned),
        scored=len(scores),
        unit=unit,
        distribution=_distribution(scores, largest, unit),
        frequencies=_frequencies(made),
        states=_states(counted),
        reports=reports,
    )


def _clean(row: Row) -> Row:
    mistakes = tuple((code, clean_text(title)) for code, title in row.mistakes)
    texts = tuple(map(clean_text, row.override_texts))
    return replace(
        row, submission=clean_text(row.submission), mistakes=mistakes, override_texts=texts
    )


def _columns(rows: Sequence[Row]) -> dict[str, str]:
    """The tasks that anybody has, by id, with their titles; none where there is only one."""
    tasks = {task.task: task.title for row in rows for task in row.tasks}
    return tasks if len(tasks) > 1 else {}


def _mistakes(rows: Sequence[Row]) -> list[Made]:
    """The most frequent first; what has no name comes last."""
    titles = {code: title for row in rows for code, title in row.mistakes}
    made = [
        Made(code, title, tuple(row for row in rows if code in dict(row.mistakes)))
        for code, title in titles.items()
    ]
    return sorted(made, key=lambda each: (each.code == UNEXPLAINED, -len(each.rows), each.code))


def _checks(rows: Sequence[Row]) -> dict[tuple[str, str], Counter[str]]:
    """Count, by task and check, the students in each of `KINDS`."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for task in (task for row in rows for task in row.tasks):
        for check, state in task.checks:
            counts.setdefault((task.title, check), Counter())[words.SIGNS[state][1]] += 1
    return counts


def _distribution(scores: Sequence[float], largest: float, unit: str) -> Drawing | None:
    if not largest or not scores:
        return None
    title = say(
        "Scores of {count} students, from {low} to {high} {unit}.",
        count=len(scores),
        low=words.points(min(scores)),
        high=words.points(max(scores)),
        unit=words.word(unit),
    )
    return placed(histogram(tuple(scores), largest, unit), "distribution", title, title)


def _frequencies(made: Sequence[Made]) -> Drawing | None:
    if not made:
        return None
    title = say("Mistakes by how many students made them; the table below has the same numbers.")
    counts = tuple((each.code, len(each.rows)) for each in made[:BARS])
    return placed(bars(counts), "frequencies", title)


def _states(counted: Mapping[tuple[str, str], Counter[str]]) -> Drawing | None:
    if not counted:
        return None
    rows: list[tuple[str, tuple[int, ...]]] = []
    for task, checks in groupby(counted.items(), key=lambda each: each[0][0]):
        rows.append((task, ()))
        rows += [(check, tuple(n[kind] for kind in KINDS)) for (_, check), n in checks]
    title = say("Checks by state; the table below has the same numbers.")
    return placed(shares(tuple(rows)), "states", title)
