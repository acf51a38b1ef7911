"""``gradkit new``: what a student starts from, or an assignment of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import INSTALL, FilePath
from gradkit.cli.refusal import Refusal


@click.command("new")
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
@INSTALL
def command(folder: Path, instructor: bool, variant: int | None, install: str | None) -> None:
    """Write what a student starts from to DIR: files, notebook, README, workflows, gradkit."""
    from gradkit.export import ExportError
    from gradkit.export.install import choose
    from gradkit.new.write import WriteError, instructor_files, student_files, wheel_files, write

    if variant is not None and not instructor:
        raise Refusal("--variant changes the exercise, so it goes with --instructor.")
    try:
        given = choose(install)
        texts = instructor_files(variant, given) if instructor else student_files(None, given)
        files: dict[str, str | bytes] = {**texts, **wheel_files(given, instructor=instructor)}
        write(folder, files)
    except (ExportError, WriteError) as error:
        raise Refusal(str(error)) from None
    click.echo(f"{folder}: {len(files)} files written. Read README.md there first.", err=True)
