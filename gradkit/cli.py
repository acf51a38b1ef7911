"""The `gradkit` command.

Machine output goes to standard output alone, everything else to standard error. Exit codes:
0 every check passed, 1 some did not, 2 could not grade, 3 nothing failed but something
could not be checked.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from gradkit import __version__
from gradkit.cli_doctor import doctor

if TYPE_CHECKING:
    from gradkit.records.result import Result

PASSED, FAILED, REFUSED, OPEN = 0, 1, 2, 3

ASSIGNMENT = click.option(
    "--assignment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An assignment file of your own.",
)
REFERENCE = click.option(
    "--reference",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the model solutions.",
)


class Refusal(click.ClickException):
    """Nothing can be done, and why: one sentence on standard error."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"gradkit: {self.message}", file=file, err=file is None)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gradkit")
def main() -> None:
    """Grade hand-written backpropagation, and say what the code does."""


main.add_command(doctor)


def _assignment_options(command: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(
        [
            click.option(
                "--task",
                "tasks",
                multiple=True,
                metavar="ID",
                help="Grade this task only (may be repeated).",
            ),
            click.option(
                "--form",
                type=click.Choice(["correct", "published"]),
                default="correct",
                show_default=True,
                help="Which form is right.",
            ),
            ASSIGNMENT,
            REFERENCE,
            click.option(
                "--no-reference", is_flag=True, help="Derive expected values from the task file."
            ),
            click.option(
                "--seed",
                type=click.IntRange(0, 2**63 - 1),
                metavar="N",
                help="Draw the same probes again.",
            ),
            click.option(
                "--hints",
                type=click.IntRange(1, 4),
                metavar="N",
                help="How much is shown: 1 where to look … 4 expected numbers.",
            ),
            click.option(
                "--preset",
                type=click.Choice(["default", "strict", "lenient"]),
                help="What mistakes cost.  [default: the assignment's]",
            ),
        ]
    ):
        command = option(command)
    return command


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@_assignment_options
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write there instead of to standard output.",
)
def check(
    paths: tuple[Path, ...],
    tasks: tuple[str, ...],
    form: str,
    assignment: Path | None,
    reference: Path | None,
    no_reference: bool,
    seed: int | None,
    hints: int | None,
    preset: str | None,
    format_: str,
    output: Path | None,
) -> None:
    """Check submissions: each PATH, a .py file, notebook, folder or zip, is one."""
    # No array here is large enough for threads, and starting them takes as long as the rest
    # of numpy on a busy machine. Whoever has set a number keeps it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The worker loads numpy in its own process while this one does the same.
    from gradkit.worker import Workshop

    with Workshop() as workshop:
        from gradkit.session import GradingError, Session, Settings

        results, refused = [], []
        try:
            settings = Settings(tasks, form, assignment, reference, no_reference, seed, preset)  # type: ignore[arg-type]
            with Session(settings, workshop) as session:
                for path in paths:
                    try:
                        results.append(session.check(path))
                    except GradingError as error:
                        refused.append(str(error))
                level = hints or session.hints
        except GradingError as error:
            raise Refusal(str(error)) from None
        _write(results, level, format_, output, many=len(paths) > 1)
    for sentence in refused:
        Refusal(sentence).show()
    raise click.exceptions.Exit(REFUSED if refused else verdict_code(results))


def verdict_code(results: Sequence[Result]) -> int:
    """The exit code that these results mean."""
    states = {check.state for result in results for task in result.tasks for check in task.checks}
    if states - {"pass", "inconclusive", "not-checked"}:
        return FAILED
    return OPEN if states - {"pass"} else PASSED


def _write(
    results: list[Result], hints: int, format_: str, output: Path | None, *, many: bool
) -> None:
    if not results and not (many and format_ == "json"):
        return
    if format_ == "json":
        from gradkit.render.data import to_json

        text = to_json(results, hints, many=many) + "\n"
        if output is None:
            sys.stdout.buffer.write(text.encode())
            sys.stdout.flush()
            return
    else:
        from gradkit.render.text import is_unicode, show, to_text

        if output is None and sys.stdout.isatty() and is_unicode(sys.stdout.encoding):
            from rich.console import Console

            show(results, hints, Console())
            return
        encoding = "utf-8" if output else sys.stdout.encoding
        text = to_text(results, hints, encoding=encoding)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{output}: cannot be written ({error.strerror}).") from None


@main.command("list")
@ASSIGNMENT
def list_(assignment: Path | None) -> None:
    """List tasks, roles, checks and points."""
    from gradkit.render.outline import outline
    from gradkit.truth.assignment import AssignmentError, read_assignment

    try:
        click.echo(outline(read_assignment(assignment)), nl=False)
    except AssignmentError as error:
        raise Refusal(str(error)) from None


@main.command()
@REFERENCE
def reproduce(reference: Path | None) -> None:
    """Run the published notebook's four runs again, published beside recomputed."""
    from gradkit.reproduce import ReproduceError
    from gradkit.reproduce import reproduce as run

    try:
        text, agreed = run(reference)
    except ReproduceError as error:
        raise Refusal(str(error)) from None
    click.echo(text, nl=False)
    raise click.exceptions.Exit(PASSED if agreed else FAILED)


@main.command()
@ASSIGNMENT
@REFERENCE
def audit(assignment: Path | None, reference: Path | None) -> None:
    """Try every known mistake against an assignment, and list those that slip through."""
    from gradkit.audit import audit_file
    from gradkit.render.audit import to_text
    from gradkit.truth.assignment import AssignmentError

    try:
        found = audit_file(assignment, reference)
    except AssignmentError as error:
        raise Refusal(str(error)) from None
    click.echo(to_text(found), nl=False)
    raise click.exceptions.Exit(PASSED if found.clean else FAILED)


@main.command()
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Show the page of a mistake; without a CODE list them all."""
    from gradkit.render.page import listing, page_text, show_page
    from gradkit.text import spell
    from gradkit.truth.mistakes.catalogue import UnknownMistakeError, catalogue, mistake

    try:
        page = None if code is None else mistake(code)
    except UnknownMistakeError as error:
        raise Refusal(str(error)) from None
    if page is not None and sys.stdout.isatty():
        from rich.console import Console

        show_page(page, Console())
        return
    text = listing(catalogue().values()) if page is None else page_text(page)
    click.echo(spell(text, sys.stdout.encoding), nl=False)


@main.command()
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT")
@click.option("--finding", metavar="ID", help="Write this one as a script, and run it.")
@click.option("--submission", metavar="NAME", help="Whose, where RESULT holds several.")
@click.option(
    "--assignment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The assignment file that RESULT was made with, if not gradkit's own.",
)
def show(
    result: Path, finding: str | None, submission: str | None, assignment: Path | None
) -> None:
    """Show a finding of RESULT as a script that needs no gradkit, and run it again.

    RESULT is what `gradkit check --format json --output RESULT` wrote. Without --finding its
    findings are listed. All that is printed is one Python file, the outcome in comments.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gradkit.dispute import DisputeError, findings_of
    from gradkit.dispute import show as run
    from gradkit.render.script import listing, to_text

    try:
        if finding is None:
            click.echo(listing(findings_of(result)), nl=False)
            return
        shown = run(result, finding, submission=submission, assignment=assignment)
    except DisputeError as error:
        raise Refusal(str(error)) from None
    # Python reads a file as UTF-8, wherever this is sent to.
    sys.stdout.buffer.write(to_text(shown.text, shown.printed, shown.conclusion).encode())
    sys.stdout.flush()
    raise click.exceptions.Exit(PASSED if shown.agrees else FAILED)
