"""Make DataFrames of the rows of a class. Summary, CSV and statistics are made from these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradkit.records.classroom import Row
from gradkit.report import words
from gradkit.report.data import csv_cell
from gradkit.report.table import attempt_text, command, reasons_text

if TYPE_CHECKING:
    from pandas import DataFrame

IDS = {
    "family": "family_name",
    "sis": "sid",
    "email": "email",
    "login": "login",
    "github": "github",
}
"""Columns of identifiers and of the family name. A table has those that any student has."""

LINES = ("task", "total", "comment", "numerical", "late", "bonus", "scale")
"""Kinds of adjustments, each a column. With the checks they add up to the score."""

OUTSIDE = ("waiting", "absent")
"""Standings of students without any result."""


def grade_frame(rows: Sequence[Row]) -> DataFrame:
    """Return a table with a row for each student, see `gradkit.grades`.

    Cells keep their Python types, so that a missing number is None and a count stays whole.
    """
    import pandas as pd

    checks = dict.fromkeys(check for row in rows for check in row.checks)
    known = {kind for row in rows for kind in row.ids}
    ids = {kind: column for kind, column in IDS.items() if kind in known}
    cells = [
        {
            **_cells(row),
            **{check: row.checks[check][1] if check in row.checks else None for check in checks},
            **_points(row),
            **{column: row.ids.get(kind) for kind, column in ids.items()},
        }
        for row in rows
    ]
    nobody = Row("", "absent")
    columns = [*_cells(nobody), *checks, *_points(nobody), *ids.values()]
    return pd.DataFrame(cells, columns=columns, dtype=object)


def _cells(row: Row) -> dict[str, object]:
    """Return the cells of a student by column, without points of checks and adjustments.

    Students without a submission have None where the cell would be about the submission.
    """
    there = row.standing not in OUTSIDE
    return {
        "student": row.name,
        "standing": row.standing,
        "score": row.score,
        "max_score": row.max_score,
        "provisional": row.provisional if there else None,
        "late": row.handed.late if there else None,
        "attempt": attempt_text(row.handed) if row.handed.attempts else "",
        "at": row.handed.at,
        "overrides": "\n".join(_decided(row)),
        "comments": row.comments if there else None,
        "reviewed_by": row.reviewed_by,
        "review": reasons_text(row),
        "mistakes": " ".join(row.mistakes),
        "tasks": row.counted,
    }


def _points(row: Row) -> dict[str, float | None]:
    """Return the sum of a student's adjustments of each kind, and the points by numbers."""
    sums: dict[str, float | None] = {f"{kind}_points": None for kind in LINES}
    for line in row.adjustments:
        column = f"{line.kind}_points"
        sums[column] = round((sums[column] or 0.0) + line.points, 2)
    score, most = row.by_numbers or (None, None)
    return {**sums, "score_by_numbers": score, "max_by_numbers": most}


def _decided(row: Row) -> list[str]:
    """List sentences on the points that a person has set for checks, tasks and the total."""
    texts = [f"{name}: {words.override_text(check)}" for name, check in row.overridden.items()]
    own = [one for one in row.adjustments if one.decision is not None]
    return texts + [f"{words.signed(one.points)} {words.adjustment_text(one)}" for one in own]


def check_frame(rows: Sequence[Row]) -> DataFrame:
    """Return a table with a row for each check of each student.

    Its columns are ``student``, ``task``, ``task_title``, ``check``, ``state``, ``points`` and
    ``max_points``.
    """
    import pandas as pd

    cells = []
    for row in rows:
        for name, (state, points, most) in row.checks.items():
            task, _, check = name.partition("/")
            title = row.tasks[task][0] if task in row.tasks else task
            cells.append((row.name, task, title, check, state, points, most))
    columns = ["student", "task", "task_title", "check", "state", "points", "max_points"]
    return pd.DataFrame(cells, columns=columns)


def mistake_frame(rows: Sequence[Row]) -> DataFrame:
    """Return a table with a row for each mistake in each judged task of each student.

    Its columns are ``student``, ``task``, ``task_title``, ``mistake`` and its ``title``. A task
    without mistakes has one row without a mistake.
    """
    import pandas as pd

    cells = [
        (row.name, task, row.tasks[task][0], code, row.mistakes.get(code or ""))
        for row in rows
        for task, codes in row.mistakes_by_task.items()
        for code in codes or (None,)
    ]
    columns = ["student", "task", "task_title", "mistake", "title"]
    return pd.DataFrame(cells, columns=columns, dtype=object)


def review_frame(looks: Sequence[Row], folder: Path) -> DataFrame:
    """Return a table with a row for each student whose result a person must look at.

    ``looks`` are the rows of these students, and ``folder`` is the folder of the class, for the
    command that shows a student.
    """
    import pandas as pd

    cells = [
        (look.name, look.review[0].kind, reasons_text(look), look.assistant, command(look, folder))
        for look in looks
    ]
    return pd.DataFrame(cells, columns=["student", "kind", "why", "assistant", "command"])


def frame_csv(frame: DataFrame) -> str:
    """Write a table as CSV with a header, in which a spreadsheet reads no text as a formula."""
    import pandas as pd

    cells = {
        # Not by `map`, which makes floats of counts where one is missing.
        name: pd.Series(
            [csv_cell(cell) if isinstance(cell, str) else cell for cell in column], dtype=object
        )
        for name, column in frame.items()
    }
    return pd.DataFrame(cells).to_csv(index=False, lineterminator="\n")
