"""``gradkit check``: grade submissions one by one and print the results."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.options import HINTS, assignment_options
from gradkit.cli.refusal import FAILED, OPEN, PASSED, REFUSED, Refusal
from gradkit.render.formats import FORMATS

if TYPE_CHECKING:
    from gradkit.records.result import Result


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@assignment_options
@HINTS
@click.option(
    "--format", "format_", type=click.Choice(["text", *FORMATS]), default="text", show_default=True
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write there instead of to standard output.",
)
def command(
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
    if not results and (format_ == "text" or not many):
        return
    if format_ != "text":
        from gradkit.render.formats import renderer

        text = renderer(format_)(results, hints, many=many)
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
