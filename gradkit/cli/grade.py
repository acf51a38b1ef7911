"""``gradkit grade``: a class, into a folder that nothing gets lost from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.interrupt import heeding, interruptible
from gradkit.cli.options import (
    ATTEMPT,
    HINTS,
    NEW_VERSION,
    REQUIRE_TIER,
    FilePath,
    assignment_options,
    out,
)
from gradkit.cli.output import tell
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command

if TYPE_CHECKING:
    from gradkit.classroom.run import Graded


@click.command(
    "grade", cls=Command, example="gradkit grade submissions.zip --out results --roster Grades.csv"
)
@click.argument("paths", nargs=-1, required=True, type=FilePath(), metavar="PATHS…")
@out("DIR", "Folder for the results; grading goes on there where it was left.", required=True)
@assignment_options
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Submissions graded at a time.  [default: one for each core]",
)
@REQUIRE_TIER
@HINTS
@click.option("--html", is_flag=True, help="Write pages too: DIR/pages/index.html and below.")
@click.option(
    "--roster",
    type=FilePath(),
    metavar="CSV",
    help="The course's list of students; a gradebook or worksheet is one.",
)
@click.option(
    "--groups", is_flag=True, help="What one of a roster's group handed in is the whole group's."
)
@ATTEMPT
@click.option(
    "--dry-run", is_flag=True, help="List whose the submissions are and what is odd; run nothing."
)
@NEW_VERSION
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Grade on the workers of this Dask scheduler, tcp://… or tls://….",
)
@heeding()
def command(
    paths: tuple[Path, ...],
    out: Path,
    dry_run: bool,
    **options: Any,
) -> None:
    """Grade a class. Each file, each sub-folder and each member of a folder or zip is one.

    Downloads of Canvas, Moodle, Gradescope and GitHub Classroom are known by their names.
    Results are stored as they come. Interrupted and started again, grading goes on with what
    is missing or has changed.
    """
    from rich.console import Console

    from gradkit.classroom.run import grade_class, preview_class
    from gradkit.report.formats import lacking
    from gradkit.report.progress import Watcher
    from gradkit.report.table import show_preview

    if options["html"] and (said := lacking("html")):
        raise Refusal(said)
    if dry_run:
        whose = {name: options[name] for name in ("roster", "groups", "assignment")}
        show_preview(preview_class(paths, out, **whose), Console())
        return
    kept = f" What is graded so far is kept in {out}; start the same command again to go on."
    with interruptible(kept):
        with Watcher(Console(stderr=True)) as watch:
            graded = grade_class(paths, out, watch=watch, **options)
        _tell(graded)


def _tell(graded: Graded) -> None:
    """Print how it ended, and what the class has come to."""
    from rich.console import Console

    from gradkit.report.summary import show_summary

    tally = graded.tally
    done = f"{tally.graded} graded, {tally.skipped} unchanged"
    click.echo(f"{done}, {tally.refused} refused, {tally.failed} failed: {graded.path}", err=True)
    show_summary(graded.summary, Console())
    tell([f"{name}: {told}" for name, told in tally.left])
    if tally.failed:
        raise Refusal(
            f"{tally.failed} could not be graded, for reasons of gradkit's or the machine's own "
            "that are listed. Start the same command again to have them tried again."
        )
