"""``gradkit review``: what a person must look at, split among those who do."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import PSEUDONYMS, FilePath
from gradkit.cli.refusal import Refusal


@click.command("review")
@click.argument("folder", required=False, type=FilePath(), metavar="[DIR]")
@click.option("--split", metavar="NAMES", help="Share the work among these, as anna,ben,carla.")
@click.option("--for", "whose", metavar="NAME", help="With --split: this one's part alone.")
@PSEUDONYMS
@click.option("--csv", "as_csv", is_flag=True, help="One row for each student.")
def command(
    folder: Path | None, split: str | None, whose: str | None, pseudonyms: bool, as_csv: bool
) -> None:
    """List what a person must look at in the class in DIR.

    The most urgent comes first, each with the command to see it. Whoever shares the work gets
    the same students again, as long as few come or go.
    """
    assistants = _names(split)
    if whose is not None and whose not in assistants:
        among = f"There are {', '.join(assistants)}" if assistants else "It goes with --split"
        raise Refusal(f"--for {whose}: nobody of that name shares the work. {among}.")
    where = "" if folder is None else f"--class {shlex.quote(str(folder))}"
    folder = class_folder(folder)
    from rich.console import Console

    from gradkit.classroom.account.review import all_provisional, review
    from gradkit.classroom.file.counted import counted
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.render.review import show_review, to_csv

    try:
        with Store(folder, write=False) as store:
            looks = review(store, assistants, pseudonyms=pseudonyms)
            provisional = all_provisional(counted(store))
    except StoreError as error:
        raise Refusal(str(error)) from None
    looks = [look for look in looks if whose in (None, look.assistant)]
    if as_csv:
        sys.stdout.buffer.write(to_csv(looks, where).encode())
        sys.stdout.flush()
        return
    show_review(looks, Console(), where)
    if provisional:
        click.echo(
            "gradkit: all marks are provisional, as they are without model solutions: `gradkit "
            "grade` with --reference makes them final.",
            err=True,
        )


def _names(split: str | None) -> list[str]:
    """Those who share the work."""
    names = [name.strip() for name in (split or "").split(",")]
    if split is not None and (not all(names) or len(set(names)) < len(names)):
        raise Refusal(f"--split {split}: expected are different names with commas between them.")
    return [name for name in names if name]
