"""``gradkit new``: what a student starts from, or an assignment of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import FilePath
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command("new", cls=Command, example="gradkit new hw")
@click.argument("folder", type=FilePath(), metavar="DIR")
@click.option(
    "--instructor", is_flag=True, help="An assignment of one's own, with solutions and template."
)
@click.option(
    "--variant",
    type=click.IntRange(0, 2**63 - 1),
    metavar="SEED",
    help="With --instructor: other sizes, activation, rates and data.",
)
def command(folder: Path, instructor: bool, variant: int | None) -> None:
    """Write what a student starts from to DIR: files, notebook, README and workflows."""
    from gradkit.new.write import WriteError, instructor_files, student_files, write

    if variant is not None and not instructor:
        raise Refusal("--variant changes the exercise, so it goes with --instructor.")
    files = instructor_files(variant) if instructor else student_files()
    try:
        write(folder, files)
    except WriteError as error:
        raise Refusal(str(error)) from None
    click.echo(f"{folder}: {len(files)} files written. Read README.md there first.", err=True)
