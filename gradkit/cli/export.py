"""``gradkit export``: an assignment packed for a platform."""

from __future__ import annotations

from pathlib import Path

import click

from gradkit.cli.options import ASSIGNMENT, REFERENCE, FilePath
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command


@click.command("export", cls=Command, example="gradkit export gradescope --out autograder.zip")
@click.argument("platform", type=click.Choice(["gradescope", "prairielearn", "github-classroom"]))
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
@click.option(
    "--wheel",
    type=FilePath(),
    metavar="FILE",
    help="A wheel of gradkit to pack.  [default: made of the gradkit that runs]",
)
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
    wheel: Path | None,
    image: str,
) -> None:
    """Write what PLATFORM needs to grade an assignment with gradkit.

    Nothing is overwritten. For github-classroom no model solutions are packed: students
    can read the repository.
    """
    from gradkit.export import ExportError, bundle, write_folder, write_zip
    from gradkit.truth.assignment import AssignmentError

    keyless = no_reference or platform == "github-classroom"
    try:
        source = bundle(assignment, reference, keyless=keyless)
        if platform == "github-classroom":
            from gradkit.export.classroom import classroom

            write_folder(classroom(source), out)
        elif platform == "prairielearn":
            from gradkit.export.prairielearn import prairielearn

            write_folder(prairielearn(source, _wheel(wheel), image), out)
        else:
            from gradkit.export.gradescope import gradescope

            write_zip(gradescope(source, _wheel(wheel)), out)
    except (AssignmentError, ExportError) as error:
        raise Refusal(str(error)) from None
    click.echo(f"Written to {out}.", err=True)


def _wheel(path: Path | None) -> tuple[str, bytes]:
    if path is None:
        from gradkit.export.wheel import running_wheel

        return running_wheel()
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise Refusal(f"--wheel {path}: cannot be read ({error.strerror}).") from None
