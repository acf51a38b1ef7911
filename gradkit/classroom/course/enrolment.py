"""Put each submission under the names of the students whose it is.

With a roster these are the roster's names; without one, the names that the platform's download
gives. What a group handed in is every member's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gradkit.classroom.course.roster import match
from gradkit.classroom.course.senders import KINDS, attributed, identity, senders
from gradkit.classroom.store.results import Store
from gradkit.records.course import Match, Sender, Student
from gradkit.submission.files import shown
from gradkit.submission.gather import Handed


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission to be graded, and all whose it is; the first one's name is on it."""

    handed: Handed
    sender: Sender
    students: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A class before it is graded. Without a roster there is no ``match``, and no students."""

    entries: tuple[Entry, ...]
    students: tuple[Student, ...] = ()
    match: Match | None = None


def enrolment_of(
    handed: Sequence[Handed],
    students: Sequence[Student] = (),
    *,
    by_group: bool = False,
    known: Mapping[str, str] | None = None,
) -> Enrolment:
    """Say whose each submission is.

    Parameters
    ----------
    handed : sequence of Handed
        As gathered.
    students : sequence of Student
        Of a roster, where there is one.
    by_group : bool
        What one of a roster's group handed in is the whole group's.
    known : mapping of str to str, optional
        Names that earlier runs gave to platforms' identifiers, see `names_of`: whoever has one
        keeps it, and nobody else gets it.

    Returns
    -------
    Roll
        In the order given. What the roster has no student for keeps its own name.
    """
    found = attributed(handed, senders(handed))
    if not students:
        names = _members([sender for _, sender in found])
        entries = [
            _entry(one, sender, own or (_kept(one.name, sender, known or {}),))
            for (one, sender), own in zip(found, names, strict=True)
        ]
        return Enrolment(tuple(entries))
    enlisted = _told_apart(students)
    matched = match(enlisted, [sender for _, sender in found], by_group=by_group)
    owners: dict[int, list[str]] = {}
    for student, numbers in matched.matched:
        for number in numbers:
            owners.setdefault(number, []).append(student.name)
    entries = [
        _entry(one, sender, tuple(owners.get(number, (one.name,))))
        for number, (one, sender) in enumerate(found)
    ]
    return Enrolment(tuple(entries), tuple(enlisted), matched)


def _entry(handed: Handed, sender: Sender, students: tuple[str, ...]) -> Entry:
    return Entry(replace(handed, name=students[0]), sender, students)


def _kept(name: str, sender: Sender, known: Mapping[str, str]) -> str:
    """The name that this student had before, or one that nobody else had."""
    own = identity(sender)
    if own in known:
        return known[own]
    return shown(f"{name} ({own.partition(' ')[2]})") if name in known.values() else name


def names_of(store: Store) -> dict[str, str]:
    """The names under which a class has its platforms' identifiers."""
    return {
        identity(listed.sender): listed.name
        for _, listed in store.listed().values()
        if listed.sender.source != "plain" and not listed.sender.members
    }


def _members(told: Sequence[Sender]) -> list[tuple[str, ...]]:
    """List the names of all who handed in each submission together, where the platform has them."""
    persons: dict[str, set[str]] = {}
    for sender in told:
        for member in sender.members:
            persons.setdefault(_name(member), set()).add(_identity(member))
    return [
        tuple(
            dict.fromkeys(
                _name(member)
                if len(persons[_name(member)]) == 1
                else shown(f"{_name(member)} ({_identity(member)})")
                for member in sender.members
            )
        )
        for sender in told
    ]


def _name(member: Mapping[str, str]) -> str:
    return shown(member.get("name") or _identity(member))


def _identity(member: Mapping[str, str]) -> str:
    return next((member[kind] for kind in KINDS if member.get(kind)), member.get("name", ""))


def _told_apart(students: Sequence[Student]) -> list[Student]:
    """Students of one name with an identifier behind it, or else their number."""
    count: dict[str, int] = {}
    for student in students:
        count[student.name] = count.get(student.name, 0) + 1
    return [
        student
        if count[student.name] == 1
        else replace(student, name=shown(f"{student.name} ({_identity(student.ids) or number})"))
        for number, student in enumerate(students, 1)
    ]
