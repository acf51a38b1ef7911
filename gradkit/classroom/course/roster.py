"""Read the list of a course's students, and put each submission under its students' names.

With a roster these are the roster's names; without one, the names that the platform's download
gives. What a group handed in is every member's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import Index, index, normal, turned, who
from gradkit.classroom.course.senders import KINDS, attributed, identity, senders
from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.feedback.csv_table import CsvTableError
from gradkit.classroom.policy import moment
from gradkit.classroom.store.results import Store
from gradkit.records.course import Match, Sender, Student
from gradkit.submission.files import shown
from gradkit.submission.read import Handed
from gradkit.writing import read_named

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": (
        *("name", "student", "student name", "full name", "display name"),
        *("Vollständiger Name", "Nom complet", "Nombre completo"),
    ),
    "first": ("first name", "given name", "Vorname", "Prénom"),
    "last": ("last name", "surname", "family name", "Nachname", "Nom"),
    "sortable": ("sortable name",),
    "canvas": ("id", "canvas id", "canvas user id", "user id"),
    "sis": (
        *("sis id", "sis user id", "id number", "student id", "student number", "sid"),
        *("ID-Nummer", "Matrikelnummer", "Matricule", "Numéro d'identification", "Número de ID"),
    ),
    "email": (
        *("email", "e mail", "email address", "E-Mail-Adresse", "Adresse de courriel"),
        "Dirección de correo",
    ),
    "login": ("login", "sis login id", "login id", "username", "user name"),
    "github": ("github", "github login", "github username", "github user"),
    "moodle": (
        *("participant", "participant id", "participant number", "moodle id"),
        *("identifier", "Identifiant", "Identificador"),
    ),
    "group": ("group", "group name", "team", "Gruppe", "Groupe", "Grupo"),
    "at": (
        *("Last modified (submission)", "Zuletzt geändert (Abgabe)"),
        *("Dernière modification (travail remis)", "Dernière modification (remise)"),
        *("Última modificación (entrega)", "Última modificación (envío)"),
    ),
}
"""Headings by what the column holds, in lower case or as platforms write them."""

USABLE = ("name", "sortable", "last", *KINDS)
_PARTICIPANT = re.compile(r"(?P<word>[^\d\W]\D{3,})?(?P<number>\d+)")
"""``Participant 123`` and the same in other languages, or the number alone."""


def read_roster(path: Path) -> list[Student]:
    """Read a roster from a file. See `roster`.

    Raises
    ------
    CsvTableError
        It cannot be opened, or see `roster`.
    """
    return roster(read_named(path, CsvTableError), path.name)


def roster(data: bytes, name: str) -> list[Student]:
    """The students of a CSV with a header.

    A gradebook of Canvas and a grading worksheet of Moodle are rosters too.

    Parameters
    ----------
    data : bytes
    name : str
        What the file is called, for the messages.

    Raises
    ------
    CsvTableError
        It is no table, has no column that tells students, or no student.
    """
    sheet = csv.read_table(data, name)
    header = csv.values(sheet, 0)
    columns = csv.columns_of(header, COLUMNS)
    if not any(kind in columns for kind in USABLE):
        found = ", ".join(f"“{shown(text)}”" for text in header[:12])
        raise CsvTableError(
            f"{shown(name)} has no column that tells students. Found: {found}. Expected is at "
            "least one of: name, sortable name, id, sis id, email, login, github, participant."
        )
    lines = [
        {kind: cells[at].strip() for kind, at in columns.items() if at < len(cells)}
        for cells in csv.filled(sheet).values()
        # Canvas has a line of largest scores among its students, and one of how they are posted.
        if "Points Possible" not in cells[0]
    ]
    for line in lines:
        told = line.get("at", "")
        if re.search(r"\d", told) and moment(told) is None:
            raise CsvTableError(
                f"{shown(name)}: “{shown(told)}”, when somebody handed in, is no time that can be "
                "read. Set Moodle to English and download it again, or take that column out."
            )
    students = [student for line in lines if (student := _student(line)) is not None]
    if not students:
        raise CsvTableError(f"{shown(name)} has a header and no student below it.")
    return students


def _student(line: Mapping[str, str]) -> Student | None:
    full = " ".join(line[kind] for kind in ("first", "last") if line.get(kind))
    names = [line.get("name", ""), line.get("sortable", ""), full]
    names = [text for text in names if text]
    ids = {kind: line[kind] for kind in KINDS if line.get(kind)}
    # German worksheets of Moodle call the participant “ID”, as Canvas calls its user; GitHub
    # Classroom's own list calls a column “identifier” that holds anything.
    for kind in ("canvas", "moodle"):
        value = ids.pop(kind, "")
        found = _PARTICIPANT.fullmatch(value)
        if found:
            ids["moodle" if found["word"] else kind] = found["number"]
        elif value:
            ids.setdefault("sis", value)
    if not names and not ids:
        return None
    name = turned(names[0]) if names else next(iter(ids.values()))
    return Student(shown(name), tuple(names), ids, line.get("group", ""), line.get("at", ""))


def match(students: Sequence[Student], told: Sequence[Sender], *, by_group: bool = False) -> Match:
    """Match submissions with the students of a roster.

    Parameters
    ----------
    students : sequence of Student
    told : sequence of Sender
        One for each submission.
    by_group : bool
        Everyone in a student's group handed in what that student did. Without, only what
        bears the group's own name is the group's.
    """
    known = index((student.ids, student.names) for student in students)
    groups: dict[str, list[int]] = {}
    for number, student in enumerate(students):
        if normal(student.group):
            groups.setdefault(normal(student.group), []).append(number)
    owners: list[frozenset[int]] = []
    strangers: list[int] = []
    open_: list[tuple[int, tuple[Student, ...]]] = []
    for number, sender in enumerate(told):
        own, doubtful = _owners(sender, known, groups, students)
        if doubtful:
            open_.append((number, tuple(students[each] for each in sorted(doubtful))))
        elif not own:
            strangers.append(number)
        mates = {normal(students[each].group) for each in own} - {""} if by_group else ()
        owners.append(own.union(*(groups[mate] for mate in mates)))
    found = frozenset[int]().union(*owners)
    return Match(
        tuple(tuple(students[each] for each in sorted(own)) for own in owners),
        tuple(student for number, student in enumerate(students) if number not in found),
        tuple(strangers),
        tuple(open_),
    )


def _owners(
    sender: Sender, known: Index, groups: Mapping[str, list[int]], students: Sequence[Student]
) -> tuple[frozenset[int], frozenset[int]]:
    """Return a submission's owners, and who else it could be where that is open."""
    if sender.members:
        owners: frozenset[int] = frozenset()
        for member in sender.members:
            found = who(member, member.get("name", ""), KINDS, known)
            if len(found) > 1:
                return frozenset(), found
            owners |= found
        return owners, frozenset()
    group = groups.get(normal(sender.student))
    if group and sender.source in ("canvas", "moodle", "plain", "github"):
        return frozenset(group), frozenset()
    found = who(sender.ids, sender.student, KINDS, known)
    if not found and sender.source == "plain":
        # A file may be called by any of them.
        found = frozenset().union(
            *(who({kind: sender.student}, "", (kind,), known) for kind in KINDS)
        )
    if not found and sender.source == "github":
        # The name of a clone ends with the login, which may have a hyphen itself.
        name = sender.original.casefold()
        logins = [student.ids.get("github", "").casefold() for student in students]
        found = frozenset(
            n for n, login in enumerate(logins) if login and name.endswith(f"-{login}")
        )
    return (found, frozenset()) if len(found) < 2 else (frozenset(), found)


