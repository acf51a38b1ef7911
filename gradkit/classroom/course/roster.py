"""Read a course's roster, and assign each submission to the students who submitted it.

With a roster, students have the names of the roster; without one, the names in the platform's
download. A group's submission belongs to every member of the group.
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
        *("identifier", "roster identifier", "Identifiant", "Identificador"),
    ),
    "group": ("group", "group name", "team", "Gruppe", "Groupe", "Grupo"),
    "at": (
        *("Last modified (submission)", "Zuletzt geändert (Abgabe)"),
        *("Dernière modification (travail remis)", "Dernière modification (remise)"),
        *("Última modificación (entrega)", "Última modificación (envío)"),
    ),
    # In a table of Gradescope or GitHub Classroom, or in one's own.
    "submitted": ("submitted at", "submission time", "submission timestamp"),
}
"""Column headings by what the column holds, in lower case or as platforms write them."""

USABLE = ("name", "sortable", "last", *KINDS)
"""Columns of `COLUMNS` that identify a student: a roster needs at least one of them."""

_PARTICIPANT = re.compile(r"(?P<word>[^\d\W]\D{3,})?(?P<number>\d+)")
"""``Participant 123`` in any language, or the number alone."""


def read_roster(path: Path) -> list[Student]:
    """Read a roster from a file. See `roster`.

    Raises
    ------
    CsvTableError
        The file cannot be opened, or `roster` cannot read it.
    """
    return roster(read_named(path, CsvTableError), path.name)


def roster(data: bytes, name: str) -> list[Student]:
    """Read the students in a CSV file with a header.

    A Canvas gradebook and a Moodle grading worksheet can be used as rosters. Canvas' Test Student
    and lines without a name and an identifier are left out.

    Parameters
    ----------
    data : bytes
    name : str
        Name of the file, for the messages.

    Raises
    ------
    CsvTableError
        The file is not a table, has no column that identifies students, has an unreadable
        submission time, or has no student.
    """
    sheet = csv.read_table(data, name)
    header = csv.values(sheet, 0)
    columns = csv.columns_of(header, COLUMNS)
    if not any(kind in columns for kind in USABLE):
        found = ", ".join(f"“{shown(text)}”" for text in header[:12])
        raise CsvTableError(
            f"{shown(name)} has no column that identifies students. Found: {found}. Expected at "
            "least one of: name, sortable name, id, sis id, email, login, github, participant."
        )
    lines = [
        {kind: cells[at].strip() for kind, at in columns.items() if at < len(cells)}
        for cells in csv.filled(sheet).values()
        # A Canvas gradebook has a line of the largest scores among the lines of students.
        if "Points Possible" not in cells[0]
    ]
    for line in lines:
        _refuse_unreadable_time(line, name)
    lines = [line for line in lines if not _is_test_student(line)]
    students = [student for line in lines if (student := _parse_student(line)) is not None]
    if not students:
        raise CsvTableError(f"{shown(name)} has a header, but no students.")
    return students


def _refuse_unreadable_time(line: Mapping[str, str], name: str) -> None:
    """Raise CsvTableError if a roster's line has a time of submission that cannot be read."""
    for kind, advice in (
        ("at", "Set Moodle to English and download it again"),
        ("submitted", "Write times as 2026-11-01T23:59"),
    ):
        time = line.get(kind, "")
        if re.search(r"\d", time) and moment(time) is None:
            raise CsvTableError(
                f"{shown(name)}: the time of submission “{shown(time)}” cannot be read. "
                f"{advice}, or remove that column."
            )


TEST_STUDENT = normal("Student, Test")
"""Normalised name of the account with which Canvas shows a course as a student sees it."""


def _is_test_student(line: Mapping[str, str]) -> bool:
    """Return True for the line of Canvas' Test Student, who has no identifier of the university."""
    names = {normal(line.get(kind, "")) for kind in ("name", "sortable")}
    named = TEST_STUDENT in names or normal("Test Student") in names
    return named and bool(line.get("canvas")) and not line.get("sis")


def without_test_student(
    handed: Sequence[Handed], senders: Sequence[Sender], students: Sequence[Student]
) -> tuple[list[Handed], list[Sender]]:
    """Leave out submissions of Canvas' Test Student, unless the roster has a student of this name.

    ``handed`` and ``senders`` belong together, item by item. ``students`` are those of the roster,
    from which the Test Student has been left out.
    """
    known = {normal(name) for student in students for name in student.names}
    if TEST_STUDENT in known or normal("Test Student") in known:
        return list(handed), list(senders)
    kept = [
        (file, sender)
        for file, sender in zip(handed, senders, strict=True)
        if not (sender.source == "canvas" and sender.student == TEST_STUDENT)
    ]
    return [file for file, _ in kept], [sender for _, sender in kept]


