"""The page of a class: scores, mistakes and who made them, checks, and every student."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.classroom import Row
from gradkit.records.result import UNEXPLAINED
from gradkit.report import words
from gradkit.report.document import document
from gradkit.report.html.drawings import KINDS, Data, Drawing, bars, histogram, placed, shares
from gradkit.text import clean_text, format_text

BARS = 20
"""Mistakes that are drawn; the table has them all."""


class MistakeCount(Struct, frozen=True):
    """A mistake and who made it."""

    code: str
    title: str
    rows: tuple[Row, ...]


def class_page(rows: Sequence[Row], title: str, reports: Sequence[Data] = ()) -> str:
    """Render the page of a class.

    Parameters
    ----------
    rows : sequence of Row
        One for each student, in the order in which they are listed at first.
    title : str
        The title of the page.
    reports : sequence of Report
        Students' pages to include, see `student_page.report`; the rows link to them as ``#NAME``.

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
        numbered=any(row.by_numbers for row in cleaned),
        failed=failed,
        chips=chips,
        decided=decided,
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
    mistakes = {code: clean_text(title) for code, title in row.mistakes.items()}
    return replace(row, name=clean_text(row.name), mistakes=mistakes)


def failed(row: Row) -> list[str]:
    """List the checks that did not pass, by name."""
    states = ((key.partition("/")[2], state) for key, (state, _, _) in row.checks.items())
    return list(dict.fromkeys(check for check, state in states if state != "pass"))


def chips(row: Row) -> list[str]:
    """List what is said beside a name: why there is no grade, and that it was late."""
    told = ("provisional" if row.provisional else "", row.ungraded)
    return [*filter(None, told), *(["late"] if row.handed.late else [])]


def decided(row: Row) -> Iterator[str]:
    """Yield a sentence on each decision about points in the row of a student.

    A decision is points that a person has set for a check, or an adjustment of the score by a
    person or by the course's policy.
    """
    for key, check in row.overridden.items():
        title, _ = row.tasks[key.partition("/")[0]]
        yield clean_text(f"{title}, {check.check}: {words.override_text(check)}")
    for line in row.adjustments:
        yield clean_text(f"{words.signed(line.points)} {words.adjustment_text(line)}")


def _columns(rows: Sequence[Row]) -> dict[str, str]:
    """Return the titles of all submitted tasks by id, or none if there is only one task."""
    tasks = {task: title for row in rows for task, (title, _) in row.tasks.items()}
    return tasks if len(tasks) > 1 else {}


def _mistakes(rows: Sequence[Row]) -> list[MistakeCount]:
    """Return the mistakes of a class with the students who made them, the most frequent first.

    ``rows`` are those of the students. The unexplained failures come last.
    """
    titles = {code: title for row in rows for code, title in row.mistakes.items()}
    made = [
        MistakeCount(code, title, tuple(row for row in rows if code in row.mistakes))
        for code, title in titles.items()
    ]
    return sorted(made, key=lambda each: (each.code == UNEXPLAINED, -len(each.rows), each.code))


def _checks(rows: Sequence[Row]) -> dict[tuple[str, str], Counter[str]]:
    """Count the students by check and state, and return the counts.

    ``rows`` are those of the students. A key is the title of a task and the name of a check; its
    counter has the number of students by the kind of the state, one of `KINDS`.
    """
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in rows:
        for key, (state, _, _) in row.checks.items():
            task, _, check = key.partition("/")
            kind = words.SIGNS[state][1]
            counts.setdefault((row.tasks[task][0], check), Counter())[kind] += 1
    return counts


def _distribution(scores: Sequence[float], largest: float, unit: str) -> Drawing | None:
    """Draw the histogram of the scores of a class, with a title; None without scores.

    ``largest`` is the largest possible score, and ``unit`` is ``points`` or ``percent``.
    """
    if not largest or not scores:
        return None
    title = format_text(
        "Scores of {count} students, from {low} to {high} {unit}.",
        count=len(scores),
        low=words.points(min(scores)),
        high=words.points(max(scores)),
        unit=unit,
    )
    return placed(histogram(tuple(scores), largest, unit), "distribution", title, title)


def _frequencies(made: Sequence[MistakeCount]) -> Drawing | None:
    """Draw bars with the number of students for each mistake; None without mistakes.

    ``made`` are the mistakes, the most frequent first. Only the first `BARS` are drawn.
    """
    if not made:
        return None
    title = "Number of students for each mistake; the table below has the same numbers."
    counts = tuple((each.code, len(each.rows)) for each in made[:BARS])
    return placed(bars(counts), "frequencies", title)


def _states(counted: Mapping[tuple[str, str], Counter[str]]) -> Drawing | None:
    """Draw the states of each check as bars; None without checks.

    ``counted`` is the result of `_checks`.
    """
    if not counted:
        return None
    rows: list[tuple[str, tuple[int, ...]]] = []
    for task, checks in groupby(counted.items(), key=lambda each: each[0][0]):
        rows.append((task, ()))
        rows += [(check, tuple(n[kind] for kind in KINDS)) for (_, check), n in checks]
    title = "Checks by state; the table below has the same numbers."
    return placed(shares(tuple(rows)), "states", title)
