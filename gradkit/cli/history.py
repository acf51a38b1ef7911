"""``gradkit history``: how a student's grade came about, or which runs there were."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradkit.cli.options import CLASS, format_option
from gradkit.cli.output import to_stdout
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command("history", cls=Command, example='gradkit history results "Ann Lee" --format json')
@CLASS
@click.argument("student", required=False)
@format_option("text", "json")
def command(folder: Path, student: str | None, format_: str) -> None:
    """Tell how a grade of the class in DIR came about, or list the runs.

    Every run that had to do with the grade of STUDENT, in order: who, when and why, with which
    versions and inputs, the score before and after. Without STUDENT all runs are listed.
    """
    if format_ == "json" and student is None:
        raise Refusal("--format json is a student's history: name the student.")
    from rich.console import Console

    from gradkit.classroom.course.find_student import find_student
    from gradkit.classroom.reports.history import history
    from gradkit.classroom.store.results import Store
    from gradkit.report.history import show_runs, to_json, to_text
    from gradkit.text import spell

    with Store(folder, write=False) as store:
        if student is None:
            show_runs(store.runs(), Console())
            return
        told = history(store, find_student(store, student))
    if format_ == "json":
        to_stdout(to_json(told).encode())
    else:
        encoding = sys.stdout.encoding
        to_stdout(spell(to_text(told), encoding).encode(encoding, "replace"))
