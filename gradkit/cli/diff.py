"""``gradkit diff``: what has changed between two runs."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import CLASS, PSEUDONYMS
from gradkit.cli.usage import Command


@click.command("diff", cls=Command, example="gradkit diff results 2 5")
@CLASS
@click.argument("before", type=int, metavar="RUN")
@click.argument("after", type=int, metavar="RUN")
@PSEUDONYMS
def command(folder: Path, before: int, after: int, pseudonyms: bool) -> None:
    """List what has changed between two runs of the class in DIR.

    Scores, findings and points that were set, as they stood at the end of each. `gradkit
    history` lists the runs.
    """
    from rich.console import Console

    from gradkit.classroom.reports.history import differences
    from gradkit.classroom.store.results import Store
    from gradkit.report.table import show_differences

    with Store(folder, write=False) as store:
        changed = differences(store, before, after, pseudonyms=pseudonyms)
    show_differences(changed, Console())
