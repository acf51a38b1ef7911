"""``gradkit history``: how a student's grade came about, or which runs there were."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import IN_CLASS
from gradkit.cli.refusal import Refusal


@click.command("history")
@click.argument("student", required=False)
@IN_CLASS
@click.option("--json", "as_json", is_flag=True, help="The same as data, with whole digests.")
def command(student: str | None, folder: Path | None, as_json: bool) -> None:
    """Tell how a grade came about, or list the runs.

    Every run that had to do with the grade of STUDENT, in order: who, when and why, with which
    versions and inputs, the score before and after. Without STUDENT all runs are listed.
    """
    if as_json and student is None:
        raise Refusal("--json is a student's history: name the student.")
    folder = class_folder(folder)
    from rich.console import Console

    from gradkit.classroom.account.history import history
    from gradkit.classroom.course.whom import WhomError, whom
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.render.history import show_runs, to_json, to_text
    from gradkit.text import spell

    try:
        with Store(folder, write=False) as store:
            if student is None:
                show_runs(store.runs(), Console())
                return
            told = history(store, whom(store, student))
    except (StoreError, WhomError) as error:
        raise Refusal(str(error)) from None
    encoding = "utf-8" if as_json else sys.stdout.encoding
    text = to_json(told) if as_json else spell(to_text(told), encoding)
    sys.stdout.buffer.write(text.encode(encoding, "replace"))
    sys.stdout.flush()
