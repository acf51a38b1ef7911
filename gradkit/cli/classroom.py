"""Commands that create or change a class: grade, remark, override, feedback, purge."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli import options
from gradkit.cli.options import FAILED, OneOf, Refusal, command, heeding, interruptible
from gradkit.cli.output import console, print_shown, tell

if TYPE_CHECKING:
    from gradkit.classroom.feedback.address import Way
    from gradkit.classroom.run import Graded
    from gradkit.classroom.store.counted import Overridden


@command("grade", "gradkit grade submissions.zip --out results --roster Grades.csv")
@click.argument("paths", nargs=-1, required=True, type=options.FilePath(), metavar="PATHS…")
@options.out("DIR", "Folder for the results. Grading resumes in an existing folder.", required=True)
@options.assignment_options(options.GRADED)
@options.number(
    "--workers", (1, 256), "Number of submissions graded in parallel.  [default: one per core]"
)
@options.REQUIRE_TIER
@options.hints_option("the pages of --html show", options.PAGE_LEVEL)
@options.flag("--html", "Also write pages: DIR/pages/index.html, and a page for each student.")
@options.path_option(
    "--roster", "CSV", "Table of the students, such as a gradebook or grading worksheet."
)
@options.flag("--groups", "Count a submission for every member of a group in the roster.")
@options.ATTEMPT
@options.flag("--dry-run", "List the submissions and their problems; run nothing.")
@options.new_version_option("grade everything again with this one")
@options.flag(
    "--change-settings",
    "Grade all students again with the new settings or the new policy.",
)
@click.option(
    "--student",
    metavar="NAME",
    help="Grade only this student again. With --task: grade the submission as this task.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Grade on the workers of this Dask scheduler (tcp://… or tls://…).",
)
@heeding()
def grade_command(paths: tuple[Path, ...], out: Path, dry_run: bool, **settings: Any) -> None:
    """Grade the submissions of a class, and store the results.

    PATHS are folders or zips. Each file and each sub-folder in them is one submission. Downloads of
    Canvas, Moodle, Gradescope and GitHub Classroom are recognised by their file names. Each result
    is saved at once. Run the same command again to resume, or to grade new and changed submissions.
    Later runs use the same settings.

    The exit code is 0 even if some submissions were refused; the reasons are listed. The exit code
    is 2 if all submissions were refused, or if gradkit itself failed to grade one.
    """
    from gradkit.classroom.run import REMEMBERED, grade_class, preview_class
    from gradkit.report import lacking
    from gradkit.report.summary import Watcher
    from gradkit.report.table import show_preview

    if settings["html"] and (problem := lacking("html")):
        raise Refusal(problem)
    if dry_run:
        used = {name: settings[name] for name in ("roster", "groups", *REMEMBERED)}
        show_preview(preview_class(paths, out, **used), console())
        return
    advice = f" Results so far are saved in {out}. Run the same command again to resume."
    with interruptible(advice):
        with Watcher(console(stderr=True)) as watch:
            graded = grade_class(paths, out, watch=watch, **settings)
        if not settings["html"]:
            _warn_of_old_pages(out)
        _show_graded(graded)


def _warn_of_old_pages(folder: Path) -> None:
    """Warn that existing pages of the class do not show what was just changed."""
    pages = folder / "pages"
    if pages.exists():
        tell([f"{pages} is out of date: run the same `gradkit grade` with --html to update it."])


def _show_graded(graded: Graded) -> None:
    """Print the grades, the most frequent mistake, and what to do next.

    Raises
    ------
    Refusal
        gradkit failed to grade a submission, or no student has a graded result.
    """
    from gradkit.report.grades import next_commands, show_grades

    tally = graded.tally
    counts = (
        f"{tally.graded} graded, {tally.skipped} unchanged, "
        f"{tally.refused} refused, {tally.failed} failed"
    )
    click.echo(f"This run: {counts}. Saved in {graded.path}.", err=True)
    print_shown(partial(show_grades, graded.rows, graded.mistake))
    tell([f"{name}: {reason}" for name, reason in tally.left])
    if tally.failed:
        raise Refusal(
            f"{tally.failed} could not be graded because of a problem of gradkit or this machine, "
            "which is listed. Run the same command again to retry."
        )
    if not any(row.standing == "graded" for row in graded.rows):
        raise Refusal(
            "nothing could be graded. The reasons are listed above and by `gradkit review`."
        )
    click.echo(next_commands(graded.path.parent), err=True)


@command("remark", 'gradkit remark results --drop swapped-index --why "unclear"')
@options.CLASS
@options.ASSIGNMENT
@options.REFERENCE
@options.NO_REFERENCE
@options.preset_option(options.GRADED)
@options.several(
    "--drop", "drops", "CODE", "Withdraw this finding from every student (repeatable)."
)
@options.several(
    "--keep",
    "keeps",
    "CODE",
    "Count this finding again after --drop withdrew it (repeatable).",
)
@options.several(
    "--accept", "accepts", "CODE", "Confirm all marks that are held for this finding (repeatable)."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    type=options.PriceOfFinding(),
    metavar="CODE=PERCENT",
    help="Let this finding cost this percentage of a check's points, for every student "
    "(repeatable).",
)
@options.several(
    "--no-price", "unprices", "CODE", "Withdraw the price that --price set (repeatable)."
)
@options.ATTEMPT
@options.new_version_option("mark again with this one")
@options.text_option(
    "--why", "Reason, stored with the new marks. Students whose result changes can read it."
)
@options.flag("--dry-run", "List the changes; store nothing.")
def remark_command(
    folder: Path, dry_run: bool, prices: tuple[tuple[str, float], ...], **settings: Any
) -> None:
    """Compute the marks of a class again, without running student code.

    DIR is the folder of the class. Use this command after a change of points, deductions or
    tolerances. Without --assignment, it reads again the file that the class was graded with.
    Earlier choices (--preset, --drop, --price, --attempt) still apply, also to submissions that are
    graded later.
    """
    from gradkit.classroom.remark import remark_class
    from gradkit.classroom.worker_pool import cores
    from gradkit.report.summary import show_changes

    with interruptible(" No marks were changed."):
        made = {"prices": dict(prices), **settings}
        remarked = remark_class(folder, dry_run=dry_run, workers=cores(), **made)
    show_changes(remarked.changes, console())
    verb = "would change" if dry_run else "changed"
    click.echo(f"{len(remarked.changes)} of {remarked.total} scores {verb}.", err=True)
    tell(remarked.warned)
    if remarked.changes and not dry_run:
        _warn_of_old_pages(folder)
    tell([f"{name} was not changed: {why}. Grade it again." for name, why in remarked.stale])
    if remarked.stale:
        raise click.exceptions.Exit(FAILED)


@command(
    "override", 'gradkit override results "Ann Lee" update 4 --comment "the sheet was unclear"'
)
@options.CLASS
@click.argument("student", required=False)
@click.argument("check", required=False)
@click.argument("points", type=options.Decimal(), required=False)
@options.text_option("--comment", "Reason. The student can read it.")
@options.BY
@options.flag("--withdraw", "Remove the points that were set.")
@options.path_option(
    "--from", "CSV", "Set all points in this table. Columns: student, check, points, comment."
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
    """Set the POINTS that STUDENT gets for CHECK in the class in DIR.

    POINTS replace the computed points, also in later runs. CHECK is TASK/CHECK, TASK or `total`.
    The name of a check is enough if only one task has this check. Set `total` or a task to give
    points to a student who submitted nothing, or whose submission could not be graded. POINTS are
    on the scale of the tasks, before a policy scales the score.
    """
    from gradkit.classroom.store.counted import override_points, override_table

    table = more["from"]
    if table is not None and student is None:
        for overridden in override_table(folder, table, by=by):
            _show_override(overridden)
        _warn_of_old_pages(folder)
        return
    if table is not None or student is None or check is None:
        raise Refusal("give STUDENT and CHECK, or a table with --from.")
    if withdraw == (points is not None):
        raise Refusal("give either POINTS, or --withdraw to remove the points that were set.")
    _show_override(override_points(folder, student, check, points, comment=comment, by=by))
    _warn_of_old_pages(folder)


def _show_override(new: Overridden) -> None:
    """Print the points that were set, the points before, and the new total."""
    from gradkit.report.words import points as format_points
    from gradkit.report.words import score_text
    from gradkit.text import clean_text

    mark = "nothing computed" if new.marked is None else f"computed: {format_points(new.marked)}"
    if new.former is not None and new.former.points is not None:
        before, by = format_points(new.former.points), clean_text(new.former.by)
        mark = f"set before by {by}: {before}, {mark}"
    if new.points is not None:
        after = "1 point" if new.points == 1 else f"{format_points(new.points)} points"
    else:
        after = "no points are set" if new.marked is None else "the computed points count again"
    result = new.result
    total = score_text(result.score, result.max_score) if result else score_text(None, None)
    click.echo(f"{new.name}, {new.check}: {after} ({mark}). The total is now {total}.", err=True)


@command("feedback", "gradkit feedback results --format moodle --worksheet Grades.csv")
@options.CLASS
@click.option(
    "--format",
    "way",
    type=OneOf(["canvas", "moodle", "folder"]),
    default="folder",
    show_default=True,
    help="A zip for Canvas' “Upload submissions”, a zip of feedback files for Moodle, or a folder "
    "with one page per student.",
)
@options.out("PATH", "Zip or folder to write.  [default: in DIR/feedback]")
@options.hints_option("the pages show", options.PAGE_LEVEL)
@options.path_option(
    "--worksheet",
    "CSV",
    "With --format moodle: grading worksheet. gradkit enters points and comments.",
)
@options.path_option(
    "--gradebook",
    "CSV",
    "With --format canvas: gradebook. gradkit writes a table of points to import.",
)
@click.option(
    "--column", metavar="TITLE", help="Column of the gradebook: title or number of the assignment."
)
@options.flag("--in-place", "Overwrite the worksheet.  [default: write a copy next to the zip]")
@options.flag("--changed", "Write only pages that changed since the last feedback.")
@options.text_option("--why", "Reason for these pages, shown by `gradkit history`.")
@options.flag("--dry-run", "List the students without a page; write nothing.")
def feedback_command(folder: Path, way: Way, dry_run: bool, **settings: Any) -> None:
    """Write a page for each student of the class in DIR.

    A copy of each page is stored. The hint level of the assignment sets how much a page shows. A
    page also lists the changes since the last page of this student. The exit code is 1 if a student
    is left out; the reason is listed.
    """
    from gradkit.classroom.feedback.give import give_back
    from gradkit.classroom.worker_pool import cores
    from gradkit.report import lacking
    from gradkit.report.table import given_lines, show_left

    if problem := lacking("html"):
        raise Refusal(problem)
    with interruptible(" Existing files are intact. Run the same command again."):
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
@options.flag("--yes", "Do not ask for confirmation. STUDENT must then be the full name.")
@options.text_option("--why", "Reason, stored with the note about the removal.")
@options.BY
def purge_command(folder: Path, student: str, yes: bool, why: str, by: str) -> None:
    """Delete everything stored about a student.

    DIR is the folder of the class. Results, answers, code, identifiers, points that were set, pages
    and zips of pages are deleted. This cannot be undone. A note about the removal is kept, under a
    pseudonym.
    """
    from gradkit.classroom.reports.purge import purge_student, tables
    from gradkit.report.document import document
    from gradkit.text import clean_text

    def confirm(name: str) -> bool:
        if yes and name != student:
            raise Refusal(f"--yes needs the full name: {name}.")
        return yes or _ask_to_remove(name, folder)

    name, purged = purge_student(folder, student, confirm=confirm, why=why, by=by)
    left = [*purged.paths, *map(str, tables(folder))]
    for line in document("purged.txt", name=name, gone=purged, left=left).splitlines():
        click.echo(clean_text(line), err=True)


def _ask_to_remove(name: str, folder: Path) -> bool:
    """Ask whether to remove a student; return True if the user agrees."""
    question = f"Remove everything stored about {name} in {folder}? This cannot be undone."
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False