def _parse_student(line: Mapping[str, str]) -> Student | None:
    """Return the student of a roster's line, or None if it has neither name nor identifier."""
    full = " ".join(line[kind] for kind in ("first", "last") if line.get(kind))
    names = [line.get("name", ""), line.get("sortable", ""), full]
    names = [text for text in names if text]
    if line.get("first") and line.get("last"):
        names.append(f"{line['last']}, {line['first']}")
    ids = {kind: line[kind] for kind in KINDS if line.get(kind)}
    # The heading does not identify the platform: Moodle's German worksheets call the participant
    # “ID”, as Canvas calls the user, and GitHub Classroom's “identifier” can hold anything.
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
    times = line.get("at", ""), line.get("submitted", "")
    return Student(shown(name), tuple(names), ids, line.get("group", ""), *times)


def match(
    students: Sequence[Student], senders: Sequence[Sender], *, by_group: bool = False
) -> Match:
    """Match submissions with the students of a roster.

    Parameters
    ----------
    students : sequence of Student
    senders : sequence of Sender
        The sender of each submission.
    by_group : bool
        Whether a submission of a student also belongs to all other members of the student's
        group. Otherwise, only a submission under the group's name belongs to the whole group.

    Returns
    -------
    Match
        The students of each submission, the students without a submission, and the numbers of
        submissions that match no student or could be of several, which belong to nobody.
    """
    known = index((student.ids, student.names) for student in students)
    groups: dict[str, list[int]] = {}
    for number, student in enumerate(students):
        if normal(student.group):
            groups.setdefault(normal(student.group), []).append(number)
    owners: list[frozenset[int]] = []
    unmatched: list[int] = []
    ambiguous: list[tuple[int, tuple[Student, ...]]] = []
    for number, sender in enumerate(senders):
        own, candidates = _owners(sender, known, groups, students)
        if candidates:
            ambiguous.append((number, tuple(students[line] for line in sorted(candidates))))
        elif not own:
            unmatched.append(number)
        own_groups = {normal(students[line].group) for line in own} - {""} if by_group else ()
        owners.append(own.union(*(groups[group] for group in own_groups)))
    found = frozenset[int]().union(*owners)
    return Match(
        tuple(tuple(students[line] for line in sorted(own)) for own in owners),
        tuple(student for number, student in enumerate(students) if number not in found),
        tuple(unmatched),
        tuple(ambiguous),
    )


def _owners(
    sender: Sender, known: Index, groups: Mapping[str, list[int]], students: Sequence[Student]
) -> tuple[frozenset[int], frozenset[int]]:
    """Return the numbers of a submission's owners, and the candidates if it is ambiguous.

    At least one of the two sets is empty. In this order, owners are the members that the platform
    lists, all members of a group with the sender's name, or the one student whom the identifiers or
    the name match. ``known`` is the index of ``students`` (see `index` in `find_student`), and
    ``groups`` has the numbers of the students by normalised group name.
    """
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
        # The name of a plain file may be an identifier of any kind.
        found = frozenset().union(
            *(who({kind: sender.student}, "", (kind,), known) for kind in KINDS)
        )
    if not found and sender.source == "github":
        # The name of a clone ends with the login, and a login can contain hyphens.
        name = sender.original.casefold()
        logins = [student.ids.get("github", "").casefold() for student in students]
        found = frozenset(
            n for n, login in enumerate(logins) if login and name.endswith(f"-{login}")
        )
    return (found, frozenset()) if len(found) < 2 else (frozenset(), found)


class Entry(Struct, frozen=True):
    """A submission to be graded and its students; ``handed`` has the first student's name."""

    handed: Handed
    sender: Sender
    students: tuple[str, ...]


class Enrolment(Struct, frozen=True):
    """A class before grading. Without a roster, ``students`` and ``match`` are empty.

    ``left_out`` counts the files of Canvas' Test Student, which are not graded.
    """

    entries: tuple[Entry, ...]
    students: tuple[Student, ...] = ()
    match: Match = Match()
    left_out: int = 0


