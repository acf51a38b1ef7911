"""Analyse the checks and mistakes of a class as items of a test.

An item discriminates well if students with high scores in the rest of the exercise do well in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from gradkit.records.classroom import Row

MIN_STUDENTS = 5
"""Smallest number of students for which a discrimination is computed."""


class CheckItem(Struct, frozen=True):
    """The statistics of a check over all students who have it.

    ``right`` is the share of students with all points, ``mean`` the mean share of the points.
    ``discrimination`` is the correlation of the check's points with those of all other checks
    (Pearson, corrected item-total); None for few students or if either is constant.
    """

    task: str
    check: str
    students: int
    right: float
    mean: float
    discrimination: float | None


class MistakeItem(Struct, frozen=True):
    """The statistics of a mistake in a task: its share, and its correlation with the points.

    ``share`` is that of the students whose task was judged. ``discrimination`` is the
    point-biserial correlation of not making the mistake with the points of all checks; None for few
    students or if either is constant.
    """

    task: str
    code: str
    title: str
    students: int
    share: float
    discrimination: float | None


def correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Return Pearson's correlation of two samples; None for few numbers or a constant sample."""
    from scipy.stats import pearsonr

    if len(left) < MIN_STUDENTS or len(set(left)) < 2 or len(set(right)) < 2:
        return None
    found = float(pearsonr(left, right).statistic)
    return None if math.isnan(found) else found


def check_items(rows: Iterable[Row]) -> list[CheckItem]:
    """Return the statistics of each check, in the order of the tasks."""
    graded = [row for row in rows if row.checks]
    names = dict.fromkeys(name for row in graded for name in row.checks)
    items = []
    for name in names:
        points, rest, largest = [], [], 0.0
        for row in graded:
            if name in row.checks:
                _, score, most = row.checks[name]
                points.append(score)
                rest.append(sum(score for _, score, _ in row.checks.values()) - score)
                largest = max(largest, most)
        if not largest:
            continue
        task, _, check = name.partition("/")
        title = next(row.tasks[task][0] for row in graded if task in row.tasks)
        count = len(points)
        right = sum(score >= largest for score in points) / count
        mean = sum(points) / count / largest
        items.append(CheckItem(title, check, count, right, mean, correlation(points, rest)))
    return items


def mistake_items(rows: Iterable[Row]) -> list[MistakeItem]:
    """Return the statistics of each mistake in each task, the most frequent first."""
    graded = [row for row in rows if row.checks]
    titles = {code: title for row in graded for code, title in row.mistakes.items()}
    points = {row.name: sum(score for _, score, _ in row.checks.values()) for row in graded}
    items = []
    for task in dict.fromkeys(task for row in graded for task in row.mistakes_by_task):
        judged = [row for row in graded if task in row.mistakes_by_task]
        scores = [points[row.name] for row in judged]
        name = next(row.tasks[task][0] for row in judged)
        for code in dict.fromkeys(code for row in judged for code in row.mistakes_by_task[task]):
            avoided = [float(code not in row.mistakes_by_task[task]) for row in judged]
            students = len(judged) - int(sum(avoided))
            share, found = students / len(judged), correlation(avoided, scores)
            items.append(MistakeItem(name, code, titles[code], students, share, found))
    return sorted(items, key=lambda item: (-item.students, item.code, item.task))
