"""``gradkit feedback``: pages and grades for the platform that the submissions came from."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.grade import cores
from gradkit.cli.options import CLASS, HINTS, FilePath, Text
from gradkit.cli.refusal import FAILED, INTERRUPTED, Refusal

if TYPE_CHECKING:
    from gradkit.classroom.back.address import Way
    from gradkit.classroom.back.feedback import Table

DEFAULTS = {"canvas": "canvas.zip", "moodle": "moodle.zip", "folder": "pages"}
"""What is written into ``DIR/feedback``."""


@click.command("feedback")
@CLASS
@click.option("--canvas", "way", flag_value="canvas", help="A zip for “Upload submissions”.")
@click.option("--moodle", "way", flag_value="moodle", help="A zip of feedback files.")
@click.option("--folder", "way", flag_value="folder", help="A folder with a page for each student.")
@click.option(
    "--out",
    type=FilePath(),
    metavar="PATH",
    help="The zip or folder to write.  [default: one in DIR/feedback]",
)
@HINTS
@click.option(
    "--worksheet",
    type=FilePath(),
    metavar="CSV",
    help="With --moodle: fill this grading worksheet, comments too.",
)
@click.option(
    "--gradebook",
    type=FilePath(),
    metavar="CSV",
    help="With --canvas: write points against this gradebook.",
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
def command(
    folder: Path,
    way: Way | None,
    out: Path | None,
    hints: int | None,
    worksheet: Path | None,
    gradebook: Path | None,
    column: str | None,
    in_place: bool,
    changed: bool,
    why: str,
    dry_run: bool,
) -> None:
    """Write what goes back to the students of the class in DIR, and note what each was given.

    Pages show what the hint level of the assignment shows, and say what has changed since the
    last one. Ends with 1 where somebody is left out.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.back.bundle import BundleError
    from gradkit.classroom.back.feedback import FeedbackError, Plan, feedback
    from gradkit.classroom.back.sheet import SheetError
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store
    from gradkit.classroom.remark import settings_of
    from gradkit.grounds import BreakdownError
    from gradkit.render.feedback import said, show_left
    from gradkit.render.formats import lacking
    from gradkit.truth.assignment import AssignmentError, read_assignment

    if way is None:
        raise Refusal("say where the feedback goes: --canvas, --moodle or --folder.")
    if told := lacking("html"):
        raise Refusal(told)
    target = out or folder / "feedback" / DEFAULTS[way]
    table = _table(way, target, worksheet, gradebook, column, in_place=in_place)
    try:
        with Store(folder, write=not dry_run, make=False) as store:
            level = hints or read_assignment(settings_of(store).assignment).hints
            plan = Plan(way, target, level, table, cores(), why, changed, not dry_run)
            given = feedback(store, plan)
    except (
        AssignmentError,
        BreakdownError,
        BundleError,
        FeedbackError,
        SheetError,
        StoreError,
    ) as error:
        raise Refusal(str(error)) from None
    except KeyboardInterrupt:
        click.echo(
            "gradkit: interrupted. What was there is whole; start the same command again.", err=True
        )
        raise click.exceptions.Exit(INTERRUPTED) from None
    show_left(given.left, Console())
    for line in said(given, write=not dry_run):
        click.echo(line, err=True)
    for path in given.written:
        click.echo(path)
    if given.left:
        raise click.exceptions.Exit(FAILED)


def _table(
    way: str,
    target: Path,
    worksheet: Path | None,
    gradebook: Path | None,
    column: str | None,
    *,
    in_place: bool,
) -> Table | None:
    """The platform's table that is to be filled, where one is named.

    Raises
    ------
    Refusal
        The options do not go together, or it cannot be read.
    """
    from gradkit.classroom.back.feedback import Table
    from gradkit.classroom.back.gradebook import fill_gradebook
    from gradkit.classroom.back.worksheet import fill_worksheet

    if worksheet is not None and way != "moodle":
        raise Refusal("--worksheet is a table of Moodle's: it goes with --moodle.")
    if gradebook is not None and way != "canvas":
        raise Refusal("--gradebook is a table of Canvas': it goes with --canvas.")
    if (gradebook is None) != (column is None):
        raise Refusal("--gradebook and --column go together: the table, and the column in it.")
    path = worksheet or gradebook
    if path is None:
        if in_place:
            raise Refusal("--in-place needs a table: name it with --worksheet or --gradebook.")
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refusal(
            f"{path}: cannot be opened ({error.strerror}). Check the path and the permissions."
        ) from None
    written = path if in_place else target.parent / path.name
    if not in_place and written.resolve() == path.resolve():
        raise Refusal(
            f"{path}: the filled table would take its place. Say so with --in-place, or write "
            "elsewhere with --out."
        )
    if gradebook is None:
        return Table(written, partial(fill_worksheet, data, path.name))
    return Table(written, partial(fill_gradebook, data, path.name, assignment=column or ""))
