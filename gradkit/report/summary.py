"""Write the summary of a class, the progress of grading, and the history of a grade.

The history of a grade uses no terms of gradkit, because its readers may not know the command.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gradkit.records.classroom import Change, Filed, Row, Run, RunKind
from gradkit.records.reports import History
from gradkit.report import words
from gradkit.report.data import json_text, log_text
from gradkit.report.document import document
from gradkit.report.frames import OUTSIDE, check_frame, grade_frame
from gradkit.report.table import Table, first_names, show_table
from gradkit.text import clean_text, format_count, format_text

if TYPE_CHECKING:
    from pandas import DataFrame

SPREAD = 10
"""Smallest number of scores for which their distribution is shown."""

NAMES = 6
"""Largest number of students named beside a mistake; the rest are counted."""


def show_summary(rows: Sequence[Row], console: Console) -> None:
    """Print the summary of a class.

    It has scores, states by check, mistakes by frequency, unusual submissions, and the students
    whose results a person must look at. Tables without rows are left out.
    """
    grades = grade_frame(rows)
    scores, most, unit = words.comparable(zip(grades["score"], grades["max_score"], strict=True))
    console.print(Text(standing_counts(rows), style="bold"))
    if scores:
        console.print(_distribution(scores, most, unit))
        if len(scores) >= SPREAD:
            counts = " ".join(map(str, words.tenths(scores, most)))
            console.print(
                Text(
                    format_text(
                        "students in each tenth of the points, lowest first: {counts}",
                        counts=counts,
                    )
                )
            )
        counted = grades.loc[grades["tasks"] != "", "tasks"].value_counts().sort_index()
        for tasks, count in counted.items():
            students = format_count(
                "{tasks}: {count} student", "{tasks}: {count} students", count, tasks=tasks
            )
            console.print(Text(students))
        show_table(_states(check_frame(rows)), console)
    show_table(_mistakes(grades), console)
    show_table(_unusual(grades), console)
    review = grades.loc[grades["review"] != "", ["student", "review"]]
    show_table(Table(("to review", "why"), review.to_numpy().tolist()), console)


def show_changes(changes: Sequence[Change], console: Console) -> None:
    """Print old and new scores side by side; nothing if there are no changes."""
    heads = ("submission", "old", "new", "change")
    rows = []
    for change in changes:
        difference = (change.new or 0.0) - (change.old or 0.0)
        moved = words.signed(difference) if difference else "0"
        old = words.score_text(change.old, change.old_max)
        new = words.score_text(change.new, change.new_max)
        rows.append((change.name, old, new, moved))
    show_table(Table(heads, rows, right=(1, 2, 3)), console)


def standing_counts(rows: Sequence[Row]) -> str:
    """Write the number of submissions of a class, and how many of them are refused, and so on."""
    waiting, absent = (sum(row.standing == each for row in rows) for each in OUTSIDE)
    total = len(rows) - absent - waiting
    parts = [format_count("{count} submission", "{count} submissions", total)]
    for standing in ("graded", "refused", "failed"):
        count = sum(row.standing == standing for row in rows)
        if count and (count < total or standing != "graded"):
            parts.append(f"{count} {standing}")
    provisional = sum(row.provisional for row in rows)
    if provisional:
        parts.append(format_text("{count} provisional", count=provisional))
    if waiting:
        parts.append(format_text("{count} not graded yet", count=waiting))
    if absent:
        parts.append(
            format_count(
                "{count} student without a submission that counts",
                "{count} students without a submission that counts",
                absent,
            )
        )
    return ", ".join(parts)


def _distribution(scores: list[float], most: float, unit: str) -> Text:
    """Return a line with range, mean and median of the scores of a class.

    ``most`` is the largest possible score, and ``unit`` is points or percent.
    """
    of = format_text("of {most} points", most=words.points(most)) if unit == "points" else unit
    return Text(
        format_text(
            "scores from {low} to {high}, mean {mean}, median {median} {of}: {count} with a score",
            low=words.points(min(scores)),
            high=words.points(max(scores)),
            mean=words.points(statistics.fmean(scores)),
            median=words.points(statistics.median(scores)),
            of=of,
            count=len(scores),
        )
    )


def _states(checks: DataFrame) -> Table:
    """Return a table that counts the states of each check, such as pass and fail.

    ``checks`` has a row for each check of each student, as `check_frame` returns it.
    """
    import pandas as pd

    name = checks["task"] + "/" + checks["check"]
    states = sorted(checks["state"].unique(), key=lambda state: (state != "pass", state))
    counts = pd.crosstab(name, checks["state"]).loc[name.unique(), states]
    rows = counts.astype(object).where(counts > 0, "").reset_index()
    return Table(("check", *states), rows.to_numpy().tolist(), right=range(1, len(states) + 1))


def _mistakes(grades: DataFrame) -> Table:
    """Return a table of mistakes with the students who made them, the most frequent first.

    ``grades`` has a row for each student, as `grade_frame` returns it.
    """
    made = grades.assign(mistake=grades["mistakes"].str.split()).explode("mistake")
    names = made.groupby("mistake")["student"].agg(list)
    names = names.sort_values(key=lambda found: -found.str.len(), kind="stable")
    rows = [(code, len(who), "".join(first_names(who, NAMES))) for code, who in names.items()]
    return Table(("mistake", "students", "who"), rows, right=(1,))


def _unusual(grades: DataFrame) -> Table:
    """Return a table of the students with several attempts, lateness, or points set by a person.

    ``grades`` has a row for each student, as `grade_frame` returns it.
    """
    several, late = ~grades["attempt"].isin(["", "1 of 1"]), grades["late"].eq(True)
    shown = grades[several | late | (grades["overrides"] != "")]
    shown = shown.assign(attempt=shown["attempt"].where(several, ""))
    shown["late"] = shown["late"].map({True: "late"}).fillna("")
    heads = ("student", "attempt", "late", "submitted", "points set by a person")
    columns = ["student", "attempt", "late", "at", "overrides"]
    return Table(heads, shown[columns].to_numpy().tolist())


SCHEMA = "gradkit/history/v1"

DID: Mapping[RunKind, str] = {
    "grade": "graded",
    "remark": "marked again",
    "override": "points set",
    "comment": "comment written",
    "review": "reviewed",
    "release": "pages written",
    "purge": "a student was removed",
}
"""Words for the effect of each kind of run."""

SHORT = 12
"""Number of characters of a digest that are shown; JSON output has the whole digest."""


def history_text(history: History) -> str:
    """Write the counting mark, then every run in order with its results and changes."""
    tools = {"did": DID, "time": _time, "rule": _rule, "end": _end, "short": _short}
    lines = document("history.txt", history=history, **tools).split("\n")[:-1]
    return log_text("".join(f"{clean_text(line)}\n" for line in lines))


def history_json(history: History) -> str:
    """Write a history as JSON: schema ``gradkit/history/v1``, with the fields of the records."""
    return json_text({"schema": SCHEMA, **to_builtins(history)})


def show_runs(runs: Sequence[Run], console: Console) -> None:
    """Print the runs of a class with their numbers."""
    if not runs:
        console.print(Text("There are no runs yet."))
        return
    rows = [(run.id, DID[run.kind], _time(run.began), run.who, _why(run)) for run in runs]
    heads = ("run", "what", "when (UTC)", "who", "why")
    show_table(Table(heads, rows, right=(0,)), console)


def _why(run: Run) -> str:
    parts = [run.why, _rule(run.policy) if run.policy else "", _end(run.ended)]
    return " ".join(filter(None, parts))


def _end(ended: str | None) -> str:
    return "" if ended else "The run was interrupted."


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _rule(policy: str | None) -> str:
    """Write a sentence on which of several attempts counts.

    ``policy`` is the rule as it is stored in the class, such as ``last`` or ``before=TIME``.
    """
    if policy and policy.startswith("before="):
        return format_text(
            "From this run on, the last attempt before {policy} counts.",
            policy=policy.removeprefix("before="),
        )
    return format_text("From this run on, the {policy} attempt counts.", policy=policy)


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:SHORT]}…"


FIRST_REPORT = 10.0
"""Seconds until the first line about progress in a log; each further line waits longer."""

PAUSE_FACTOR = 3
"""Factor between the times of two lines about progress, so that a log stays short."""


class Watcher(Progress):
    """A context manager that shows the progress of grading.

    Parameters
    ----------
    console : Console
        On standard error.
    """

    def __init__(self, console: Console) -> None:
        """Prepare to report the progress of grading on a console."""
        super().__init__(
            TextColumn("grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._skipped = self._graded = 0

    def stop(self) -> None:
        """Remove the progress bar, if one was started."""
        # Without a terminal no bar is drawn, but rich before 14.1 prints an empty line for it.
        if not self.disable:
            super().stop()

    def begin(self, total: int) -> None:
        """Start to count; ``total`` is the number of submissions."""
        self._total = total
        self._began = time.monotonic()
        self._next_report = FIRST_REPORT
        self._bar = self.add_task("grading", total=total, rate="")

    def skip(self) -> None:
        """Count a submission that has not changed and is not graded again."""
        self._skipped += 1
        self.advance(self._bar)

    def step(self, filed: Filed) -> None:
        """Count a graded submission, and update the progress bar.

        If the console is no terminal, a line is printed instead, after longer and longer pauses.
        """
        self._graded += 1
        now = time.monotonic()
        passed = now - self._began
        rate = f"{self._graded / passed:.1f}/s" if passed else ""
        self.update(self._bar, advance=1, rate=rate)
        done = self._graded + self._skipped
        if self.disable and passed >= self._next_report and done < self._total:
            while self._next_report <= passed:
                self._next_report *= PAUSE_FACTOR
            eta = (self._total - done) * passed / self._graded
            line = f"{done} of {self._total} graded, {rate}, about {eta:.0f} s left"
            self.console.print(line, highlight=False)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(Text(f"gradkit: {text}"), soft_wrap=True)
