"""A class on a terminal or in a log, and as a table for pandas and spreadsheets."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradkit.language import say, say_each
from gradkit.records.classroom import Change, Row, Summary
from gradkit.records.verdict import State
from gradkit.report.escape import csv_cell
from gradkit.report.rounding import points
from gradkit.report.table import columns, filled
from gradkit.report.words import decided, word
from gradkit.text import clean_text

NAMES = 6
"""Students who are named beside a mistake; the rest are counted."""


def show_summary(summary: Summary, console: Console) -> None:
    """Print scores, states by check, mistakes by frequency, and what needs a look."""
    graded = [
        row.score / row.max_score for row in summary.rows if row.score is not None and row.max_score
    ]
    console.print(Text(_counts(summary), style="bold"))
    if graded:
        console.print(_distribution(graded))
        console.print(_states(summary))
    if summary.mistakes:
        console.print(_mistakes(summary))
    review = [(row.name, _look(row, ", ")) for row in summary.rows if row.review]
    handed = [_handed(row) for row in summary.rows]
    if any(any(cells[1:]) for cells in handed):
        heads = (
            say("student"),
            say("attempt"),
            say("late"),
            say("handed in"),
            say("points set by a person"),
        )
        console.print(filled(heads, (cells for cells in handed if any(cells[1:]))))
    if review:
        console.print(filled((say("to be looked at"), say("why")), review))


def show_changes(changes: Sequence[Change], console: Console) -> None:
    """Print old and new scores side by side; nothing where there are none."""
    if not changes:
        return
    table = columns(say("submission"), say("old"), say("new"), say("change"), right=(1, 2, 3))
    for change in changes:
        difference = (change.new or 0.0) - (change.old or 0.0)
        sign = "+" if difference > 0 else "−" if difference < 0 else ""
        table.add_row(
            Text(clean_text(change.name)),
            _score(change.old, change.old_max),
            _score(change.new, change.new_max),
            f"{sign}{points(abs(difference))}",
        )
    console.print(table)


def _score(score: float | None, most: float | None) -> str:
    return "–" if score is None or most is None else f"{points(score)} / {points(most)}"


def to_csv(summary: Summary) -> str:
    """One row for each student, one column for each check, in UTF-8 with a header.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    checks = list(summary.states)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = ("student", "standing", "score", "max_score", "provisional")
    more = ("late", "attempt", "at", "overrides", "review", "mistakes")
    writer.writerow([*head, *more, *checks])
    for row in summary.rows:
        there = row.standing != "absent"
        facts = (
            row.score,
            row.max_score,
            *((row.provisional, row.handed.late) if there else (None, None)),
        )
        said = (
            _attempt(row),
            row.handed.at,
            "; ".join(_decided(row)),
            _look(row, "; "),
            " ".join(row.mistakes),
        )
        points_ = [row.checks[check][1] if check in row.checks else None for check in checks]
        writer.writerow([csv_cell(row.name), row.standing, *facts, *map(csv_cell, said), *points_])
    return buffer.getvalue()


def _attempt(row: Row) -> str:
    """Which of how many it is that counts."""
    if not row.handed.attempts:
        return ""
    return say("{number} of {attempts}", number=row.handed.number, attempts=row.handed.attempts)


def _decided(row: Row) -> list[str]:
    """Who has set the points of which check."""
    return [f"{name}: {decided(check)}" for name, check in row.decided.items()]


def _handed(row: Row) -> tuple[str, ...]:
    """Name, attempt, late, time, points set: empty but for the name where all is as usual."""
    handed, words = row.handed, "\n".join(_decided(row))
    unusual = handed.attempts > 1 or handed.late or words
    attempt = _attempt(row) if handed.attempts > 1 else ""
    late = say("late") if handed.late else ""
    return row.name, attempt, late, handed.at if unusual else "", words


def _look(row: Row, between: str) -> str:
    """Why a person should look at it."""
    return row.told or between.join(row.review)


def _counts(summary: Summary) -> str:
    rows = summary.rows
    absent = sum(row.standing == "absent" for row in rows)
    total = len(rows) - absent
    parts = [say_each("{count} submission", "{count} submissions", total)]
    for standing in ("graded", "refused", "failed"):
        count = sum(row.standing == standing for row in rows)
        if count and (count < total or standing != "graded"):
            parts.append(f"{count} {word(standing)}")
    provisional = sum(row.provisional for row in rows)
    if provisional:
        parts.append(say("{count} provisional", count=provisional))
    if absent:
        parts.append(say("{count} without one that counts", count=absent))
    return ", ".join(parts)


def _distribution(shares: list[float]) -> Text:
    ordered = sorted(shares)
    low, high = ordered[0], ordered[-1]
    return Text(
        say(
            "scores from {low} to {high}, mean {mean}, median {median}",
            low=f"{low:.0%}",
            high=f"{high:.0%}",
            mean=f"{statistics.fmean(ordered):.0%}",
            median=f"{statistics.median(ordered):.0%}",
        )
    )


def _states(summary: Summary) -> Table:
    seen: dict[State, None] = {}
    for counts in summary.states.values():
        seen.update(dict.fromkeys(counts))
    states = sorted(seen, key=lambda state: (state != "pass", state))
    table = columns(say("check"), *map(word, states), right=range(1, len(states) + 1))
    for check, counts in summary.states.items():
        table.add_row(check, *(str(counts.get(state, "")) for state in states))
    return table


def _mistakes(summary: Summary) -> Table:
    table = columns(say("mistake"), say("students"), say("who"), right=(1,))
    for code, names in summary.mistakes.items():
        who = ", ".join(clean_text(name) for name in names[:NAMES])
        more = say(" and {count} more", count=len(names) - NAMES) if len(names) > NAMES else ""
        table.add_row(code, str(len(names)), Text(who + more))
    return table
