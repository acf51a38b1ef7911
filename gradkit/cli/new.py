"""``gradkit new``: what a student starts from, or an assignment of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradkit.cli.options import INSTALL, FilePath
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
@INSTALL
def command(folder: Path, **options: Any) -> None:
    """Write what a student starts from to DIR: files, notebook, README, workflows, gradkit."""
    from gradkit.authoring.new.write import write_new

    files = write_new(folder, **options)
    click.echo(f"{folder}: {len(files)} files written. Read README.md there first.", err=True)
