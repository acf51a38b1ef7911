"""Find the file name and identifiers under which a platform accepts a student's feedback.

Both are taken from the student's own newest submission, whichever attempt counts, because a
platform looks for its newest one. A group's submission belongs to the member who submitted it.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import index, who
from gradkit.classroom.course.roster import called
from gradkit.classroom.course.senders import CANVAS, CANVAS_ANONYMOUS, KINDS, MOODLE
from gradkit.classroom.policy import theirs
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.records.course import Sender, Student
from gradkit.writing import add_member, make_folder_inside, refusing, write_atomically, write_whole

Page = Callable[[str], bytes]
"""A function that returns a student's page by the student's name."""

FEEDBACK = "feedback.html"
_NON_WORD = re.compile(r"[^\w.-]+")
# Characters that Windows forbids in names, and the separators of paths.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')


class BundleError(GradkitError):
    """Pages cannot be written; the text says where and why."""


def _canvas_name(sender: Sender) -> str | None:
    """Return the name by which Canvas accepts feedback, None for other platforms' submissions."""
    name = sender.original
    found = CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name)
    if sender.source != "canvas" or found is None:
        return None
    return f"{_safe(name[: found.start('file')])}{FEEDBACK}"


def _moodle_name(sender: Sender) -> str | None:
    """Return the path by which Moodle accepts feedback, None for other platforms' submissions."""
    found = MOODLE.fullmatch(sender.original)
    if sender.source != "moodle" or found is None:
        return None
    # Folders have no underscore at the end since Moodle 4.1, but it accepts both forms.
    folder = sender.original[: found.end("plugin")] + ("_" if found["file"] is not None else "")
    return f"{_safe(folder)}/{FEEDBACK}"


def _safe(name: str) -> str:
    """Replace characters that are not allowed in a file's name on every system."""
    return _UNSAFE.sub("-", name)


def file_name(name: str) -> str:
    """Return a name for a student's file that is valid on every system and unique.

    The digest keeps names apart that some systems do not distinguish, as by their case.
    """
    plain = _NON_WORD.sub("_", name).strip("._")[:60] or "student"
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


Way = Literal["canvas", "moodle", "folder"]
Names = tuple[dict[str, str], list[tuple[str, str]]]


NAMES: Mapping[Way, Callable[[Sender], str | None]] = {
    # Canvas does not accept feedback for a file whose own name begins with `link`, so the
    # student's name of the file is left out.
    "canvas": _canvas_name,
    "moodle": _moodle_name,
    "folder": lambda sender: file_name(sender.student),
}
"""Functions that name a page: for Canvas' “Upload submissions”, for Moodle's “Upload multiple
feedback files in a zip”, and for a folder on any system."""

NAMELESS: Mapping[Way, str] = {
    "canvas": "was not downloaded from Canvas with an attachment's number",
    "moodle": "was not downloaded from Moodle with a participant's number",
}
"""Reasons why a submission's page has no name for a platform."""


def page_names(way: Way, senders: Sequence[Sender]) -> Names:
    """Return the file names of the students' pages, and the students without one with the reason.

    ``way`` is the platform, or ``folder``. If a student has several submissions in ``senders``, the
    page gets the name of the last.
    """
    named = {sender.student: NAMES[way](sender) for sender in senders}
    names = {student: name for student, name in named.items() if name is not None}
    left = [(student, NAMELESS[way]) for student, name in named.items() if name is None]
    return names, left


KEPT = "The existing file is unchanged. Free some space, or choose another place with --out."


def write_zip(path: Path, names: Iterable[tuple[str, str]], page: Page) -> None:
    """Write pages into a zip file, atomically.

    Parameters
    ----------
    path : Path
        Path of the zip. An existing file is replaced.
    names : iterable of (str, str)
        Students and the names of their pages. The members are sorted by these names.
    page : callable
        Function that returns a student's page.

    Raises
    ------
    BundleError
        The zip cannot be written. An existing file is unchanged.
    """
    with (
        refusing(BundleError, path, advice=KEPT),
        write_atomically(path) as stream,
        zipfile.ZipFile(stream, "w") as archive,
    ):
        for student, name in sorted(names, key=itemgetter(1)):
            add_member(archive, name, page(student))


