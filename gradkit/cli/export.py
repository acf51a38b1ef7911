"""``gradkit export``: an assignment packed for a platform."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import ASSIGNMENT, INSTALL, REFERENCE, FilePath
from gradkit.cli.refusal import Refusal


@click.command("export")
@click.argument(
    "platform", type=click.Choice(["gradescope", "prairielearn", "github-classroom", "wheel"])
)
@click.option(
    "--out",
    required=True,
    type=FilePath(),
    metavar="PATH",
    help="The zip archive (gradescope) or folder to write.",
)
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
def command(
    platform: str,
    out: Path,
    assignment: Path | None,
    reference: Path | None,
    no_reference: bool,
    install: str | None,
    image: str,
) -> None:
    """Write what PLATFORM needs to grade an assignment with gradkit.

    Nothing is overwritten. For github-classroom no model solutions are packed: students
    can read the repository. With wheel it is gradkit alone, for anybody to install.
    """
    from gradkit.export import ExportError
    from gradkit.truth.assignment import AssignmentError

    try:
        _write(platform, out, install, (assignment, reference, no_reference), image)
    except (AssignmentError, ExportError) as error:
        raise Refusal(str(error)) from None
    click.echo(f"Written to {out}.", err=True)


def _write(
    platform: str,
    out: Path,
    install: str | None,
    grounds: tuple[Path | None, Path | None, bool],
    image: str,
) -> None:
    from gradkit.export import bundle, write_folder, write_zip
    from gradkit.export.install import choose, wheel_alone

    given = choose(install)
    if platform == "wheel":
        return write_folder(wheel_alone(given), out)
    assignment, reference, no_reference = grounds
    keyless = no_reference or platform == "github-classroom"
    source = bundle(assignment, reference, keyless=keyless)
    if platform == "github-classroom":
        from gradkit.export.classroom import classroom

        return write_folder(classroom(source, given), out)
    if platform == "prairielearn":
        from gradkit.export.prairielearn import prairielearn

        return write_folder(prairielearn(source, given, image), out)
    from gradkit.export.gradescope import gradescope

    return write_zip(gradescope(source, given), out)
