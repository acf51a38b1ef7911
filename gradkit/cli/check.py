"""``gradkit check``: grade submissions one by one and print the results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradkit.cli import options
from gradkit.cli.output import write
from gradkit.cli.usage import FAILED, OPEN, PASSED, REFUSED, Command, Refusal
from gradkit.report.formats import FORMATS, lacking

if TYPE_CHECKING:
    from gradkit.records.result import Result


@click.command("check", cls=Command, example="gradkit check hw.py --task regression-numpy --seed 1")
@click.argument("paths", nargs=-1, required=True, type=options.FilePath(), metavar="PATH…")
@options.assignment_options
@options.HINTS
@options.REQUIRE_TIER
@options.format_option(*FORMATS)
@options.out("FILE", "Write there instead of to standard output.")
def check_command(
    paths: tuple[Path, ...],
    hints: int | None,
    require_tier: int | None,
    format_: str,
    out: Path | None,
    **against: Any,
) -> None:
    """Check submissions: each PATH, a .py file, notebook, folder or zip, is one."""
    if len(paths) > 1 and not FORMATS[format_].several:
        raise Refusal(
            f"--format {format_} is for one submission, and {len(paths)} were given. Run gradkit "
            "once for each, or take --format json."
        )
    # Said at once: nobody should wait for a class to be graded to be told this.
    if said := lacking(format_):
        raise Refusal(said)
    from gradkit.batch import for_readers, grade_files

    given = {name: value for name, value in against.items() if value is not None}
    batch = grade_files(paths, require_tier=require_tier, **given)
    shown, level = for_readers(batch, format_, hints)
    write(shown.results, batch.refused, level, format_, out, many=len(paths) > 1)
    for sentence in batch.refused:
        Refusal(sentence).show()
    raise click.exceptions.Exit(REFUSED if batch.refused else verdict_code(batch.results))


def verdict_code(results: Sequence[Result]) -> int:
    """The exit code that these results mean."""
    states = {check.state for result in results for task in result.tasks for check in task.checks}
    if states - {"pass", "inconclusive", "not-checked"}:
        return FAILED
    return OPEN if states - {"pass"} else PASSED
