"""Return the data of a class as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradkit.classroom.policy import theirs
from gradkit.classroom.reports.summary import class_rows
from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.results import Store
from gradkit.report.frames import IDS, grade_frame

if TYPE_CHECKING:
    from pandas import DataFrame

GRADE_COLUMNS = {
    **dict.fromkeys(("student", "standing", "attempt", "at", "overrides"), "string"),
    **dict.fromkeys(("reviewed_by", "review", "mistakes", "tasks", *IDS.values()), "string"),
    **dict.fromkeys(("provisional", "late"), "boolean"),
    "comments": "Int64",
}
"""Types of the columns of `grades`, except those of points, which are numbers."""

FINDING_COLUMNS = {
    "student": "string",
    "task": "string",
    "check": "string",
    "mistake": "string",
    "title": "string",
    "file": "string",
    "cell": "Int64",
    "line": "Int64",
    "source": "string",
    "entries": "string",
    "deduction": "float64",
    "id": "string",
}
"""Columns of `findings`, and their types."""

ATTEMPT_COLUMNS = {
    "student": "string",
    "attempt": "Int64",
    "counts": "bool",
    "standing": "string",
    "score": "float64",
    "max_score": "float64",
    "provisional": "bool",
    "late": "bool",
    "at": "string",
    "platform": "string",
    "original": "string",
    "path": "string",
    "digest": "string",
}
"""Columns of `attempts`, and their types."""


def grades(folder: str | Path) -> DataFrame:
    """Return a row for each student of a class, with overrides, comments and policy applied.

    Parameters
    ----------
    folder : str or Path
        Folder of the class.

    Returns
    -------
    DataFrame
        Indexed by ``student``, with the columns of ``gradkit summary DIR --format csv``:
        ``standing``, ``score``, ``max_score``, ``provisional``, ``late``, ``attempt``, ``at``,
        ``overrides`` (one a line), ``comments``, ``reviewed_by``, ``review``, ``mistakes``
        (codes, separated by spaces), ``tasks``, a column of points for each ``task/check``, a
        column for each kind of adjustment (such as ``late_points``), ``score_by_numbers``,
        ``max_by_numbers``, and the ``family_name`` and identifiers ``sid``, ``email``, ``login``
        and ``github`` as far as any student has them.

    Raises
    ------
    StoreError
        There is no class in the folder.

    Examples
    --------
    >>> grades("results").loc["bilal", "score"].item()
    20.0
    """
    with Store(Path(folder), write=False) as store:
        frame = grade_frame(class_rows(store))
    types = {name: GRADE_COLUMNS.get(str(name), "float64") for name in frame}
    return frame.astype(types).set_index("student")


def findings(folder: str | Path) -> DataFrame:
    """Return a row for each finding in the counting results of a class.

    Parameters
    ----------
    folder : str or Path
        Folder of the class.

    Returns
    -------
    DataFrame
        ``student``, ``task``, ``check`` (empty for a remark on the task), ``mistake`` (the code),
        ``title``, ``file``, ``cell``, ``line`` and ``source`` (missing if the line is unknown),
        ``entries`` (separated by spaces), ``deduction`` (in points), and ``id`` for
        ``gradkit show --finding``.

    Raises
    ------
    StoreError
        There is no class in the folder.

    Examples
    --------
    >>> findings("results")["mistake"].tolist()
    ['swapped-index']
    """
    with Store(Path(folder), write=False) as store:
        return _frame(_findings(store), FINDING_COLUMNS)


def _findings(store: Store) -> Iterator[dict[str, Any]]:
    """Yield the cells of each finding in the counting results of a class, by column."""
    counting = Counting(store)
    for name in counting.attempts:
        result = counting.result(name)
        for task in result.tasks if result else ():
            for finding in task.findings:
                place = finding.place
                yield {
                    "student": name,
                    "task": task.task,
                    "check": finding.check,
                    "mistake": finding.mistake,
                    "title": finding.title,
                    "file": place.file if place else None,
                    "cell": place.cell if place else None,
                    "line": place.line if place else None,
                    "source": finding.source or None,
                    "entries": " ".join(finding.entries),
                    "deduction": finding.deduction,
                    "id": finding.id,
                }


def attempts(folder: str | Path) -> DataFrame:
    """Return a row for each attempt of each student of a class.

    Parameters
    ----------
    folder : str or Path
        Folder of the class.

    Returns
    -------
    DataFrame
        ``student``, ``attempt`` (from 1, in the order in which attempts were found), ``counts``,
        ``standing``, ``score`` and ``max_score`` before overrides and policy (missing if nothing
        was graded), ``provisional``, ``late`` and ``at`` as the platform says, ``platform``,
        ``original`` (name in the download), ``path`` and ``digest``.

    Raises
    ------
    StoreError
        There is no class in the folder.

    Examples
    --------
    >>> attempts("results")[["student", "counts"]].values.tolist()
    [['bilal', True], ['chen', True]]
    """
    with Store(Path(folder), write=False) as store:
        return _frame(_attempts(store), ATTEMPT_COLUMNS)


def _attempts(store: Store) -> Iterator[dict[str, Any]]:
    """Yield the cells of each attempt of a class, by column; attempts that do not count too."""
    counting = {attempt.kept.id for attempt in Counting(store).attempts.values()}
    numbers: dict[str, int] = {}
    for kept in theirs(store.newest()):
        numbers[kept.name] = numbers.get(kept.name, 0) + 1
        sender = kept.sender
        yield {
            "student": kept.name,
            "attempt": numbers[kept.name],
            "counts": kept.id in counting,
            **{key: getattr(kept, key) for key in ("standing", "score", "max_score")},
            "provisional": kept.provisional,
            "late": sender.late,
            "at": sender.at or None,
            "platform": sender.source,
            "original": sender.original,
            **{key: getattr(kept, key) for key in ("path", "digest")},
        }


def _frame(rows: Iterator[dict[str, Any]], columns: dict[str, str]) -> DataFrame:
    """Return a DataFrame whose columns have fixed types, also without any row."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns)).astype(columns)
