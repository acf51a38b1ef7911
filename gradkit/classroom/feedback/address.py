"""Where a student's feedback goes: the file's name, and the identifiers of a row.

Both are those of the student's own newest submission, whichever attempt counts: a platform
looks for what it has now. A submission that a whole group has under one name is its owner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import msgspec

from gradkit.classroom.course.identify import index, who
from gradkit.classroom.course.senders import KINDS
from gradkit.classroom.feedback.bundle import canvas_names, folder_names, moodle_names
from gradkit.classroom.store.attempts import not_theirs
from gradkit.classroom.store.results import Store
from gradkit.records.course import Sender, Student
from gradkit.submission.files import shown

Way = Literal["canvas", "moodle", "folder"]
Names = tuple[dict[str, str], list[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Address:
    """What is known of a student: senders of all submissions, the newest first."""

    name: str
    senders: tuple[Sender, ...]
    student: Student | None


def addresses(store: Store, roster: Mapping[str, Student]) -> dict[str, Address]:
    """By student, for all who have a submission."""
    others = not_theirs(store.listed())
    rows = store.rows(
        "SELECT name, sender, submission FROM listed "
        "JOIN submissions ON submissions.id = submission ORDER BY listed.run DESC, place DESC"
    )
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        if row["submission"] not in others:
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
    """Whether a submission is the student's own, rather than another's of the group."""
    student = address.student
    if student is None:
        return sender.student == address.name
    known = index([(student.ids, (*student.names, student.name))])
    return bool(who(sender.ids, sender.student, KINDS, known))


def ids_of(address: Address) -> dict[str, str]:
    """Identifiers by which a platform may know the student; the roster's before all others."""
    own: dict[str, str] = {}
    for sender in reversed(address.senders):
        for member in sender.members:
            if _is_member(address, member):
                own |= {kind: value for kind, value in member.items() if kind != "name"}
        if not sender.members and is_own(address, sender):
            own |= sender.ids
    return own | (dict(address.student.ids) if address.student else {})


def _is_member(address: Address, member: Mapping[str, str]) -> bool:
    student = address.student
    if student is None:
        # As the roll calls members: by their names, with an identifier where two have the same.
        ids = [member[kind] for kind in KINDS if member.get(kind)]
        name = shown(member.get("name") or next(iter(ids), ""))
        return address.name in (name, *(shown(f"{name} ({each})") for each in ids[:1]))
    known = index([(student.ids, (*student.names, student.name))])
    return bool(who(member, member.get("name", ""), KINDS, known))


def names_of(way: Way, found: Sequence[Address]) -> Names:
    """The names of the students' pages, and who has none, with the reason.

    What a group has under one name bears that name for each of them where the platform hands
    it to all of a group, as Canvas does. Moodle gives each member's file to that member alone.
    """
    return WAYS[way](found)


def _folder(found: Sequence[Address]) -> Names:
    return folder_names([replace(each.senders[0], student=each.name) for each in found])


def _canvas(found: Sequence[Address]) -> Names:
    return _by_platform("canvas", found, canvas_names)


def _moodle(found: Sequence[Address]) -> Names:
    names, left = _by_platform("moodle", found, moodle_names)
    for each in found:
        sender = _newest("moodle", each)
        if each.name in names and sender is not None and not is_own(each, sender):
            del names[each.name]
            left.append(
                (each.name, f"Moodle gives the file of {sender.student} to {sender.student} alone")
            )
    return names, left


def _by_platform(
    source: str, found: Sequence[Address], name: Callable[[Sequence[Sender]], Names]
) -> Names:
    told = [(each, _newest(source, each) or each.senders[0]) for each in found]
    return name([replace(sender, student=each.name) for each, sender in told])


def _newest(source: str, address: Address) -> Sender | None:
    fitting = [sender for sender in address.senders if sender.source == source]
    own = [sender for sender in fitting if is_own(address, sender)]
    return next(iter(own or fitting), None)


WAYS: Mapping[Way, Callable[[Sequence[Address]], Names]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "folder": _folder,
}
"""How feedback goes back."""


def shared(names: Mapping[str, str]) -> dict[str, list[str]]:
    """By name of a file those who have it, where several do."""
    found: dict[str, list[str]] = {}
    for student, name in names.items():
        found.setdefault(name, []).append(student)
    return {name: students for name, students in found.items() if len(students) > 1}
