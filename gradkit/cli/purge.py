"""``gradkit purge``: all that is stored of a student, taken away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.options import BY, CLASS, Text
from gradkit.cli.refusal import Refusal
from gradkit.cli.usage import Command

if TYPE_CHECKING:
    from gradkit.classroom.reports.purge import Purged


@click.command("purge", cls=Command, example='gradkit purge results "Ann Lee" --why "asked for it"')
@CLASS
@click.argument("student")
@click.option("--yes", is_flag=True, help="Do not ask; STUDENT is then the whole name.")
@click.option(
    "--why", type=Text(), default="", metavar="TEXT", help="Kept with the note that it was done."
)
@BY
def command(folder: Path, student: str, yes: bool, why: str, by: str) -> None:
    """Remove a student from the class in DIR.

    Results, answers, code, identifiers, points that were set, pages and zips of pages. It
    cannot be taken back. What is left is a note, under a pseudonym, that it was done.
    """
    from gradkit.classroom.reports.purge import purge_student, tables

    def confirm(name: str) -> bool:
        if yes and name != student:
            raise Refusal(f"with --yes the name has to be whole: {name}.")
        return yes or _confirmed(name, folder)

    name, purged = purge_student(folder, student, confirm=confirm, why=why, by=by)
    _tell(name, purged, [*purged.paths, *map(str, tables(folder))])


def _confirmed(name: str, folder: Path) -> bool:
    question = f"Remove all that is stored of {name} in {folder}? It cannot be taken back."
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def _tell(name: str, purged: Purged, left: list[str]) -> None:
    """Say what was done, and what is left to do by hand."""
    from gradkit.text import clean_text

    files = purged.files
    lines = [f"{name} was removed: {purged.rows} rows of the class file, {len(files)} files."]
    lines += [f"removed: {file}" for file in files]
    if files:
        lines.append(
            "What named everybody is written anew by `gradkit grade … --html` and `gradkit "
            "feedback`."
        )
    if purged.shared:
        lines.append(f"What was handed in together stays with {', '.join(purged.shared)}.")
    lines += [f"still there: {path}" for path in left]
    lines.append(
        "Downloads, rosters, worksheets and gradebooks are not gradkit's to remove, nor is what "
        "was written elsewhere with --out: look for the student there too."
    )
    for line in lines:
        click.echo(clean_text(line), err=True)
