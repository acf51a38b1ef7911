"""Look up stored results and files given to students, and reproduce stored findings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
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
from gradkit.submission.read import Handed, Loader, collect, gather, parse

AWAITED = "{name} is not graded yet: run the same `gradkit grade` again."


class NoResultError(ReproducerError):
    """There is no result to show; the text says why, and how to give points nevertheless."""


class StudentResult(Struct, frozen=True):
    """A student's counting result with overrides applied, and the path of the submission.

    If the student was looked up by a pseudonym, ``path`` is empty and ``result`` has the
    pseudonym for the name.
    """

    result: Result
    path: str


class Copy(Struct, frozen=True):
    """The bytes of the ``number``-th of ``total`` files that a student was given."""

    data: bytes
    file: str
    run: int
    number: int
    total: int


def student_result(folder: Path, student: str) -> StudentResult:
    """Look up the result that counts for a student.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, an identifier, a part of these, or a pseudonym.

    Raises
    ------
    NoResultError
        The student submitted nothing that counts or could be graded.
    GradkitError
        No student or several students match, or the class cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> sheet = student_result(Path("results"), "chen")
    >>> sheet.result.score, sheet.path
    (15.5, 'handed_in/chen.py')
    """
    with Store(folder, write=False) as store:
        kept, result = _counting(store, student)
        who = _known_as(store, kept.name, student)
        path = kept.path if who == kept.name else ""
        return StudentResult(replace(result, submission=who), path)


def show_finding(folder: Path, student: str, finding: str, assignment: Path | None = None) -> Shown:
    """Write a script that reproduces a student's finding, and run it.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, an identifier, a part of these, or a pseudonym.
    finding : str
        Id of the finding.
    assignment : Path, optional
        Assignment file, by default that of the class.

    Raises
    ------
    ReproducerError
        There is no such finding, or the submission or assignment has changed.
    StoreError
        Nothing has been graded in this folder.

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
        data = to_data(replace(result, submission=who), EXPECTED_LEVEL)
        found = find(findings_in([data]), where, finding)
        source = replace(read_stored(kept, folder), name=who)
        settings = settings_of(store)
        return run_again(
            found, source, where, assignment or settings.assignment, settings.reference
        )


