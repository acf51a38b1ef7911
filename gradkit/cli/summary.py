"""``gradkit summary``: a class at a glance, or as a table."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import CLASS, PSEUDONYMS, format_option
from gradkit.cli.output import to_stdout
from gradkit.cli.usage import Command


@click.command("summary", cls=Command, example="gradkit summary results --format csv > class.csv")
@CLASS
@format_option("text", "csv")
@PSEUDONYMS
def command(folder: Path, format_: str, pseudonyms: bool) -> None:
    """Sum up the class in DIR; as csv, one row for each student, one column for each check."""
    from rich.console import Console

    from gradkit.classroom.reports.summary import summarise
    from gradkit.classroom.store.results import Store
    from gradkit.report.summary import show_summary, summary_csv

    with Store(folder, write=False) as store:
        summary = summarise(store, pseudonyms=pseudonyms)
    if format_ == "csv":
        to_stdout(summary_csv(summary).encode())
    else:
        show_summary(summary, Console())
