"""``gradkit diff``: what has changed between two runs."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import IN_CLASS, PSEUDONYMS
from gradkit.cli.refusal import Refusal


@click.command("diff")
@click.argument("before", type=int, metavar="RUN")
@click.argument("after", type=int, metavar="RUN")
@IN_CLASS
@PSEUDONYMS
def command(before: int, after: int, folder: Path | None, pseudonyms: bool) -> None:
    """List what has changed between two runs.

    Scores, findings and points that were set, as they stood at the end of each. `gradkit
    history` lists the runs.
    """
    folder = class_folder(folder)
    from rich.console import Console

    from gradkit.classroom.account.diff import differences
    from gradkit.classroom.account.history import RunError
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.render.diff import show_differences

    try:
        with Store(folder, write=False) as store:
            changed = differences(store, before, after, pseudonyms=pseudonyms)
    except (RunError, StoreError) as error:
        raise Refusal(str(error)) from None
    show_differences(changed, Console())
