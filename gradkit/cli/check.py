"""The commands check, which grades submissions, and doctor, which tests the sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from msgspec import to_builtins

from gradkit.cli import options
from gradkit.cli.options import FAILED, OPEN, PASSED, REFUSED, Refusal, command
from gradkit.cli.output import Progress, print_wrapped, write
from gradkit.report import FORMATS, lacking, load
from gradkit.text import format_text

if TYPE_CHECKING:
    from gradkit.records.result import Batch, Result


@command("check", "gradkit check hw.py --task regression-numpy --seed 1")
@click.argument("paths", nargs=-1, required=True, type=options.FilePath(), metavar="PATH…")
@options.assignment_options(options.CHECKED)
@options.hints_option("to show", options.CHECK_LEVEL)
@options.REQUIRE_TIER
@options.format_option(*FORMATS)
@options.out("FILE", "Write to this file instead of standard output.")
@options.flag("--watch", "Check again after every save, until Ctrl-C.")
def check_command(
    paths: tuple[Path, ...],
    hints: int | None,
    require_tier: int | None,
    format_: str,
    out: Path | None,
    watch: bool,
    **settings: Any,
) -> None:
    """Check one or several submissions, and print a report.

    Each PATH is a submission: a .py file, a notebook, a folder or a zip. For one submission, the
    report is complete; for several submissions, it has one line for each.
    """
    if len(paths) > 1 and not FORMATS[format_].several:
        raise Refusal(
            f"--format {format_} takes one submission, but {len(paths)} were given. Run gradkit "
            "once for each, or use --format json."
        )
    # Refuse before grading, which may take minutes.
    if problem := lacking(format_):
        raise Refusal(problem)
    given = {name: value for name, value in settings.items() if value is not None}
    if "assignment" not in given:
        _refuse_found_assignment(paths)
    if watch:
        if format_ != "text" or out is not None:
            raise Refusal("--watch prints to the screen: leave out --format and --out.")
        _watch(paths, hints, require_tier=require_tier, **given)
    with Progress(len(paths)) as progress:
        # Imported here, so that the progress line is shown before large modules are imported.
        from gradkit.batch import for_readers, grade_files

        batch = grade_files(
            paths,
            require_tier=require_tier,
            meanwhile=partial(load, format_),
            on_begin=progress.begin,
            **given,
        )
    shown, level = for_readers(batch, format_, hints)
    write(
        *(shown.results, batch.refused, level, format_, out),
        many=len(paths) > 1,
        one_hint=hints is None,
    )
    raise click.exceptions.Exit(_finish(batch))


def _refuse_found_assignment(paths: Sequence[Path]) -> None:
    """Raise Refusal if there is an assignment file in the folder of a submission.

    The file may be the course's or the student's own, so the user must name the assignment.
    """
    for path in paths:
        file = (path if path.is_dir() else path.parent) / "assignment" / "assignment.toml"
        if file.is_file():
            raise Refusal(
                f"found the assignment file {file}. To use this file, add --assignment {file}. "
                "To use gradkit's own assignment, add --assignment backpropagation."
            )


def _watch(paths: Sequence[Path], hints: int | None, **settings: Any) -> NoReturn:
    """Check after every save, print the reports, and print the changes since the previous save.

    The function ends with the exit of the command.

    Raises
    ------
    Refusal
        The package watchfiles is not installed.
    """
    if find_spec("watchfiles") is None:
        raise Refusal(
            "--watch needs the package watchfiles. Install it: pip install 'gradkit[watch]'"
        )
    from gradkit.report.words import since

    before: dict[str, Result] = {}
    with Progress(len(paths)) as progress:
        from gradkit.batch import for_readers, grade_on_save

        for batch in grade_on_save(paths, on_begin=progress.begin, **settings):
            progress.clear()
            shown, level = for_readers(batch, "text", hints)
            click.clear()
            write(
                *(shown.results, batch.refused, level, "text", None),
                many=len(paths) > 1,
                one_hint=hints is None,
            )
            _finish(batch)
            for result in shown.results:
                if result.submission in before:
                    changed = "; ".join(since(before[result.submission], result))
                    print_wrapped(
                        format_text("Since the last save: {changes}", changes=changed)
                        if changed
                        else "The results have not changed since the last save."
                    )
            print_wrapped("Watching for the next save; Ctrl-C ends it.")
            before |= {result.submission: result for result in shown.results}
    raise click.exceptions.Exit(PASSED)


def _finish(batch: Batch) -> int:
    """Print why submissions were refused, and return the exit code."""
    for sentence in batch.refused:
        Refusal(sentence).show()
    return REFUSED if batch.refused else verdict_code(batch.results)


def verdict_code(results: Sequence[Result]) -> int:
    """Return the exit code of results.

    It is `PASSED` if all checks passed, `OPEN` if the others could not be judged, else `FAILED`.
    """
    states = {check.state for result in results for task in result.tasks for check in task.checks}
    if states - {"pass", "inconclusive", "not-checked"}:
        return FAILED
    return OPEN if states - {"pass"} else PASSED


@command("doctor", "gradkit doctor --key answers.py")
@options.format_option("text", "json")
@click.option(
    "--key",
    type=options.FilePath(exists=True, dir_okay=False),
    metavar="FILE",
    help="File with answers that the test tries to read.  [default: a temporary file]",
)
def doctor_command(format_: str, key: Path | None) -> None:
    """Test which forbidden operations the sandbox blocks here."""
    from gradkit.report.document import document
    from gradkit.sandbox.doctor import ACTS, examine, failures
    from gradkit.sandbox.workshop import ADDS, CONTAINER, LACKING, PACKED

    examination = examine(key=key.resolve() if key else None)
    if format_ == "json":
        data = {"schema": "gradkit/sandbox/doctor/v1", **to_builtins(examination)}
        click.echo(json.dumps(data, indent=2))
    else:
        tiers = {"adds": list(ADDS.values()), "lacking": LACKING.get(examination.tier + 1)}
        advice = {"container": CONTAINER, "packed": PACKED}
        wanted = {act.name for act in ACTS if act.wanted}
        text = document("doctor.txt", examination=examination, wanted=wanted, **tiers, **advice)
        click.echo(text, nl=False)
    if broken := failures(examination):
        names = ", ".join(trial.words for trial in broken)
        raise Refusal(
            f"tier {examination.tier} of the sandbox fails on this machine: student code "
            f"could: {names}. Grade only your own code here."
        )
