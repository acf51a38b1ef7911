"""``gradkit feedback``: pages and grades for the platform that the submissions came from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.interrupt import interruptible
from gradkit.cli.options import CLASS, HINTS, FilePath, Text, out
from gradkit.cli.refusal import FAILED, Refusal
from gradkit.cli.usage import Command, OneOf

if TYPE_CHECKING:
    from gradkit.classroom.feedback.address import Way


@click.command(
    "feedback",
    cls=Command,
    example="gradkit feedback results --format moodle --worksheet Grades.csv",
)
@CLASS
@click.option(
    "--format",
    "way",
    type=OneOf(["canvas", "moodle", "folder"]),
    required=True,
    help="A zip for Canvas' “Upload submissions”, one of feedback files for Moodle, or a folder "
    "with a page for each student.",
)
@out("PATH", "The zip or folder to write.  [default: one in DIR/feedback]")
@HINTS
@click.option(
    "--worksheet",
    type=FilePath(),
    metavar="CSV",
    help="With --format moodle: fill this grading worksheet, comments too.",
)
@click.option(
    "--gradebook",
    type=FilePath(),
    metavar="CSV",
    help="With --format canvas: write points against this gradebook.",
)
@click.option(
    "--column", metavar="TITLE", help="The assignment in the gradebook, by title or number."
)
@click.option(
    "--in-place", is_flag=True, help="Replace the CSV itself.  [default: write beside the zip]"
)
@click.option(
    "--changed", is_flag=True, help="Leave out pages that their students have been given already."
)
@click.option("--why", type=Text(), default="", metavar="TEXT", help="Kept with the release.")
@click.option("--dry-run", is_flag=True, help="List who would be left out, and write nothing.")
def command(folder: Path, way: Way, dry_run: bool, **options: Any) -> None:
    """Write what goes back to the students of the class in DIR, and note what each was given.

    Pages show what the hint level of the assignment shows, and say what has changed since the
    last one. Ends with 1 where somebody is left out.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.feedback.run import give_back
    from gradkit.classroom.process_pool import cores
    from gradkit.report.formats import lacking
    from gradkit.report.table import given_lines, show_left

    if told := lacking("html"):
        raise Refusal(told)
    with interruptible(" What was there is whole; start the same command again."):
        given = give_back(folder, way, dry_run=dry_run, workers=cores(), **options)
    show_left(given.left, Console())
    for line in given_lines(given, write=not dry_run):
        click.echo(line, err=True)
    for path in given.written:
        click.echo(path)
    if given.left:
        raise click.exceptions.Exit(FAILED)
