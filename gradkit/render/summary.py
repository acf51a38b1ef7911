"""A class on a terminal or in a log, and as a table for pandas and spreadsheets."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradkit.records.classroom import Change, Row, Summary
from gradkit.records.verdict import State
from gradkit.render.allot import points
from gradkit.render.escape import csv_cell
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
    if review:
        console.print(_pairs("to be looked at", "why", review))


def show_changes(changes: Sequence[Change], console: Console) -> None:
    """Print old and new scores side by side; nothing where there are none."""
    if not changes:
        return
    table = _table("submission", "old", "new", "change", right=(1, 2, 3))
    for change in changes:
        difference = change.new - change.old
        sign = "+" if difference > 0 else "−" if difference < 0 else ""
        table.add_row(
            Text(clean_text(change.name)),
            f"{points(change.old)} / {points(change.old_max)}",
            f"{points(change.new)} / {points(change.new_max)}",
            f"{sign}{points(abs(difference))}",
        )
    console.print(table)


def to_csv(summary: Summary) -> str:
    """One row for each student, one column for each check, in UTF-8 with a header.

    Cells that a spreadsheet would take for a formula begin with an apostrophe.
    """
    checks = list(summary.states)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = ("student", "standing", "score", "max_score", "provisional", "review", "mistakes")
    writer.writerow([*head, *checks])
    for row in summary.rows:
        facts = (row.score, row.max_score, row.provisional)
        said = (_look(row, "; "), " ".join(row.mistakes))
        points_ = [row.checks[check][1] if check in row.checks else None for check in checks]
        writer.writerow([csv_cell(row.name), row.standing, *facts, *map(csv_cell, said), *points_])
    return buffer.getvalue()


def _look(row: Row, between: str) -> str:
    """Why a person should look at it."""
    return row.told or between.join(row.review)


def _counts(summary: Summary) -> str:
    rows = summary.rows
    parts = [f"{len(rows)} submission{'s' * (len(rows) != 1)}"]
    for standing in ("graded", "refused", "failed"):
        count = sum(row.standing == standing for row in rows)
        if count and (count < len(rows) or standing != "graded"):
            parts.append(f"{count} {standing}")
    provisional = sum(row.provisional for row in rows)
    if provisional:
        parts.append(f"{provisional} provisional")
    return ", ".join(parts)


def _distribution(shares: list[float]) -> Text:
    ordered = sorted(shares)
    low, high = ordered[0], ordered[-1]
    return Text(
        f"scores from {low:.0%} to {high:.0%}, mean {statistics.fmean(ordered):.0%}, "
        f"median {statistics.median(ordered):.0%}"
    )


def _states(summary: Summary) -> Table:
    seen: dict[State, None] = {}
    for counts in summary.states.values():
        seen.update(dict.fromkeys(counts))
    states = sorted(seen, key=lambda state: (state != "pass", state))
    table = _table("check", *states, right=range(1, len(states) + 1))
    for check, counts in summary.states.items():
        table.add_row(check, *(str(counts.get(state, "")) for state in states))
    return table


def _mistakes(summary: Summary) -> Table:
    table = _table("mistake", "students", "who", right=(1,))
    for code, names in summary.mistakes.items():
        who = ", ".join(clean_text(name) for name in names[:NAMES])
        more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
        table.add_row(code, str(len(names)), Text(who + more))
    return table


def _pairs(first: str, second: str, rows: list[tuple[str, str]]) -> Table:
    table = _table(first, second)
    for left, right in rows:
        table.add_row(Text(clean_text(left)), Text(clean_text(right)))
    return table


def _table(*heads: str, right: Sequence[int] | range = ()) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", title_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number in right else "left")
    return table
