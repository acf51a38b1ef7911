"""Analyse the checks and mistakes of a class as items of a test.

An item discriminates well if students with high scores in the rest of the exercise do well in it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pandas import DataFrame, Series

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


def correlation(left: Series[float], right: Series[float]) -> float | None:
    """Return Pearson's correlation of two samples of equal length.

    It is None for fewer than `MIN_STUDENTS` numbers, or if a sample is constant.
    """
    from scipy.stats import pearsonr

    if len(left) < MIN_STUDENTS or left.nunique() < 2 or right.nunique() < 2:
        return None
    found = float(pearsonr(left.to_numpy(), right.to_numpy()).statistic)
    return None if math.isnan(found) else found


def check_items(checks: DataFrame) -> list[CheckItem]:
    """Return the statistics of each check of a class, in the order of the tasks.

    ``checks`` is a table with a row for each check of each student, as `check_frame` returns it.
    Checks without points are left out.
    """
    totals, items = checks.groupby("student")["points"].sum(), []
    for (_, task, check), part in checks.groupby(["task", "task_title", "check"], sort=False):
        points, largest = part["points"], part["max_points"].max()
        if not largest:
            continue
        right, mean = float((points >= largest).mean()), float(points.mean() / largest)
        found = correlation(points, part["student"].map(totals) - points)
        items.append(CheckItem(str(task), str(check), len(part), right, mean, found))
    return items


def mistake_items(mistakes: DataFrame, checks: DataFrame) -> list[MistakeItem]:
    """Return the statistics of each mistake in each task, the most frequent first.

    ``mistakes`` has a row for each mistake of each student, as `mistake_frame` returns it, and
    ``checks`` a row for each check, as `check_frame` returns it.
    """
    totals, items = checks.groupby("student")["points"].sum(), []
    for (_, task), part in mistakes.groupby(["task", "task_title"], sort=False):
        students = part["student"].drop_duplicates()
        for code, made in part.groupby("mistake"):
            avoided = ~students.isin(made["student"])
            found = correlation(avoided.astype(float), students.map(totals))
            title, share = made["title"].iloc[0], len(made) / len(students)
            items.append(MistakeItem(str(task), str(code), title, len(made), share, found))
    return sorted(items, key=lambda item: (-item.students, item.code, item.task))
