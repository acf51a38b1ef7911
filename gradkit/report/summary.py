"""Write the summary of a class, the progress of grading, and the history of a grade.

The history of a grade uses no terms of gradkit, because its readers may not know the command.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gradkit.records.classroom import Change, Filed, Row, Run, RunKind, Summary
from gradkit.records.reports import History
from gradkit.report import words
from gradkit.report.data import csv_cell, json_text, log_text
from gradkit.report.document import document
from gradkit.report.table import Table, attempt_text, brief, first_names, show_table
from gradkit.text import clean_text, format_count, format_text

if TYPE_CHECKING:
    from pandas import DataFrame

SPREAD = 10
"""Smallest number of scores for which their distribution is shown."""

NAMES = 6
"""Largest number of students named beside a mistake; the rest are counted."""


def show_summary(summary: Summary, console: Console) -> None:
    """Print the summary of a class.

    It has scores, states by check, mistakes by frequency, unusual submissions, and the students
    whose results a person must look at. Tables without rows are left out.
    """
    scores, most, unit = words.comparable((row.score, row.max_score) for row in summary.rows)
    console.print(Text(standing_counts(summary), style="bold"))
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
        counted = Counter(row.counted for row in summary.rows if row.counted)
        for tasks, count in sorted(counted.items()):
            students = format_count(
                "{tasks}: {count} student", "{tasks}: {count} students", count, tasks=tasks
            )
            console.print(Text(students))
        show_table(_states(summary), console)
    show_table(_mistakes(summary), console)
    handed = [cells for row in summary.rows if any((cells := _handed(row))[1:])]
    heads = ("student", "attempt", "late", "submitted")
    show_table(Table((*heads, "points set by a person"), handed), console)
    review = [(row.name, _look(row, ", ")) for row in summary.rows if row.review]
    show_table(Table(("to review", "why"), review), console)


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


def summary_csv(summary: Summary) -> str:
    """Write one row for each student, one column for each check, in UTF-8 with a header."""
    import pandas as pd

    frame = summary_frame(summary)
    for name in frame:
        # Not by `map`, which makes floats of counts where one is missing.
        cells = [csv_cell(cell) if isinstance(cell, str) else cell for cell in frame[name]]
        frame[name] = pd.Series(cells, dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def summary_frame(summary: Summary) -> DataFrame:
    """Return the table of a class with a row for each student, see `gradkit.grades`.

    Cells keep their Python types, so that a missing number is None and a count stays whole.
    """
    import pandas as pd

    known = {kind for row in summary.rows for kind in row.ids}
    ids = {kind: word for kind, word in IDS.items() if kind in known}
    rows = [
        {**_cells(row, summary.states), **{word: row.ids.get(kind) for kind, word in ids.items()}}
        for row in summary.rows
    ]
    columns = [*_cells(Row("", "absent"), summary.states), *ids.values()]
    return pd.DataFrame(rows, columns=columns, dtype=object)


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


def _cells(row: Row, checks: Iterable[str]) -> dict[str, object]:
    """Return the cells of a student, by column. ``checks`` are the checks that have a column.

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
        "overrides": "; ".join(_decided(row)),
        "comments": row.comments if there else None,
        "reviewed_by": row.reviewed_by,
        "review": _look(row, "; "),
        "mistakes": " ".join(row.mistakes),
        "tasks": row.counted,
        **{check: row.checks[check][1] if check in row.checks else None for check in checks},
        **{f"{kind}_points": _line(row, kind) for kind in LINES},
        "score_by_numbers": row.by_numbers[0] if row.by_numbers else None,
        "max_by_numbers": row.by_numbers[1] if row.by_numbers else None,
    }


def _line(row: Row, kind: str) -> float | None:
    """Return the sum of a student's adjustments of a kind; None if there are none."""
    found = [line.points for line in row.adjustments if line.kind == kind]
    return round(sum(found), 2) if found else None


def _decided(row: Row) -> list[str]:
    """List sentences on the points that a person has set for checks, tasks and the total."""
    texts = [f"{name}: {words.override_text(check)}" for name, check in row.overridden.items()]
    own = [one for one in row.adjustments if one.decision is not None]
    return texts + [f"{words.signed(one.points)} {words.adjustment_text(one)}" for one in own]


def _handed(row: Row) -> tuple[str, ...]:
    """Return name, attempt, lateness, time and points set by a person.

    All but the name are empty for a single attempt in time without such points.
    """
    handed, decided = row.handed, "\n".join(_decided(row))
    unusual = handed.attempts > 1 or handed.late or decided
    attempt = attempt_text(handed) if handed.attempts > 1 else ""
    late = "late" if handed.late else ""
    return row.name, attempt, late, handed.at if unusual else "", decided


def _look(row: Row, between: str) -> str:
    """Return the reasons why a person must look at a student's result, joined by ``between``."""
    return (brief(row.told) if row.review else "") or between.join(
        each.words for each in row.review
    )


def standing_counts(summary: Summary) -> str:
    """Return a text with the number of submissions, and of the refused, provisional and so on."""
    rows = summary.rows
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
    """Return a line with range, mean and median of the scores, as on the class page."""
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


def _states(summary: Summary) -> Table:
    """Return a table that counts the states of each check."""
    seen = {state for counts in summary.states.values() for state in counts}
    states = sorted(seen, key=lambda state: (state != "pass", state))
    rows = [
        (check, *(str(counts.get(state, "")) for state in states))
        for check, counts in summary.states.items()
    ]
    return Table(("check", *states), rows, right=range(1, len(states) + 1))


def _mistakes(summary: Summary) -> Table:
    """Return a table of mistakes with the students who made them."""
    rows = [
        (code, len(names), "".join(first_names(names, NAMES)))
        for code, names in summary.mistakes.items()
    ]
    return Table(("mistake", "students", "who"), rows, right=(1,))


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
    return "" if ended else "It was interrupted."


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _rule(policy: str | None) -> str:
    """Write a sentence on which attempt counts by a rule."""
    if policy and policy.startswith("before="):
        return format_text(
            "From then on the last attempt before {policy} counts.",
            policy=policy.removeprefix("before="),
        )
    return format_text("From then on the {policy} attempt counts.", policy=policy)


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
