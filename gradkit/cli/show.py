"""``gradkit show``: what is known of a student, what was given back, a finding as a script."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gradkit.cli.class_folder import class_folder
from gradkit.cli.options import IN_CLASS, FilePath
from gradkit.cli.refusal import FAILED, PASSED, Refusal

if TYPE_CHECKING:
    from gradkit.classroom.file.store import Store
    from gradkit.dispute import Shown


@click.command("show")
@click.argument("what", metavar="RESULT|STUDENT")
@click.option("--finding", metavar="ID", help="Write this one as a script, and run it.")
@click.option("--submission", metavar="NAME", help="Whose, where RESULT holds several.")
@click.option(
    "--assignment",
    type=FilePath(),
    metavar="FILE",
    help="The assignment file, if it is neither gradkit's own nor the class's.",
)
@IN_CLASS
@click.option(
    "--as",
    "viewer",
    type=click.Choice(["student"]),
    help="STUDENT: what was given back last, byte for byte.",
)
@click.option(
    "--release", type=click.IntRange(1), metavar="N", help="With --as: the Nth that was given back."
)
@click.option(
    "--output",
    type=FilePath(),
    metavar="FILE",
    help="With --as: write there instead of to standard output.",
)
def command(
    what: str,
    finding: str | None,
    submission: str | None,
    assignment: Path | None,
    folder: Path | None,
    viewer: str | None,
    release: int | None,
    output: Path | None,
) -> None:
    """Show a finding as a script, or a student of a class.

    RESULT is what `gradkit check --format json --output RESULT` wrote. Without --finding the
    findings are listed, of a student with the mark sheet. What --finding prints is one Python
    file, which is run again, with the outcome in comments.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if viewer is None and (release is not None or output is not None):
        raise Refusal("--release and --output go with --as student.")
    if viewer is not None and finding is not None:
        raise Refusal("--as student shows what was given back: leave out --finding.")
    from gradkit.dispute import DisputeError

    try:
        # What ends so is meant as a file, there or not.
        is_file = Path(what).is_file() or what.endswith(".json")
        if submission is not None and not is_file:
            raise Refusal(f"--submission goes with a file of results, and {what} is none.")
        if is_file:
            if viewer is not None or folder is not None:
                raise Refusal(f"{what} is a file: --class and --as are for a student of a class.")
            _of_file(Path(what), finding, submission, assignment)
        else:
            folder = _class_of(what, folder)
            _of_student(what, finding, assignment, folder, viewer, release, output)
    except DisputeError as error:
        raise Refusal(str(error)) from None


def _class_of(what: str, folder: Path | None) -> Path:
    try:
        return class_folder(folder)
    except Refusal as error:
        raise Refusal(f"{what} is no file, and if it is a student, {error.message}") from None


def _of_file(
    file: Path, finding: str | None, submission: str | None, assignment: Path | None
) -> None:
    from gradkit.dispute import findings_of, show
    from gradkit.render.script import listing

    if finding is None:
        click.echo(listing(findings_of(file)), nl=False)
    else:
        _print(show(file, finding, submission=submission, assignment=assignment))


def _of_student(
    word: str,
    finding: str | None,
    assignment: Path | None,
    folder: Path,
    viewer: str | None,
    release: int | None,
    output: Path | None,
) -> None:
    from gradkit.classroom.account.again import show_stored
    from gradkit.classroom.course.whom import WhomError, whom
    from gradkit.classroom.file.counted import counted
    from gradkit.classroom.file.database import StoreError
    from gradkit.classroom.file.overrides import overrides, result_of
    from gradkit.classroom.file.pseudonyms import pseudonym
    from gradkit.classroom.file.store import Store

    try:
        with Store(folder, write=False) as store:
            name = whom(store, word)
            if viewer is not None:
                _write(_given_back(store, name, release), output)
                return
            counts = {each.kept.name: each for each in counted(store)}
            if name not in counts:
                raise Refusal(f"{name} has nothing that counts.")
            one = counts[name]
            if one.kept.standing != "graded":
                if word == pseudonym(store, name):
                    raise Refusal(f"{word} was {one.kept.standing}.")
                raise Refusal(
                    f"{name} was {one.kept.standing}: {one.kept.told} It is {one.kept.path}."
                )
            result = result_of(store, one, overrides(store).get(name, ()))
            hidden = word == pseudonym(store, name)
            if finding is not None:
                _print(show_stored(store, one.kept, result, finding, assignment))
    except (StoreError, WhomError) as error:
        raise Refusal(str(error)) from None
    from gradkit.dispute import findings_in
    from gradkit.render.data import EXPECTED_LEVEL, to_data
    from gradkit.render.script import listing
    from gradkit.render.text import to_text
    from gradkit.text import clean_text

    # Whoever asks by a pseudonym is not told the name.
    if hidden:
        result = replace(result, submission=word)
    click.echo(to_text([result], EXPECTED_LEVEL, encoding=sys.stdout.encoding), nl=False)
    click.echo(listing(findings_in([to_data(result, EXPECTED_LEVEL)])), nl=False)
    if not hidden:
        click.echo(f"It is {clean_text(one.kept.path)}.", err=True)


def _given_back(store: Store, name: str, number: int | None) -> bytes:
    """The bytes that a student was given, last or before; of a row of a table and a page the page.

    Which they are is said on standard error.
    """
    from gradkit.classroom.file.releases import content, releases

    given = releases(store, name)
    if not given:
        raise Refusal(f"{name} was given nothing back yet.")
    if number is not None and number > len(given):
        listed = ", ".join(
            f"{at} ({each.file}, run {each.run})" for at, each in enumerate(given, 1)
        )
        raise Refusal(f"--release {number}: {name} was given back {listed}.")
    pages = [at for at, each in enumerate(given, 1) if each.file.endswith(".html")]
    number = number or (pages[-1] if pages else len(given))
    chosen = given[number - 1]
    click.echo(
        f"{number} of {len(given)}: {chosen.file}, given back in run {chosen.run}.", err=True
    )
    return content(store, chosen.id)


def _write(data: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise Refusal(f"{output}: cannot be written ({error.strerror}).") from None


def _print(shown: Shown) -> None:
    from gradkit.render.script import to_text

    # Python reads a file as UTF-8, wherever this is sent to.
    sys.stdout.buffer.write(to_text(shown.text, shown.printed, shown.conclusion).encode())
    sys.stdout.flush()
    raise click.exceptions.Exit(PASSED if shown.agrees else FAILED)