def enrolment_of(
    handed: Sequence[Handed],
    students: Sequence[Student] = (),
    *,
    by_group: bool = False,
    known: Mapping[str, str] | None = None,
) -> Enrolment:
    """Assign each submission to its students.

    Parameters
    ----------
    handed : sequence of Handed
        Submissions as gathered.
    students : sequence of Student
        Students of the roster, if there is one.
    by_group : bool
        Whether a member's submission belongs to the whole group of the roster.
    known : mapping of str to str, optional
        Names that earlier runs gave to platforms' identifiers, see `names_of`. An identifier
        keeps its name, and no other identifier gets the same name.

    Returns
    -------
    Enrolment
        Entries in the order of the submissions. A submission without a student on the roster
        keeps its own name.
    """
    kept, known_senders = without_test_student(handed, senders(handed), students)
    left_out = len(handed) - len(kept)
    found = attributed(kept, known_senders)
    if not students:
        names = _members([sender for _, sender in found])
        entries = [
            _entry(file, sender, own or (_stable_name(file.name, sender, known or {}),))
            for (file, sender), own in zip(found, names, strict=True)
        ]
        return Enrolment(tuple(entries), left_out=left_out)
    unique = _with_unique_names(students)
    matched = match(unique, [sender for _, sender in found], by_group=by_group)
    # The roster has the time of each student's last submission.
    last = {student.name: n for n, own in enumerate(matched.owners) for student in own}
    entries = [
        _entry(
            file,
            _with_time(sender, [student for student in own if last[student.name] == number]),
            tuple(student.name for student in own) or (file.name,),
        )
        for number, ((file, sender), own) in enumerate(zip(found, matched.owners, strict=True))
    ]
    return Enrolment(tuple(entries), tuple(unique), matched, left_out)


def _entry(handed: Handed, sender: Sender, students: tuple[str, ...]) -> Entry:
    """Return the entry of a submission, renamed to its first student."""
    return Entry(replace(handed, name=students[0]), sender, students)


def _with_time(sender: Sender, own: Sequence[Student]) -> Sender:
    """Return a sender with a time of submission from the roster if the download has none.

    ``own`` are the rows of the submission's students. A plain file may have come by mail, at
    another time.
    """
    times = [student.submitted for student in own if sender.source != "plain"]
    times += [student.at for student in own if sender.source == "moodle"]
    times = [time for time in times if moment(time)]
    return replace(sender, at=sender.at or next(iter(times), ""))


def _stable_name(name: str, sender: Sender, known: Mapping[str, str]) -> str:
    """Return the sender's name in earlier runs, or a name that no sender of these runs has.

    ``known`` has the earlier names by platform identifier. ``name`` is used if it is free.
    """
    own = identity(sender)
    if own in known:
        return known[own]
    return shown(f"{name} ({own.partition(' ')[2]})") if name in known.values() else name


def names_of(store: Store) -> dict[str, str]:
    """Return the students' names in a class by platform identifier, see `identity`."""
    return {
        identity(kept.sender): kept.name
        for kept in sorted(store.newest(), key=lambda kept: (kept.seen, kept.place))
        if kept.sender.source != "plain" and not kept.sender.members
    }


def _members(senders: Sequence[Sender]) -> list[tuple[str, ...]]:
    """List the members' names of each group's submission, none if the platform lists no members.

    Different persons with the same name get an identifier after the name. Each name is listed once.
    """
    members = [member for sender in senders for member in sender.members]
    persons = Counter(
        name for name, _ in {(called(member)[0], _identifier(member)) for member in members}
    )
    names = [
        [called(member)[persons[called(member)[0]] > 1] for member in sender.members]
        for sender in senders
    ]
    return [tuple(dict.fromkeys(group)) for group in names]


def called(member: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of a group's member, without and with an identifier in parentheses."""
    name = shown(member.get("name") or _identifier(member))
    return name, shown(f"{name} ({_identifier(member)})")


def _identifier(member: Mapping[str, str]) -> str:
    """Return the most reliable identifier in a mapping by kind, or else the name in it."""
    return next((member[kind] for kind in KINDS if member.get(kind)), member.get("name", ""))


def _with_unique_names(students: Sequence[Student]) -> list[Student]:
    """Add an identifier, or else the line's number, to names that several students have."""
    count = Counter(student.name for student in students)
    return [
        student
        if count[student.name] == 1
        else replace(student, name=shown(f"{student.name} ({_identifier(student.ids) or number})"))
        for number, student in enumerate(students, 1)
    ]
