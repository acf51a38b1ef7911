"""Commands that make or change a class: grade, remark, override, feedback, purge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli import options
from gradkit.cli.output import console, tell
from gradkit.cli.usage import FAILED, OneOf, Refusal, command, heeding, interruptible

if TYPE_CHECKING:
    from gradkit.classroom.feedback.address import Way
    from gradkit.classroom.run import Graded
    from gradkit.classroom.store.counted import Overridden


@command("grade", "gradkit grade submissions.zip --out results --roster Grades.csv")
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
def grade_command(paths: tuple[Path, ...], out: Path, dry_run: bool, **settings: Any) -> None:
    """Grade a class. Each file, each sub-folder and each member of a folder or zip is one.

    Downloads of Canvas, Moodle, Gradescope and GitHub Classroom are known by their names.
    Results are stored as they come. Interrupted and started again, grading goes on with what
    is missing or has changed, by the settings that the class has: they need not be given again.
    """
    from gradkit.classroom.run import REMEMBERED, grade_class, preview_class
    from gradkit.report.formats import lacking
    from gradkit.report.summary import Watcher
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
        if not settings["html"]:
            _tell_pages(out)
        _tell(graded)


def _tell_pages(folder: Path) -> None:
    """Say that pages of the class are there which do not know of what was just done."""
    pages = folder / "pages"
    if pages.exists():
        tell([f"{pages} is as it was: the same `gradkit grade` with --html writes it anew."])


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


@command("remark", 'gradkit remark results --drop swapped-index --why "unclear"')
@options.CLASS
@options.ASSIGNMENT
@options.REFERENCE
@options.NO_REFERENCE
@options.PRESET
@options.several(
    "--drop", "drops", "CODE", "Withdraw this finding from everyone (may be repeated)."
)
@options.several(
    "--keep",
    "keeps",
    "CODE",
    "Let this finding count again, which --drop withdrew (may be repeated).",
)
@options.ATTEMPT
@options.NEW_VERSION
@options.text_option(
    "--why", "Reason, kept with the new marks. Students whose result changes read it."
)
@options.flag("--dry-run", "List what would change, and store nothing.")
def remark_command(folder: Path, dry_run: bool, **settings: Any) -> None:
    """Mark the class in DIR again: new points, deductions or tolerances, the same answers.

    Without options the assignment file is read again from where it was when the class was
    graded, and what was decided before (--preset, --drop, --attempt) holds on.
    """
    from gradkit.classroom.remark import remark_class
    from gradkit.classroom.worker_pool import cores
    from gradkit.report.summary import show_changes

    with interruptible(" All marks are as they were."):
        done = remark_class(folder, dry_run=dry_run, workers=cores(), **settings)
    show_changes(done.changes, console())
    verb = "would change" if dry_run else "changed"
    click.echo(f"{len(done.changes)} of {done.total} scores {verb}.", err=True)
    tell(done.warned)
    if done.changes and not dry_run:
        _tell_pages(folder)
    tell([f"{name} was left as it is: {told}. Grade it again." for name, told in done.stale])
    if done.stale:
        raise click.exceptions.Exit(FAILED)


@command(
    "override", 'gradkit override results "Ann Lee" update 4 --comment "the sheet was unclear"'
)
@options.CLASS
@click.argument("student", required=False)
@click.argument("check", required=False)
@click.argument("points", type=float, required=False)
@options.text_option("--comment", "Why; the student reads it too.")
@options.BY
@options.flag("--withdraw", "Take back the points that were set.")
@options.path_option(
    "--from", "CSV", "Set what this table lists: student, check, points and comment of each."
)
def override_command(
    folder: Path,
    student: str | None,
    check: str | None,
    points: float | None,
    comment: str,
    by: str,
    withdraw: bool,
    **more: Path | None,
) -> None:
    """Set the POINTS that STUDENT gets for a CHECK in the class in DIR.

    They count whatever the marks say, in later runs too. CHECK is task/check, the check alone
    where only one task has it, a task, or `total`: so may be given what could not be graded, or
    not handed in. POINTS are those of the tasks, before a policy's scale.
    """
    from gradkit.classroom.store.counted import override_points, override_table

    table = more["from"]
    if table is not None and student is None:
        for done in override_table(folder, table, by=by):
            _tell_override(done)
        _tell_pages(folder)
        return
    if table is not None or student is None or check is None:
        raise Refusal("give STUDENT and CHECK, or a table of them with --from.")
    if withdraw == (points is not None):
        raise Refusal("give either POINTS, or --withdraw to take back those that were set.")
    _tell_override(override_points(folder, student, check, points, comment=comment, by=by))
    _tell_pages(folder)


def _tell_override(done: Overridden) -> None:
    """Print what was set, what counted before, and what the total is now."""
    from gradkit.report.words import points as shown
    from gradkit.report.words import score_text

    was = "there was no mark" if done.marked is None else f"the mark is {shown(done.marked)}"
    if done.former is not None:
        was = f"until now {shown(done.former)} were set, and {was}"
    given = "1 point" if done.points == 1 else f"{shown(done.points or 0.0)} points"
    again = "nothing is set" if done.marked is None else "the mark counts again"
    now = again if done.points is None else given
    made = done.result
    total = score_text(made.score, made.max_score) if made else score_text(None, None)
    said = f"{done.name}, {done.check}: {now} ({was})."
    click.echo(f"{said} The total is now {total}.", err=True)


@command("feedback", "gradkit feedback results --format moodle --worksheet Grades.csv")
@options.CLASS
@click.option(
    "--format",
    "way",
    type=OneOf(["canvas", "moodle", "folder"]),
    required=True,
    help="A zip for Canvas' “Upload submissions”, one of feedback files for Moodle, or a folder "
    "with a page for each student.",
)
@options.out("PATH", "The zip or folder to write.  [default: one in DIR/feedback]")
@options.HINTS
@options.path_option(
    "--worksheet", "CSV", "With --format moodle: fill this grading worksheet, comments too."
)
@options.path_option(
    "--gradebook", "CSV", "With --format canvas: write points against this gradebook."
)
@click.option(
    "--column", metavar="TITLE", help="The assignment in the gradebook, by title or number."
)
@options.flag("--in-place", "Replace the worksheet itself.  [default: write beside the zip]")
@options.flag("--changed", "Leave out pages that their students have been given already.")
@options.text_option("--why", "Kept with the release.")
@options.flag("--dry-run", "List who would be left out, and write nothing.")
def feedback_command(folder: Path, way: Way, dry_run: bool, **settings: Any) -> None:
    """Write what goes back to the students of the class in DIR, and note what each was given.

    Pages show what the hint level of the assignment shows, and say what has changed since the
    last one. Ends with 1 where somebody is left out.
    """
    from gradkit.classroom.feedback.give import give_back
    from gradkit.classroom.worker_pool import cores
    from gradkit.report.formats import lacking
    from gradkit.report.table import given_lines, show_left

    if told := lacking("html"):
        raise Refusal(told)
    with interruptible(" What was there is whole; start the same command again."):
        given = give_back(folder, way, dry_run=dry_run, workers=cores(), **settings)
    show_left(given.left, console())
    for line in given_lines(given, write=not dry_run):
        click.echo(line, err=True)
    for path in given.written:
        click.echo(path)
    if given.left:
        raise click.exceptions.Exit(FAILED)


@command("purge", 'gradkit purge results "Ann Lee" --why "asked for it"')
@options.CLASS
@click.argument("student")
@options.flag("--yes", "Do not ask; STUDENT is then the whole name.")
@options.text_option("--why", "Kept with the note that it was done.")
@options.BY
def purge_command(folder: Path, student: str, yes: bool, why: str, by: str) -> None:
    """Remove a student from the class in DIR.

    Results, answers, code, identifiers, points that were set, pages and zips of pages. It
    cannot be taken back. What is left is a note, under a pseudonym, that it was done.
    """
    from gradkit.classroom.reports.purge import purge_student, tables
    from gradkit.report.document import document
    from gradkit.text import clean_text

    def confirm(name: str) -> bool:
        if yes and name != student:
            raise Refusal(f"with --yes the name has to be whole: {name}.")
        return yes or _confirmed(name, folder)

    name, purged = purge_student(folder, student, confirm=confirm, why=why, by=by)
    left = [*purged.paths, *map(str, tables(folder))]
    for line in document("purged.txt", name=name, gone=purged, left=left).splitlines():
        click.echo(clean_text(line), err=True)


def _confirmed(name: str, folder: Path) -> bool:
    question = f"Remove all that is stored of {name} in {folder}? It cannot be taken back."
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
