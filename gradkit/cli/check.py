"""``gradkit check``: grade submissions one by one and print the results."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli.grade import hold
from gradkit.cli.options import HINTS, REQUIRE_TIER, FilePath, assignment_options, settings_of
from gradkit.cli.output import write
from gradkit.cli.refusal import FAILED, OPEN, PASSED, REFUSED, Refusal
from gradkit.render.formats import DATED, FORMATS, OWN, SINGLE, lacking

if TYPE_CHECKING:
    from gradkit.records.result import Result


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=FilePath(), metavar="PATH…")
@assignment_options
@HINTS
@REQUIRE_TIER
@click.option(
    "--format", "format_", type=click.Choice(["text", *FORMATS]), default="text", show_default=True
)
@click.option(
    "--output",
    type=FilePath(),
    metavar="FILE",
    help="Write there instead of to standard output.",
)
def command(
    paths: tuple[Path, ...],
    hints: int | None,
    require_tier: int | None,
    format_: str,
    output: Path | None,
    **against: Any,
) -> None:
    """Check submissions: each PATH, a .py file, notebook, folder or zip, is one."""
    if format_ in SINGLE and len(paths) > 1:
        raise Refusal(
            f"--format {format_} is for one submission, and {len(paths)} were given. Run gradkit "
            "once for each, or take --format json."
        )
    # Said at once: nobody should wait for a class to be graded to be told this.
    if said := lacking(format_):
        raise Refusal(said)
    # No array here is large enough for threads, and starting them takes as long as the rest
    # of numpy on a busy machine. Whoever has set a number keeps it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The worker loads numpy in its own process while this one does the same.
    from gradkit.worker import Workshop

    with Workshop(require_tier=require_tier) as workshop:
        from gradkit.grounds import GradingError
        from gradkit.session import Session

        results, refused = [], []
        try:
            settings = settings_of(against, require_tier=require_tier or 0)
            if require_tier:
                # Who asks for a tier runs others' code: a name is not enough then.
                hold(settings)
            with Session(settings, workshop) as session:
                for path in paths:
                    try:
                        results.append(session.check(path))
                    except GradingError as error:
                        refused.append(str(error))
        except GradingError as error:
            raise Refusal(str(error)) from None
        own = format_ in OWN
        level = hints or (session.hints if own else session.assignment.hints)
        if format_ not in DATED and not (own and session.keyed):
            from gradkit.render.withheld import withhold

            results = [withhold(result) for result in results]
        write(results, refused, level, format_, output, many=len(paths) > 1)
    for sentence in refused:
        Refusal(sentence).show()
    raise click.exceptions.Exit(REFUSED if refused else verdict_code(results))


def verdict_code(results: Sequence[Result]) -> int:
    """The exit code that these results mean."""
    states = {check.state for result in results for task in result.tasks for check in task.checks}
    if states - {"pass", "inconclusive", "not-checked"}:
        return FAILED
    return OPEN if states - {"pass"} else PASSED
