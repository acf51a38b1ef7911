"""``gradkit grade``: a class, into a folder that nothing gets lost from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli import options
from gradkit.cli.output import console, tell
from gradkit.cli.usage import Command, Refusal, heeding, interruptible

if TYPE_CHECKING:
    from gradkit.classroom.run import Graded


@click.command(
    "grade", cls=Command, example="gradkit grade submissions.zip --out results --roster Grades.csv"
)
@click.argument("paths", nargs=-1, required=True, type=options.FilePath(), metavar="PATHS…")
@options.out(
    "DIR", "Folder for the results; grading goes on there where it was left.", required=True
)
@options.assignment_options
@options.number(
    "--workers", (1, 256), "Submissions graded at a time.  [default: one for each core]"
)
@options.REQUIRE_TIER
@options.HINTS
@options.flag("--html", "Write pages too: DIR/pages/index.html and below.")
@options.path_option(
    "--roster", "CSV", "The course's list of students; a gradebook or worksheet is one."
)
@options.flag("--groups", "What one of a roster's group handed in is the whole group's.")
@options.ATTEMPT
@options.flag("--dry-run", "List whose the submissions are and what is odd; run nothing.")
@options.NEW_VERSION
@options.flag(
    "--change-settings",
    "Go on with other settings, or another policy, than the class was graded with.",
)
@click.option(
    "--student",
    metavar="NAME",
    help="Grade this one again, and nobody else; with --task: that is what it is.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Grade on the workers of this Dask scheduler, tcp://… or tls://….",
)
@heeding()
def grade_command(
    paths: tuple[Path, ...],
    out: Path,
    dry_run: bool,
    **settings: Any,
) -> None:
    """Grade a class. Each file, each sub-folder and each member of a folder or zip is one.

    Downloads of Canvas, Moodle, Gradescope and GitHub Classroom are known by their names.
    Results are stored as they come. Interrupted and started again, grading goes on with what
    is missing or has changed, by the settings that the class has: they need not be given again.
    """
    from gradkit.classroom.run import REMEMBERED, grade_class, preview_class
    from gradkit.report.formats import lacking
    from gradkit.report.progress import Watcher
    from gradkit.report.table import show_preview

    if settings["html"] and (said := lacking("html")):
        raise Refusal(said)
    if dry_run:
        whose = {name: settings[name] for name in ("roster", "groups", *REMEMBERED)}
        show_preview(preview_class(paths, out, **whose), console())
        return
    kept = f" What is graded so far is kept in {out}; start the same command again to go on."
    with interruptible(kept):
        with Watcher(console(stderr=True)) as watch:
            graded = grade_class(paths, out, watch=watch, **settings)
        _tell(graded)


def _tell(graded: Graded) -> None:
    """Print how it ended, and what the class has come to."""
    from gradkit.report.summary import show_summary

    tally = graded.tally
    done = f"{tally.graded} graded, {tally.skipped} unchanged"
    ended = f"{done}, {tally.refused} refused, {tally.failed} failed"
    click.echo(f"This run: {ended}: {graded.path}", err=True)
    show_summary(graded.summary, console())
    tell([f"{name}: {told}" for name, told in tally.left])
    if tally.failed:
        raise Refusal(
            f"{tally.failed} could not be graded, for reasons of gradkit's or the machine's own "
            "that are listed. Start the same command again to have them tried again."
        )
    if not any(row.standing == "graded" for row in graded.summary.rows):
        raise Refusal(
            "nothing could be graded; why is listed for each, and `gradkit review` lists it again."
        )
