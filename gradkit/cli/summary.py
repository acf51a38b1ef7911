"""``gradkit summary``: a class at a glance, or as a table."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gradkit.cli.options import CLASS, PSEUDONYMS
from gradkit.cli.refusal import Refusal


@click.command("summary")
@CLASS
@click.option("--csv", "as_csv", is_flag=True, help="One row per student, one column per check.")
@PSEUDONYMS
def command(folder: Path, as_csv: bool, pseudonyms: bool) -> None:
    """Sum up the class that `gradkit grade` has stored in DIR."""
    from rich.console import Console

    from gradkit.classroom.account.summary import summarise
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.render.summary import show_summary, to_csv

    try:
        with Store(folder, write=False) as store:
            summary = summarise(store, pseudonyms=pseudonyms)
    except StoreError as error:
        raise Refusal(str(error)) from None
    if as_csv:
        sys.stdout.buffer.write(to_csv(summary).encode())
        sys.stdout.flush()
        return
    show_summary(summary, Console())