def copy_of(folder: Path, student: str, number: int | None = None) -> Copy:
    """Return an exact copy of a page that a student was given.

    If the student was given no page, only rows of a platform's table, such a row is returned.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, an identifier, a part of these, or a pseudonym.
    number : int, optional
        Number of the page (or row) among the student's, from 1; by default the last.

    Raises
    ------
    GradkitError
        The student was given nothing, or has no page of this number.

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
        # A release can have a page and a row of a table: then only the page is counted.
        given = [release for release in given if release.file.endswith(PAGE)] or given
        if not given:
            raise ReproducerError(
                f"{who} has not been given a page yet. `gradkit feedback` writes the pages."
            )
        if number is not None and number > len(given):
            listed = ", ".join(
                f"{at} ({release.file}, run {release.run})" for at, release in enumerate(given, 1)
            )
            raise ReproducerError(f"--release {number}: the pages given to {who} are {listed}.")
        number = number or len(given)
        chosen = given[number - 1]
        return Copy(content(store, chosen.id), chosen.file, chosen.run, number, len(given))


def _known_as(store: Store, name: str, student: str) -> str:
    """Return the name to show for a student: the pseudonym if the student was looked up by it."""
    return student if student == pseudonym(store, name) else name


def _counting(store: Store, student: str) -> tuple[Kept, Result]:
    """Return a student's counting attempt and its result.

    Raises
    ------
    NoResultError
        The student has no counting attempt with a result.
    """
    name = find_student(store, student)
    counting = Counting(store)
    attempt = counting.attempts.get(name)
    if attempt is not None and (result := counting.result(name)) is not None:
        return attempt.kept, result
    # With a pseudonym, the reason and the path are left out, as they may contain the name.
    who = _known_as(store, name, student)
    if name in store.awaited() and attempt is None:
        raise NoResultError(AWAITED.format(name=who))
    if attempt is None or attempt.kept.standing == "absent":
        reason = f"{who} has no submission that counts."
    elif who != name:
        reason = f"{who} was {attempt.kept.standing}."
    else:
        kept = attempt.kept
        told = kept.told.removeprefix(f"{name}: ")
        reason = f"{name} was {kept.standing}: {told} The file is {kept.path}."
    command = shlex.join(["gradkit", "override", str(store.path.parent), who])
    raise NoResultError(
        f"{reason}\nTo set points, run `{command} total 0 --comment …`, or name a task in place of "
        "`total`. To grade the submission again, run `gradkit grade … --student NAME`."
    )


def read_stored(kept: Kept, folder: Path) -> Submission:
    """Read the submission of a stored result from its path, and check that it is unchanged.

    Parameters
    ----------
    kept : Kept
    folder : Path
        Folder of the class. A relative path is looked up from the working directory, from this
        folder and from its parent.

    Raises
    ------
    ReproducerError
        The submission is gone, has changed, or cannot be read.
    """
    places = [p for base in (Path(), folder, folder.parent) for p in _places(base, kept.path)]
    gone, changed = "grade the class from its new place", "grade the class again"
    if not Path(kept.path).is_absolute():
        gone = f"run gradkit in the folder where the class was graded, or {gone}"
    found = (replace(raw, name=kept.name) for place in places for raw in _parcels(*place))
    return unchanged(found, kept.digest, kept.path, gone, changed)


def read_many(submissions: Iterable[Kept], folder: Path) -> Iterator[Submission]:
    """Read the submissions of stored results that are still where they were, and unchanged.

    Each download is listed only once. Submissions that cannot be read are left out, and of those
    with the same `identity` one is read.

    Parameters
    ----------
    submissions : iterable of Kept
    folder : Path
        Folder of the class, as in `read_stored`.
    """
    wanted = {identity(kept) for kept in submissions}
    downloads: dict[Path, None] = {}
    for kept in submissions:
        for base in (Path(), folder, folder.parent):
            for path, member in _places(base, kept.path):
                downloads[(path if member else path.parent).resolve()] = None
    with Loader() as loader:
        for download in downloads:
            with suppress(SubmissionError):
                handed = gather([download])
                for submission, _ in attributed(handed, senders(handed)):
                    with suppress(SubmissionError):
                        raw = loader.load(submission)
                        if identity(raw) in wanted:
                            wanted.remove(identity(raw))
                            yield parse(raw)


def identity(submission: Kept | RawSubmission | Submission) -> tuple[str, str]:
    """Return a key that is equal for submissions with the same contents and file names.

    The digest of a single file does not depend on the file's name, which findings refer to.
    """
    return submission.digest, re.split(r"[/\\!]", submission.path)[-1]


def _parcels(path: Path, member: str) -> Iterator[RawSubmission]:
    """Yield the submissions that can be read at a path, or as the member of an archive there.

    The file is first read as a part of its download, in which several files can be one
    submission, and then, if it is not in an archive, by itself.

    Raises
    ------
    SubmissionError
        The file itself cannot be read.
    """
    handed: list[Handed] = []
    with suppress(SubmissionError):
        handed = gather([path if member else path.parent])
    with Loader() as loader:
        for submission, _ in attributed(handed, senders(handed)):
            if (submission.path.resolve(), submission.member) == (path.resolve(), member):
                yield loader.load(submission)
    if not member:
        yield collect(path)


def _places(base: Path, recorded: str) -> Iterator[tuple[Path, str]]:
    """Yield each way to split a recorded path into an existing file and a member of it.

    ``recorded`` is relative to the folder ``base``; the member is empty for a path without ``!``. A
    path such as ``all.zip!ann.py`` is ambiguous, since names can contain ``!``.
    """
    if (base / recorded).exists():
        yield base / recorded, ""
    for at, sign in enumerate(recorded):
        if sign == "!" and (base / recorded[:at]).is_file():
            yield base / recorded[:at], recorded[at + 1 :]
