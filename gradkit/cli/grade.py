"""``gradkit grade``: a class, into a folder that nothing gets lost from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.interrupt import ended, heeding
from gradkit.cli.options import (
    ATTEMPT,
    HINTS,
    NEW_VERSION,
    REQUIRE_TIER,
    FilePath,
    assignment_options,
    settings_of,
)
from gradkit.cli.refusal import Refusal

if TYPE_CHECKING:
    from gradkit.classroom.course.roll import Roll
    from gradkit.grounds import Settings


@click.command("grade")
@click.argument("paths", nargs=-1, required=True, type=FilePath(), metavar="PATHS…")
@click.option(
    "--out",
    type=FilePath(),
    metavar="DIR",
    required=True,
    help="Folder for the results; grading goes on there where it was left.",
)
@assignment_options
@click.option(
    "--lanes",
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
    lanes: int | None,
    require_tier: int | None,
    hints: int | None,
    html: bool,
    roster: Path | None,
    groups: bool,
    attempt: str | None,
    dry_run: bool,
    new_version: bool,
    scheduler: str | None,
    **against: Any,
) -> None:
    """Grade a class. Each file, each sub-folder and each member of a folder or zip is one.

    Downloads of Canvas, Moodle, Gradescope and GitHub Classroom are known by their names.
    Results are stored as they come. Interrupted and started again, grading goes on with what
    is missing or has changed.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.account.summary import summarise
    from gradkit.classroom.back.sheet import SheetError
    from gradkit.classroom.cluster import Cluster, ClusterError
    from gradkit.classroom.course.roll import names_of, roll
    from gradkit.classroom.course.roster import read_roster
    from gradkit.classroom.crew import Lanes
    from gradkit.classroom.file.counted import PolicyError, policy
    from gradkit.classroom.file.database import StoreError, files_of
    from gradkit.classroom.file.store import Store
    from gradkit.classroom.grade import Grading
    from gradkit.grounds import GradingError
    from gradkit.render.formats import lacking
    from gradkit.render.progress import Watcher
    from gradkit.render.summary import show_summary
    from gradkit.student.files import SubmissionError
    from gradkit.student.gather import gather
    from gradkit.worker import WorkshopError

    if html and (said := lacking("html")):
        raise Refusal(said)
    if groups and roster is None:
        raise Refusal("--groups needs a roster that has a column of groups: name it with --roster.")
    console = Console(stderr=True)
    try:
        rule = policy(attempt) if attempt else None
        students = read_roster(roster) if roster else ()
        handed = gather(paths, [out, *files_of(out), *([roster] if roster else [])])
        if dry_run:
            known = _known(out)
            _preview(roll(handed, students, by_group=groups, known=known), against["assignment"])
            return
        with Store(out, write=True) as store:
            # What was decided of the class holds for whoever comes late, too.
            against["preset"] = against["preset"] or store.preset()
            settings = settings_of(
                against, require_tier=required_tier(require_tier), dropped=store.dropped()
            )
            listed = roll(handed, students, by_group=groups, known=names_of(store))
            with Watcher(console) as watch:
                grading = Grading(store, settings, watch, new_version=new_version)
                with (
                    Cluster(settings, scheduler) if scheduler else Lanes(settings, lanes or cores())
                ) as crew:
                    if not scheduler:
                        hold(settings)
                    tally = grading.run(listed, crew, policy=rule)
            summary = summarise(store)
            if html:
                from gradkit.classroom.back.pages import write_pages

                level = hints or grading.hints
                write_pages(store, out / "pages", level, lanes or cores())
    except (
        *(ClusterError, GradingError, PolicyError, SheetError, StoreError),
        *(SubmissionError, WorkshopError),
    ) as error:
        raise Refusal(str(error)) from None
    except KeyboardInterrupt as interrupt:
        kept = f" What is graded so far is kept in {out}; start the same command again to go on."
        raise ended(interrupt, kept) from None
    done = f"{tally.graded} graded, {tally.skipped} unchanged"
    click.echo(f"{done}, {tally.refused} refused, {tally.failed} failed: {store.path}", err=True)
    show_summary(summary, Console())
    for name, told in tally.left[:10]:
        click.echo(f"gradkit: {name}: {told}", err=True)
    if len(tally.left) > 10:
        click.echo(f"gradkit: and {len(tally.left) - 10} more.", err=True)
    if tally.failed:
        raise Refusal(
            f"{tally.failed} could not be graded, for reasons of gradkit's or the machine's own "
            "that are listed. Start the same command again to have them tried again."
        )


def _known(out: Path) -> dict[str, str]:
    """Names that the class has already; none where nothing has been graded yet."""
    from gradkit.classroom.course.roll import names_of
    from gradkit.classroom.file.database import FILE
    from gradkit.classroom.file.store import Store

    if not (out / FILE).exists():
        return {}
    with Store(out, write=False) as store:
        return names_of(store)


def _preview(listed: Roll, assignment: Path | None) -> None:
    """Print what a person should know before anything is run."""
    from rich.console import Console

    from gradkit.classroom.course.preview import preview
    from gradkit.render.preview import show_preview
    from gradkit.truth.assignment import read_assignment

    found = [(entry.handed, entry.sender) for entry in listed.entries]
    show_preview(preview(found, read_assignment(assignment), listed.match), Console())


def required_tier(asked: int | None) -> int:
    """The tier that grading others' code takes: less than `GRADING` has to be asked for.

    Off Linux there is none above 0.
    """
    from gradkit.worker.tiers import CONTAINER, GRADING

    if asked is None and sys.platform != "linux":
        raise Refusal(
            "there is nothing on this system that keeps hostile code from files and network: "
            f"isolation tier 0. Grade in a container, which gives tier 2:\n  {CONTAINER}\n"
            "or go on all the same with --require-tier 0."
        )
    return GRADING if asked is None else asked


def hold(settings: Settings) -> None:
    """Have a canary try out the isolation before anybody's code is run.

    Raises
    ------
    Refusal
        The tier is too low, or what it promises does not hold.
    """
    from gradkit.doctor import examine, objection
    from gradkit.grounds import grounds
    from gradkit.worker.tiers import GRADING

    _, reference = grounds(settings)
    key = next(iter(sorted(reference.glob("*.py"))), None) if reference is not None else None
    examination = examine(key=key.resolve() if key is not None else None)
    if said := objection(examination, settings.require_tier):
        raise Refusal(said)
    if examination.tier < GRADING:
        click.echo(
            f"gradkit: student code runs at isolation tier {examination.tier}, which keeps less "
            f"from it than tier {GRADING} would; see `gradkit doctor`.",
            err=True,
        )


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
