"""``gradkit grade``: a class, into a folder that nothing gets lost from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gradkit.cli.options import assignment_options
from gradkit.cli.refusal import INTERRUPTED, Refusal


@click.command("grade")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATHS…")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
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
def command(
    paths: tuple[Path, ...],
    out: Path,
    tasks: tuple[str, ...],
    form: str,
    assignment: Path | None,
    reference: Path | None,
    no_reference: bool,
    seed: int | None,
    preset: str | None,
    lanes: int | None,
) -> None:
    """Grade a class. Each file, each sub-folder and each member of a folder or zip is one.

    Results are stored as they come. Interrupted and started again, grading goes on with what
    is missing or has changed.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from rich.console import Console

    from gradkit.classroom.crew import Lanes
    from gradkit.classroom.grade import Grading
    from gradkit.classroom.store import Store, StoreError
    from gradkit.classroom.summary import summarise
    from gradkit.render.progress import Watcher
    from gradkit.render.summary import show_summary
    from gradkit.session import GradingError, Settings
    from gradkit.student.files import SubmissionError
    from gradkit.student.gather import gather

    console = Console(stderr=True)
    try:
        handed = gather(paths)
        with Store(out, write=True) as store:
            settings = Settings(
                tasks,
                form,  # type: ignore[arg-type]
                assignment,
                reference,
                no_reference,
                seed,
                preset,  # type: ignore[arg-type]
                store.dropped(),
            )
            with Watcher(console) as watch:
                grading = Grading(store, settings, watch)
                with Lanes(settings, lanes or cores()) as crew:
                    tally = grading.run(handed, crew)
            summary = summarise(store)
    except (GradingError, StoreError, SubmissionError) as error:
        raise Refusal(str(error)) from None
    except KeyboardInterrupt:
        click.echo(
            f"gradkit: interrupted. What is graded so far is kept in {out}; start the same "
            "command again to go on.",
            err=True,
        )
        raise click.exceptions.Exit(INTERRUPTED) from None
    done = f"{tally.graded} graded, {tally.skipped} unchanged"
    click.echo(f"{done}, {tally.refused} refused, {tally.failed} failed: {store.path}", err=True)
    show_summary(summary, Console())


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
