"""``gradkit remark``: mark a class again without running anybody's code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from gradkit.cli.interrupt import interruptible
from gradkit.cli.options import (
    ASSIGNMENT,
    ATTEMPT,
    CLASS,
    NEW_VERSION,
    NO_REFERENCE,
    PRESET,
    REFERENCE,
    Text,
)
from gradkit.cli.output import tell
from gradkit.cli.refusal import FAILED
from gradkit.cli.usage import Command


@click.command(
    "remark", cls=Command, example='gradkit remark results --drop swapped-index --why "unclear"'
)
@CLASS
@ASSIGNMENT
@REFERENCE
@NO_REFERENCE
@PRESET
@click.option(
    "--drop",
    "drops",
    multiple=True,
    metavar="CODE",
    help="Withdraw this finding from everyone (may be repeated).",
)
@click.option(
    "--keep",
    "keeps",
    multiple=True,
    metavar="CODE",
    help="Let this finding count again, which --drop withdrew (may be repeated).",
)
@ATTEMPT
@NEW_VERSION
@click.option(
    "--why",
    type=Text(),
    default="",
    metavar="TEXT",
    help="Kept with the new marks; students read it too.",
)
@click.option("--dry-run", is_flag=True, help="List what would change, and store nothing.")
def command(folder: Path, dry_run: bool, **options: Any) -> None:
    """Mark the class in DIR again: new points, deductions or tolerances, the same answers.

    Without options the assignment file is read again from where it was when the class was
    graded, and what was decided before (--preset, --drop, --attempt) holds on.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.process_pool import cores
    from gradkit.classroom.remark import remark_class
    from gradkit.report.summary import show_changes

    with interruptible(" All marks are as they were."):
        done = remark_class(folder, dry_run=dry_run, workers=cores(), **options)
    show_changes(done.changes, Console())
    verb = "would change" if dry_run else "changed"
    click.echo(f"{len(done.changes)} of {done.total} scores {verb}.", err=True)
    tell([f"{name} was left as it is: {told}. Grade it again." for name, told in done.stale])
    if done.stale:
        raise click.exceptions.Exit(FAILED)
