"""``gradkit export``: an assignment packed for a platform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradkit.cli.options import ASSIGNMENT, INSTALL, REFERENCE, out
from gradkit.cli.usage import Command, OneOf


@click.command("export", cls=Command, example="gradkit export gradescope --out autograder.zip")
@click.argument("platform", type=OneOf(["gradescope", "prairielearn", "github-classroom", "wheel"]))
@out("PATH", "The zip archive (gradescope) or folder to write.", required=True)
@ASSIGNMENT
@REFERENCE
@click.option(
    "--no-reference",
    is_flag=True,
    help="Leave model solutions out; marks are then provisional.",
)
@INSTALL
@click.option(
    "--image",
    default="gradkit-grader",
    show_default=True,
    metavar="NAME",
    help="PrairieLearn: what you call the image of docker/Dockerfile.",
)
def command(platform: str, out: Path, **options: Any) -> None:
    """Write what PLATFORM needs to grade an assignment with gradkit.

    Nothing is overwritten. For github-classroom no model solutions are packed: students
    can read the repository. With wheel it is gradkit alone, for anybody to install.
    """
    from gradkit.authoring.export.platforms import export_assignment

    export_assignment(platform, out, **options)
    click.echo(f"Written to {out}.", err=True)
