"""A class on a terminal or in a log, how far it is, as a table, and how a grade came about.

No word of a history is gradkit's alone: it is read by people who have never seen the command.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import to_builtins
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gradkit.formatting import format_count, format_text
from gradkit.records.classroom import Change, Filed, Row, Run, RunKind, Summary
from gradkit.records.reports import History
from gradkit.report import words
from gradkit.report.data import json_text
from gradkit.report.document import document
from gradkit.report.escape import log_text
from gradkit.report.table import Table, attempt_text, brief, first_names, show_table, to_csv
from gradkit.text import clean_text

SPREAD = 10
"""Scores from which on it is told how they are spread."""

NAMES = 6
"""Students who are named beside a mistake; the rest are counted."""


def show_summary(summary: Summary, console: Console) -> None:
    """Print scores, states by check, mistakes by frequency, and what needs a look."""
    scores, most, unit = words.comparable((row.score, row.max_score) for row in summary.rows)
    console.print(Text(standing_counts(summary), style="bold"))
    if scores:
        console.print(_distribution(scores, most, unit))
        if len(scores) >= SPREAD:
            counts = " ".join(map(str, words.tenths(scores, most)))
            console.print(
                Text(format_text("students by tenth of the points: {counts}", counts=counts))
            )
        counted = Counter(row.counted for row in summary.rows if row.counted)
        for said, count in sorted(counted.items()):
            students = format_count(
                "{tasks}: {count} student", "{tasks}: {count} students", count, tasks=said
            )
            console.print(Text(students))
        show_table(_states(summary), console)
    show_table(_mistakes(summary), console)
    handed = [cells for row in summary.rows if any((cells := _handed(row))[1:])]
    heads = ("student", "attempt", "late", "handed in")
    show_table(Table((*heads, "points set by a person"), handed), console)
    review = [(row.name, _look(row, ", ")) for row in summary.rows if row.review]
    show_table(Table(("to be looked at", "why"), review), console)


def show_changes(changes: Sequence[Change], console: Console) -> None:
    """Print old and new scores side by side; nothing where there are none."""
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
    known = {kind for row in summary.rows for kind in row.ids}
    ids = {kind: word for kind, word in IDS.items() if kind in known}
    heads = [*_cells(Row("", "absent"), summary.states), *ids.values()]
    rows = [[*_cells(row, summary.states).values(), *map(row.ids.get, ids)] for row in summary.rows]
    return to_csv(Table(heads, rows))


IDS = {"sis": "sid", "email": "email", "login": "login", "github": "github"}
"""Identifiers that a table has where any student has them, and their columns."""

LINES = ("task", "total", "numerical", "late", "bonus", "scale")
"""Points that are no check's, each a column: with the checks they add up to the score."""


OUTSIDE = ("waiting", "absent")
"""How those stand of whom there is nothing that could count."""


def _cells(row: Row, checks: Iterable[str]) -> dict[str, object]:
    """Give the cells of a student by their columns."""
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
        "review": _look(row, "; "),
        "mistakes": " ".join(row.mistakes),
        "tasks": row.counted,
        **{check: row.checks[check][1] if check in row.checks else None for check in checks},
        **{f"{kind}_points": _line(row, kind) for kind in LINES},
        "score_by_numbers": row.by_numbers[0] if row.by_numbers else None,
        "max_by_numbers": row.by_numbers[1] if row.by_numbers else None,
    }


def _line(row: Row, kind: str) -> float | None:
    found = [line.points for line in row.adjustments if line.kind == kind]
    return round(sum(found), 2) if found else None


def _decided(row: Row) -> list[str]:
    """List the sentences on points that a person has set; a policy's have columns of their own."""
    said = [f"{name}: {words.override_text(check)}" for name, check in row.overridden.items()]
    own = [one for one in row.adjustments if one.decision is not None]
    return said + [f"{words.signed(one.points)} {words.adjustment_text(one)}" for one in own]


def _handed(row: Row) -> tuple[str, ...]:
    """Name, attempt, late, time, points set: empty but for the name where all is as usual."""
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
    """Return how many submissions there are, graded, refused, provisional and waiting."""
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
                "{count} student without one that counts",
                "{count} students without one that counts",
                absent,
            )
        )
    return ", ".join(parts)


def _distribution(scores: list[float], most: float, unit: str) -> Text:
    """Write the same figures as the class page, and of how many students they are."""
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
    seen = {state for counts in summary.states.values() for state in counts}
    states = sorted(seen, key=lambda state: (state != "pass", state))
    rows = [
        (check, *(str(counts.get(state, "")) for state in states))
        for check, counts in summary.states.items()
    ]
    return Table(("check", *states), rows, right=range(1, len(states) + 1))


def _mistakes(summary: Summary) -> Table:
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
    "release": "given back",
    "purge": "somebody was removed",
}
"""What each kind of run does."""

SHORT = 12
"""Characters of a digest that tell it from others; the data have all of it."""


def history_text(history: History) -> str:
    """Write what counts, then every run in order, each line of what it found and changed."""
    tools = {"did": DID, "time": _time, "rule": _rule, "end": _end, "short": _short}
    lines = document("history.txt", history=history, **tools).split("\n")[:-1]
    return log_text("".join(f"{clean_text(line)}\n" for line in lines))


def history_json(history: History) -> str:
    """All of it as data, in UTF-8: schema ``gradkit/history/v1``, the names of the records."""
    return json_text({"schema": SCHEMA, **to_builtins(history)})


def show_runs(runs: Sequence[Run], console: Console) -> None:
    """Print the runs of a class with their numbers."""
    if not runs:
        console.print(Text("Nothing has been done yet."))
        return
    rows = [(run.id, DID[run.kind], _time(run.began), run.who, _why(run)) for run in runs]
    heads = ("run", "what", "when (UTC)", "who", "why")
    show_table(Table(heads, rows, right=(0,)), console)


def _why(run: Run) -> str:
    parts = [run.why, _rule(run.policy) if run.policy else "", _end(run.ended)]
    return " ".join(filter(None, parts))


def _end(ended: str | None) -> str:
    return "" if ended else "It did not come to its end."


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _rule(policy: str | None) -> str:
    """Write in words which attempt counts."""
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
"""How many times as late as a line about progress the next one is, so that a log stays short."""


class Watcher(Progress):
    """A context manager that is told of each submission, and tells people.

    Parameters
    ----------
    console : Console
        On standard error.
    """

    def __init__(self, console: Console) -> None:
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
        """There are so many submissions."""
        self._total = total
        self._began = time.monotonic()
        self._next_report = FIRST_REPORT
        self._bar = self.add_task("grading", total=total, rate="")

    def skip(self) -> None:
        """One is done and unchanged."""
        self._skipped += 1
        self.advance(self._bar)

    def step(self, filed: Filed) -> None:
        """One more has been graded."""
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
            said = f"{done} of {self._total} graded, {rate}, about {eta:.0f} s left"
            self.console.print(said, highlight=False)

    def warn(self, text: str) -> None:
        """Tell what a person should know first."""
        self.console.print(Text(f"gradkit: {text}"), soft_wrap=True)