def write_folder(folder: Path, names: Iterable[tuple[str, str]], page: Page) -> None:
    """Write pages into a folder, each file atomically.

    ``names`` are pairs of a student and the name of the student's file. ``page`` returns the
    content of a student's page. Raises BundleError: a file cannot be written.
    """
    with refusing(BundleError, folder, advice=KEPT):
        for student, name in sorted(names, key=itemgetter(1)):
            path = folder / name
            make_folder_inside(folder, path.parent)
            write_whole(path, page(student))


class Address(Struct, frozen=True):
    """The senders of a student's submissions, the newest first, and the roster's entry if any."""

    name: str
    senders: tuple[Sender, ...]
    student: Student | None


def addresses(store: Store, roster: Mapping[str, Student]) -> dict[str, Address]:
    """Map each student who has a submission to the student's address.

    The address has the senders of the submissions in ``store``, and the student's entry in
    ``roster``, if any. Submissions that a later run assigned to another student are ignored.
    """
    own = {kept.submission for kept in theirs(store.newest())}
    rows = store.rows(
        "SELECT name, sender, submission FROM listed "
        "JOIN submissions ON submissions.id = submission ORDER BY listed.run DESC, place DESC"
    )
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row["submission"] in own:
            found.setdefault(row["name"], {})[row["sender"]] = None
    return {
        name: Address(
            name,
            tuple(msgspec.json.decode(packed, type=Sender) for packed in senders),
            roster.get(name),
        )
        for name, senders in found.items()
    }


def is_own(address: Address, sender: Sender) -> bool:
    """Return True if the student, not another member of the group, sent a submission."""
    return _is_student(address, sender.ids, sender.student, (sender.student,))


def ids_of(address: Address) -> dict[str, str]:
    """Return the identifiers of the student with an address, by their kind, such as ``canvas``.

    An identifier of the roster takes precedence over one of a submission.
    """
    own: dict[str, str] = {}
    for sender in reversed(address.senders):
        for member in sender.members:
            if _is_student(address, member, member.get("name", ""), called(member)):
                own |= {kind: value for kind, value in member.items() if kind != "name"}
        if not sender.members and is_own(address, sender):
            own |= sender.ids
    return own | (dict(address.student.ids) if address.student else {})


def _is_student(address: Address, ids: Mapping[str, str], name: str, names: Sequence[str]) -> bool:
    """Return True if identifiers, or else a name, match the student's entry in the roster.

    ``ids`` are identifiers by kind. If the student is not on a roster, one of ``names`` must be the
    student's name.
    """
    student = address.student
    if student is None:
        return address.name in names
    return bool(who(ids, name, KINDS, index([(student.ids, (*student.names, student.name))])))


def names_of(way: Way, found: Sequence[Address]) -> Names:
    """Return the names of the students' pages, and the students without a name with the reason.

    ``way`` is the platform, or ``folder``, and ``found`` are the students' addresses. For a group's
    submission under one member's name, all members get the same page's name, since Canvas shows
    feedback to the whole group. Moodle shows it only to that member, so that the other members get
    no page.
    """
    chosen = [(address, _newest(way, address) or address.senders[0]) for address in found]
    names, left = page_names(
        way, [replace(sender, student=address.name) for address, sender in chosen]
    )
    for address, sender in chosen if way == "moodle" else ():
        if address.name in names and sender.source == way and not is_own(address, sender):
            del names[address.name]
            reason = f"{way.capitalize()} gives the file of {sender.student} to {sender.student}"
            left.append((address.name, f"{reason} alone"))
    return names, left


def _newest(source: str, address: Address) -> Sender | None:
    """Return the student's newest submission by a platform, the student's own if there is one.

    ``source`` is the platform. None without a submission by it.
    """
    from_source = [sender for sender in address.senders if sender.source == source]
    own = [sender for sender in from_source if is_own(address, sender)]
    return next(iter(own or from_source), None)


def shared(names: Mapping[str, str]) -> dict[str, list[str]]:
    """Map each file name that several students share to these students.

    ``names`` maps students to file names.
    """
    found: dict[str, list[str]] = {}
    for student, name in names.items():
        found.setdefault(name, []).append(student)
    return {name: students for name, students in found.items() if len(students) > 1}
