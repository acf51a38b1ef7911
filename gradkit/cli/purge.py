"""``gradkit purge``: all that is stored of a student, taken away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import BY, IN_CLASS, Text
from gradkit.cli.refusal import Refusal

if TYPE_CHECKING:
    from gradkit.classroom.account.purge import Purged


@click.command("purge")
@click.argument("student")
@click.option("--yes", is_flag=True, help="Do not ask; STUDENT is then the whole name.")
@click.option(
    "--why", type=Text(), default="", metavar="TEXT", help="Kept with the note that it was done."
)
@BY
@IN_CLASS
def command(student: str, yes: bool, why: str, by: str, folder: Path | None) -> None:
    """Remove a student from a class.

    Results, answers, code, identifiers, points that were set, pages and zips of pages. It
    cannot be taken back. What is left is a note, under a pseudonym, that it was done.
    """
    folder = class_folder(folder)
    from gradkit.classroom.account.purge import PurgeError, purge
    from gradkit.classroom.account.traces import remove_traces, tables
    from gradkit.classroom.course.whom import WhomError, whom
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.store import Store

    try:
        with Store(folder, write=True, make=False) as store:
            name = whom(store, student)
            if yes and name != student:
                raise Refusal(f"with --yes the name has to be whole: {name}.")
            if not yes and not _confirmed(name, folder):
                raise Refusal("nothing was removed. To go on without being asked, add --yes.")
            # First: afterwards nobody could tell which files they were.
            files = remove_traces(folder, name)
            purged = purge(store, name, why=why, by=by)
    except (PurgeError, StoreError, WhomError) as error:
        raise Refusal(str(error)) from None
    _tell(name, purged, files, [*purged.paths, *map(str, tables(folder))])


def _confirmed(name: str, folder: Path) -> bool:
    question = f"Remove all that is stored of {name} in {folder}? It cannot be taken back."
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        return False


def _tell(name: str, purged: Purged, files: list[Path], left: list[str]) -> None:
    """Say what was done, and what is left to do by hand."""
    from gradkit.text import clean_text

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
