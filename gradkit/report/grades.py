"""Print what `gradkit grade` found: a line for each student, and the most frequent mistake."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from gradkit.records.classroom import FrequentMistake, Row
from gradkit.report.data import EXPECTED_LEVEL
from gradkit.report.summary import standing_counts
from gradkit.report.table import Table, brief, first_names, show_table
from gradkit.report.text import Line, format_finding, show_lines
from gradkit.report.words import score_text
from gradkit.text import clean_text, format_count

MISTAKES_PER_STUDENT = 3
"""Largest number of mistakes that are named in the line of a student; the rest are counted."""


def show_grades(students: Sequence[Row], mistake: FrequentMistake | None, console: Console) -> None:
    """Print a line for each student of a class, and the most frequent mistake in full.

    Parameters
    ----------
    students : sequence of Row
        The students, in the order of the lines.
    mistake : FrequentMistake or None
        None if no mistake was found.
    console : Console
        Where the lines are printed.
    """
    console.print(Text(standing_counts(students), style="bold"))
    rows = [(row.name, _score(row), _notes(row)) for row in students]
    show_table(Table(("student", "score", "notes"), rows), console)
    if mistake is not None:
        show_lines(_mistake_lines(mistake), console)


def _score(row: Row) -> str:
    """Return a student's score, or why there is none."""
    if row.score is None:
        return row.ungraded or row.standing
    return score_text(row.score, row.max_score)


def _notes(row: Row) -> str:
    """Return a student's first mistakes, and a reason to look at the result.

    The mistakes are at most `MISTAKES_PER_STUDENT`, and the number of the others.
    The reason is why the submission was refused, or else the most urgent reason for a review; there
    may be none.
    """
    notes = ["".join(first_names(list(row.mistakes), MISTAKES_PER_STUDENT))]
    if row.told and row.review:
        notes.append(brief(row.told).removeprefix(f"{row.name}: "))
    elif row.review and row.score is not None:
        notes.append("review: " + "".join(first_names([each.words for each in row.review], 1)))
    return "; ".join(filter(None, notes))


def _mistake_lines(mistake: FrequentMistake) -> Iterator[Line]:
    """Return the lines of the most frequent mistake, as one student made it."""
    count = format_count("{count} student", "{count} students", mistake.students)
    title = f"Most frequent mistake: {mistake.finding.mistake} ({count}). Example: {mistake.name}"
    yield Text(clean_text(title), style="bold"), 0
    for line, indent in format_finding(mistake.finding, EXPECTED_LEVEL, more=False):
        yield line, indent + 2


def next_commands(folder: Path) -> str:
    """Return a line with the commands that usually follow `gradkit grade`."""
    name = shlex.quote(str(folder))
    commands = (f"gradkit {word} {name}" for word in ("summary", "review", "feedback"))
    return f"Next: {', '.join(commands)}, or gradkit show {name} NAME for a full report"
