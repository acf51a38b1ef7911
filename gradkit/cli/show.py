"""``gradkit show``: what is known of a student, what was given back, a finding as a script."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.options import FilePath, out
from gradkit.cli.output import to_file, to_stdout
from gradkit.cli.refusal import FAILED, PASSED, Refusal
from gradkit.cli.usage import Command, OneOf

if TYPE_CHECKING:
    from gradkit.reproducer import Shown


@click.command("show", cls=Command, example='gradkit show results "Ann Lee" --finding 3f2a9c')
@click.argument("folder", type=FilePath(), metavar="DIR|RESULT")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--finding", metavar="ID", help="Write this one as a script, and run it.")
@click.option(
    "--assignment",
    type=FilePath(),
    metavar="FILE",
    help="The assignment file, if it is neither gradkit's own nor the class's.",
)
@click.option(
    "--as",
    "viewer",
    type=OneOf(["student"]),
    help="What was given back to the student last, byte for byte.",
)
@click.option(
    "--release", type=click.IntRange(1), metavar="N", help="With --as: the Nth that was given back."
)
@out("FILE", "With --as: write there instead of to standard output.")
def command(
    folder: Path,
    name: str | None,
    finding: str | None,
    assignment: Path | None,
    viewer: str | None,
    release: int | None,
    out: Path | None,
) -> None:
    """Show the student NAME of the class in DIR, or a finding as a script.

    RESULT is what `gradkit check --format json --out RESULT` wrote; NAME is then whose, where
    it holds several. Without --finding the findings are listed, of a student with the mark
    sheet. What --finding prints is one Python file, which is run again, with the outcome in
    comments.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if viewer is None and (release is not None or out is not None):
        raise Refusal("--release and --out go with --as student.")
    if viewer is not None and finding is not None:
        raise Refusal("--as student shows what was given back: leave out --finding.")
    # What ends so is meant as a file, there or not.
    if folder.is_file() or folder.suffix == ".json":
        if viewer is not None:
            raise Refusal(f"{folder} is a file: --as is for a student of a class.")
        _of_file(folder, name, finding, assignment)
    elif name is None:
        raise Refusal(f"{folder} is no file of results, and if it is a class, NAME is missing.")
    elif viewer is not None:
        _given_back(folder, name, release, out)
    else:
        _of_student(folder, name, finding, assignment)


def _of_file(file: Path, name: str | None, finding: str | None, assignment: Path | None) -> None:
    from gradkit.reproducer import findings_of, show
    from gradkit.reproducer.recorded import listing

    if finding is None:
        click.echo(listing(findings_of(file, name)), nl=False)
    else:
        _print(show(file, finding, submission=name, assignment=assignment))


def _of_student(folder: Path, name: str, finding: str | None, assignment: Path | None) -> None:
    from gradkit.classroom.reports.stored import show_finding, student_result
    from gradkit.report.data import EXPECTED_LEVEL, to_data
    from gradkit.report.text import to_text
    from gradkit.reproducer import findings_in
    from gradkit.reproducer.recorded import listing
    from gradkit.text import clean_text

    if finding is not None:
        _print(show_finding(folder, name, finding, assignment))
    sheet = student_result(folder, name)
    result = sheet.result
    click.echo(to_text([result], EXPECTED_LEVEL, encoding=sys.stdout.encoding), nl=False)
    click.echo(listing(findings_in([to_data(result, EXPECTED_LEVEL)])), nl=False)
    if sheet.path:
        click.echo(f"It is {clean_text(sheet.path)}.", err=True)


def _given_back(folder: Path, name: str, release: int | None, out: Path | None) -> None:
    from gradkit.classroom.reports.stored import copy_of

    copy = copy_of(folder, name, release)
    which = f"{copy.number} of {copy.total}: {copy.file}, given back in run {copy.run}."
    click.echo(which, err=True)
    if out is None:
        to_stdout(copy.data)
    else:
        to_file(copy.data, out)


def _print(shown: Shown) -> None:
    from gradkit.reproducer.recorded import script_text

    # Python reads a file as UTF-8, wherever this is sent to.
    to_stdout(script_text(shown.text, shown.printed, shown.conclusion).encode())
    raise click.exceptions.Exit(PASSED if shown.agrees else FAILED)
