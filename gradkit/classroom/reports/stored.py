"""A stored submission read again from where it was, and a finding of it shown to be so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import find_student, pseudonym
from gradkit.classroom.course.senders import attributed, senders
from gradkit.classroom.feedback.pages import PAGE
from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.results import Store, content, releases, settings_of
from gradkit.records.classroom import Kept
from gradkit.records.result import Result
from gradkit.records.submission import RawSubmission, Submission
from gradkit.report.data import EXPECTED_LEVEL, to_data
from gradkit.reproducer import ReproducerError, Shown, find, findings_in, run_again
from gradkit.reproducer.recorded import unchanged
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import Handed, Loader, collect, gather

AWAITED = "{name} is not graded yet: start the same `gradkit grade` again."


class NoResultError(ReproducerError):
    """There is no result to show; the text says why, and how to give points all the same."""


class StudentResult(Struct, frozen=True):
    """The result of a student that counts, points that a person has set in it.

    ``path`` is where the submission was; it is empty where the student was asked for by a
    pseudonym, and the name in ``result`` is then that.
    """

    result: Result
    path: str


class Copy(Struct, frozen=True):
    """The bytes that a student was given, the ``number``-th of ``total`` times."""

    data: bytes
    file: str
    run: int
    number: int
    total: int


def student_result(folder: Path, student: str) -> StudentResult:
    """Look up a student's result.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, a part of one, an identifier or a pseudonym.

    Raises
    ------
    GradkitError
        Nobody is meant, or several are. It is a `NoResultError` where nothing of the student was
        handed in or could be graded.

    Examples
    --------
    >>> from pathlib import Path
    >>> sheet = student_result(Path("results"), "chen")
    >>> sheet.result.score, sheet.path
    (16.25, 'handed_in/chen.py')
    """
    with Store(folder, write=False) as store:
        kept, result = _counting(store, student)
        who = _known_as(store, kept.name, student)
        path = kept.path if who == kept.name else ""
        return StudentResult(replace(result, submission=who), path)


def show_finding(folder: Path, student: str, finding: str, assignment: Path | None = None) -> Shown:
    """Write a finding of a student's as a script, and run it.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, a part of one, an identifier or a pseudonym.
    finding : str
        The finding's id.
    assignment : Path, optional
        The assignment file, by default that of the class.

    Raises
    ------
    ReproducerError
        There is no such finding, or the submission or assignment is not what it was.
    StoreError
        Nothing has been graded there.

    Examples
    --------
    >>> from pathlib import Path
    >>> task, = student_result(Path("results"), "chen").result.tasks
    >>> show_finding(Path("results"), "chen", task.findings[0].id).agrees
    True
    """
    with Store(folder, write=False) as store:
        kept, result = _counting(store, student)
        who = _known_as(store, kept.name, student)
        where = f"the result of {who} in {store.path}"
        told = to_data(replace(result, submission=who), EXPECTED_LEVEL)
        found = find(findings_in([told]), where, finding)
        source = replace(read_stored(kept, folder), name=who)
        of = settings_of(store)
        return run_again(found, source, where, assignment or of.assignment, of.reference)


def copy_of(folder: Path, student: str, number: int | None = None) -> Copy:
    """Read what a student was given back, byte for byte.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, a part of one, an identifier or a pseudonym.
    number : int, optional
        The how-manyth page that was given, by default the last; where there was none, the
        how-manyth row of a table.

    Raises
    ------
    GradkitError
        Nothing was given back, or not so often.

    Examples
    --------
    >>> from pathlib import Path
    >>> given = copy_of(Path("results"), "chen")
    >>> given.number, given.total, given.data[:15]
    (1, 1, b'<!DOCTYPE html>')
    """
    with Store(folder, write=False) as store:
        name = find_student(store, student)
        who = _known_as(store, name, student)
        given = releases(store, name)
        # Of a page and a row of a table, which one release may have both of, the page.
        given = [each for each in given if each.file.endswith(PAGE)] or given
        if not given:
            raise ReproducerError(f"{who} was given nothing back yet.")
        if number is not None and number > len(given):
            listed = ", ".join(
                f"{at} ({each.file}, run {each.run})" for at, each in enumerate(given, 1)
            )
            raise ReproducerError(f"--release {number}: {who} was given back {listed}.")
        number = number or len(given)
        chosen = given[number - 1]
        return Copy(content(store, chosen.id), chosen.file, chosen.run, number, len(given))


def _known_as(store: Store, name: str, student: str) -> str:
    """Return what a student is called: whoever asks by a pseudonym is not told the name."""
    return student if student == pseudonym(store, name) else name


def _counting(store: Store, student: str) -> tuple[Kept, Result]:
    """The attempt of a student that counts, and its result."""
    name = find_student(store, student)
    counting = Counting(store)
    one = counting.attempts.get(name)
    if one is not None and (result := counting.result(name)) is not None:
        return one.kept, result
    # What may hold the name is not told with a pseudonym either.
    who = _known_as(store, name, student)
    if name in store.awaited() and one is None:
        raise NoResultError(AWAITED.format(name=who))
    if one is None or one.kept.standing == "absent":
        said = f"{who} has handed in nothing that counts."
    elif who != name:
        said = f"{who} was {one.kept.standing}."
    else:
        said = f"{name} was {one.kept.standing}: {one.kept.told} It is {one.kept.path}."
    words = shlex.join(["gradkit", "override", str(store.path.parent), who])
    raise NoResultError(
        f"{said}\n`{words} total 0 --comment …` gives points, or with a task in the place of "
        "total; `gradkit grade … --student` grades a submission again."
    )


def read_stored(kept: Kept, folder: Path) -> Submission:
    """The submission of a result, which must be what it was.

    Parameters
    ----------
    kept : Kept
    folder : Path
        That of the class: a path is taken from here, from there, or from beside it.

    Raises
    ------
    ReproducerError
        It is gone, has changed, or cannot be read.
    """
    places = [p for base in (Path(), folder, folder.parent) for p in _places(base, kept.path)]
    gone, changed = "grade the class again from where it is now", "grade the class anew"
    found = (replace(raw, name=kept.name) for place in places for raw in _parcels(*place))
    return unchanged(found, kept.digest, kept.path, gone, changed)


def _parcels(path: Path, member: str) -> Iterator[RawSubmission]:
    """Read what lies there: as one of a download, whose files may belong together, or by itself."""
    handed: list[Handed] = []
    with suppress(SubmissionError):
        handed = gather([path if member else path.parent])
    with Loader() as loader:
        for one, _ in attributed(handed, senders(handed)):
            if (one.path.resolve(), one.member) == (path.resolve(), member):
                yield loader.load(one)
    if not member:
        yield collect(path)


def _places(base: Path, recorded: str) -> Iterator[tuple[Path, str]]:
    """Every way to read a path as that of an archive and a member, the archive being there."""
    if (base / recorded).exists():
        yield base / recorded, ""
    for at, sign in enumerate(recorded):
        if sign == "!" and (base / recorded[:at]).is_file():
            yield base / recorded[:at], recorded[at + 1 :]
