"""Find where a student's feedback goes: the file's name, and the identifiers of a row.

Both are those of the student's own newest submission, whichever attempt counts: a platform
looks for what it has now. A submission that a whole group has under one name is its owner's.
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
"""From a student's name to the page."""

FEEDBACK = "feedback.html"
_BESIDES = re.compile(r"[^\w.-]+")
# What Windows does not take in a name, and what a path is made of.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')


class BundleError(GradkitError):
    """Pages cannot be written; the text says where and why."""


def _canvas_name(sender: Sender) -> str | None:
    name = sender.original
    found = CANVAS_ANONYMOUS.fullmatch(name) or CANVAS.fullmatch(name)
    if sender.source != "canvas" or found is None:
        return None
    return f"{_safe(name[: found.start('file')])}{FEEDBACK}"


def _moodle_name(sender: Sender) -> str | None:
    found = MOODLE.fullmatch(sender.original)
    if sender.source != "moodle" or found is None:
        return None
    # Since Moodle 4.1 the folders end without an underscore, and both forms are taken back.
    folder = sender.original[: found.end("plugin")] + ("_" if found["file"] is not None else "")
    return f"{_safe(folder)}/{FEEDBACK}"


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name)


def file_name(name: str) -> str:
    """A name for a file that every system takes, and that no other student has.

    Systems differ in what they allow and in whether they tell capitals apart; the digest
    does in any case.
    """
    plain = _BESIDES.sub("_", name).strip("._")[:60] or "student"
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


Way = Literal["canvas", "moodle", "folder"]
Names = tuple[dict[str, str], list[tuple[str, str]]]


NAMES: Mapping[Way, Callable[[Sender], str | None]] = {
    # Canvas takes a file of the student's own that begins with `link` for no attachment, so that
    # name is left out.
    "canvas": _canvas_name,
    "moodle": _moodle_name,
    "folder": lambda sender: file_name(sender.student),
}
"""How pages are named for “Upload submissions”, for “Upload multiple feedback files in a zip”, and
as every system takes them."""

NAMELESS: Mapping[Way, str] = {
    "canvas": "was not downloaded from Canvas with an attachment's number",
    "moodle": "was not downloaded from Moodle with a participant's number",
}


def page_names(way: Way, told: Sequence[Sender]) -> Names:
    """Name the students' pages, and tell who has none and why.

    Where a student has several submissions, the last one has the page.
    """
    named = {sender.student: NAMES[way](sender) for sender in told}
    names = {student: name for student, name in named.items() if name is not None}
    left = [(student, NAMELESS[way]) for student, name in named.items() if name is None]
    return names, left


KEPT = "What was there before is as it was; make room or choose another place with --out."


def write_zip(path: Path, names: Iterable[tuple[str, str]], page: Page) -> None:
    """Write the pages into an archive, which takes its place at once.

    Parameters
    ----------
    path : Path
        One of that name is replaced.
    names : iterable of (str, str)
        Students and the names of their pages. The members are in the order of these.
    page : callable

    Raises
    ------
    BundleError
        It cannot be written. What was there is as it was.
    """
    with (
        refusing(BundleError, path, advice=KEPT),
        write_atomically(path) as stream,
        zipfile.ZipFile(stream, "w") as archive,
    ):
        for student, name in sorted(names, key=itemgetter(1)):
            add_member(archive, name, page(student))


def write_folder(folder: Path, names: Iterable[tuple[str, str]], page: Page) -> None:
    """Write the pages into a folder, each of them at once. See `write_zip`."""
    with refusing(BundleError, folder, advice=KEPT):
        for student, name in sorted(names, key=itemgetter(1)):
            path = folder / name
            make_folder_inside(folder, path.parent)
            write_whole(path, page(student))


class Address(Struct, frozen=True):
    """What is known of a student: senders of all submissions, the newest first."""

    name: str
    senders: tuple[Sender, ...]
    student: Student | None


def addresses(store: Store, roster: Mapping[str, Student]) -> dict[str, Address]:
    """Map each student who has a submission to an address."""
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
            tuple(msgspec.json.decode(packed, type=Sender) for packed in told),
            roster.get(name),
        )
        for name, told in found.items()
    }


def is_own(address: Address, sender: Sender) -> bool:
    """True where a submission is the student's own, rather than another's of the group."""
    return _is(address, sender.ids, sender.student, (sender.student,))


def ids_of(address: Address) -> dict[str, str]:
    """Identifiers by which a platform may know the student; the roster's before all others."""
    own: dict[str, str] = {}
    for sender in reversed(address.senders):
        for member in sender.members:
            if _is(address, member, member.get("name", ""), called(member)):
                own |= {kind: value for kind, value in member.items() if kind != "name"}
        if not sender.members and is_own(address, sender):
            own |= sender.ids
    return own | (dict(address.student.ids) if address.student else {})


def _is(address: Address, ids: Mapping[str, str], name: str, names: Sequence[str]) -> bool:
    """True where identifiers, or else a name, are those of the student in the roster.

    Without a roster one of ``names`` has to be the student's.
    """
    student = address.student
    if student is None:
        return address.name in names
    return bool(who(ids, name, KINDS, index([(student.ids, (*student.names, student.name))])))


def names_of(way: Way, found: Sequence[Address]) -> Names:
    """The names of the students' pages, and who has none, with the reason.

    What a group has under one name bears that name for each of them where the platform hands
    it to all of a group, as Canvas does. Moodle gives each member's file to that member alone.
    """
    told = [(each, _newest(way, each) or each.senders[0]) for each in found]
    names, left = page_names(way, [replace(sender, student=each.name) for each, sender in told])
    for each, sender in told if way == "moodle" else ():
        if each.name in names and sender.source == way and not is_own(each, sender):
            del names[each.name]
            whose = f"{way.capitalize()} gives the file of {sender.student} to {sender.student}"
            left.append((each.name, f"{whose} alone"))
    return names, left


def _newest(source: str, address: Address) -> Sender | None:
    fitting = [sender for sender in address.senders if sender.source == source]
    own = [sender for sender in fitting if is_own(address, sender)]
    return next(iter(own or fitting), None)


def shared(names: Mapping[str, str]) -> dict[str, list[str]]:
    """Map the name of a file to the students who have it, where several do."""
    found: dict[str, list[str]] = {}
    for student, name in names.items():
        found.setdefault(name, []).append(student)
    return {name: students for name, students in found.items() if len(students) > 1}