class Entry(Struct, frozen=True):
    """A submission to be graded, and all whose it is; the first one's name is on it."""

    handed: Handed
    sender: Sender
    students: tuple[str, ...]


class Enrolment(Struct, frozen=True):
    """A class before it is graded. Without a roster there are no students, and an empty match."""

    entries: tuple[Entry, ...]
    students: tuple[Student, ...] = ()
    match: Match = Match()


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
    Enrolment
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
    entries = [
        _entry(one, _timed(sender, own), tuple(student.name for student in own) or (one.name,))
        for (one, sender), own in zip(found, matched.owners, strict=True)
    ]
    return Enrolment(tuple(entries), tuple(enlisted), matched)


def _entry(handed: Handed, sender: Sender, students: tuple[str, ...]) -> Entry:
    return Entry(replace(handed, name=students[0]), sender, students)


def _timed(sender: Sender, own: Sequence[Student]) -> Sender:
    """Return a sender with the time that a platform's table has, where its download has none."""
    times = [each.at for each in own if sender.source == "moodle" and moment(each.at)]
    return replace(sender, at=sender.at or next(iter(times), ""))


def _kept(name: str, sender: Sender, known: Mapping[str, str]) -> str:
    """The name that this student had before, or one that nobody else had."""
    own = identity(sender)
    if own in known:
        return known[own]
    return shown(f"{name} ({own.partition(' ')[2]})") if name in known.values() else name


def names_of(store: Store) -> dict[str, str]:
    """The names under which a class has its platforms' identifiers."""
    return {
        identity(kept.sender): kept.name
        for kept in sorted(store.newest(), key=lambda each: (each.seen, each.place))
        if kept.sender.source != "plain" and not kept.sender.members
    }


def _members(told: Sequence[Sender]) -> list[tuple[str, ...]]:
    """List the names of all who handed in each submission together, where the platform has them."""
    members = [member for sender in told for member in sender.members]
    persons = Counter(name for name, _ in {(called(each)[0], _identity(each)) for each in members})
    names = [
        [called(member)[persons[called(member)[0]] > 1] for member in sender.members]
        for sender in told
    ]
    return [tuple(dict.fromkeys(each)) for each in names]


def called(member: Mapping[str, str]) -> tuple[str, str]:
    """Return what one of a group is called, alone and where another has the same name."""
    name = shown(member.get("name") or _identity(member))
    return name, shown(f"{name} ({_identity(member)})")


def _identity(member: Mapping[str, str]) -> str:
    return next((member[kind] for kind in KINDS if member.get(kind)), member.get("name", ""))


def _told_apart(students: Sequence[Student]) -> list[Student]:
    """Students of one name with an identifier behind it, or else their number."""
    count = Counter(student.name for student in students)
    return [
        student
        if count[student.name] == 1
        else replace(student, name=shown(f"{student.name} ({_identity(student.ids) or number})"))
        for number, student in enumerate(students, 1)
    ]
