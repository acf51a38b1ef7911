"""``gradkit show``: a finding as a script that needs no gradkit."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gradkit.cli.refusal import FAILED, PASSED, Refusal


@click.command("show")
@click.argument("result", type=click.Path(path_type=Path), metavar="RESULT")
@click.option("--finding", metavar="ID", help="Write this one as a script, and run it.")
@click.option("--submission", metavar="NAME", help="Whose, where RESULT holds several.")
@click.option(
    "--assignment",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The assignment file that RESULT was made with, if not gradkit's own.",
)
def command(
    result: Path, finding: str | None, submission: str | None, assignment: Path | None
) -> None:
    """Show a finding of RESULT as a script that needs no gradkit, and run it again.

    RESULT is what `gradkit check --format json --output RESULT` wrote. Without --finding its
    findings are listed. All that is printed is one Python file, the outcome in comments.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from gradkit.dispute import DisputeError, findings_of, show
    from gradkit.render.script import listing, to_text

    try:
        if finding is None:
            click.echo(listing(findings_of(result)), nl=False)
            return
        shown = show(result, finding, submission=submission, assignment=assignment)
    except DisputeError as error:
        raise Refusal(str(error)) from None
    # Python reads a file as UTF-8, wherever this is sent to.
    sys.stdout.buffer.write(to_text(shown.text, shown.printed, shown.conclusion).encode())
    sys.stdout.flush()
    raise click.exceptions.Exit(PASSED if shown.agrees else FAILED)
