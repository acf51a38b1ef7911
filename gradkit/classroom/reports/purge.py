"""Remove a student from a class, so that no trace is left in the bytes of the class file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Row

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import find_student, normal, pseudonym, turned
from gradkit.classroom.course.senders import KINDS
from gradkit.classroom.feedback.address import file_name
from gradkit.classroom.policy import FILE, without
from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.results import Store, as_json, sender_of
from gradkit.errors import GradkitError
from gradkit.records.course import Policy, Sender, Student
from gradkit.writing import refusing

ZIPS = (f"feedback/{way}{part}.zip" for way in ("canvas", "moodle") for part in ("", "-changed"))
OF_ALL = ("pages/index.html", *ZIPS)
"""Files that name all students. They are removed, as the next command writes them again."""

OF_ONE = ("pages/students", "feedback/pages")
"""Folders with a page for each student."""


def remove_traces(folder: Path, name: str) -> list[Path]:
    """Remove a student's pages and the files that name all students; return the removed files.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    name : str

    Raises
    ------
    StoreError
        A file cannot be removed. The files before it have been removed.
    """
    files = [folder / part / file_name(name) for part in OF_ONE]
    removed = []
    for file in (*files, *(folder / part for part in OF_ALL)):
        with refusing(StoreError, file, "cannot be removed"), suppress(FileNotFoundError):
            file.unlink()
            removed.append(file)
    return removed


def tables(folder: Path) -> Iterator[Path]:
    """Yield the instructor's files that may name a student, which gradkit does not change."""
    yield from sorted((folder / "feedback").glob("*.csv"))
    # The policy lists extensions by student.
    yield from (file for file in [folder / FILE] if file.exists())


STATEMENTS = (
    # The reason of a run that set this student's points is about the student.
    "UPDATE runs SET why = '' WHERE id IN (SELECT run FROM overrides WHERE name = ?)",
    "DELETE FROM listed WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM results WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM evidence WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM submissions WHERE name = ?",
    "DELETE FROM students WHERE name = ?",
    "DELETE FROM finding_decisions WHERE override IN (SELECT id FROM overrides WHERE name = ?)",
    "DELETE FROM overrides WHERE name = ?",
    # The newest rows first, since an edit of a comment refers to its first row.
    "DELETE FROM comments WHERE name = ? AND first IS NOT NULL",
    "DELETE FROM comments WHERE name = ?",
    "DELETE FROM reviews WHERE name = ?",
    "DELETE FROM released WHERE name = ?",
)
"""Statements that remove a student's rows, in an order that keeps all references valid."""


class PurgeError(GradkitError):
    """No student was removed; the text says why."""


class Purged(Struct, frozen=True):
    """The number of rows that were removed, and the paths of the student's submissions.

    ``files`` are pages and zips that were removed too. ``shared`` are students who submitted
    something together with the removed student: the submission is also theirs and stays, under
    the name of its file.
    """

    rows: int
    paths: tuple[str, ...]
    shared: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


class _Identity(Struct, frozen=True):
    """All names and identifiers of a student.

    ``written`` are the names as written, the longest first; ``names`` are normalised names.
    """

    written: tuple[str, ...]
    names: frozenset[str]
    ids: frozenset[tuple[str, str]]


def purge_student(
    folder: Path, student: str, *, confirm: Callable[[str], bool], why: str = "", by: str = ""
) -> tuple[str, Purged]:
    """Remove all that is stored of a student: rows of the class file, pages and zips of pages.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, an identifier, a part of these, or a pseudonym.
    confirm : callable
        Function that is called with the full name, and returns True to go on. Removing cannot
        be undone.
    why : str
        Reason, stored with the fact that a student was removed. It must not name the student.
    by : str
        Person who decides, by default the account of this process.

    Returns
    -------
    tuple of str and Purged
        The student's name, and what was removed.

    Raises
    ------
    GradkitError
        No student or several students match, removing was not confirmed, or the reason names
        the student.

    Examples
    --------
    >>> from pathlib import Path
    >>> name, gone = purge_student(Path("results"), "chen", confirm=lambda name: name == "chen")
    >>> name, gone.paths
    ('chen', ('handed_in/chen.py',))
    """
    with Store(folder, write=True, make=False) as store:
        name = find_student(store, student)
        if not confirm(name):
            raise PurgeError("nothing was removed. To remove without being asked, add --yes.")
        return name, purge(store, name, why=why, by=by)


def purge(store: Store, name: str, *, why: str = "", by: str = "") -> Purged:
    """Remove all that is stored of a student and the pages, and store only that this was done.

    ``name`` is the student. A new run stores the reason ``why``, the person ``by``, and a pseudonym
    of the student. SQLite overwrites removed rows with zeros, and the file is rewritten without
    free pages. In submissions that other students share, the student's name and identifiers are
    removed. In reasons of other runs and in comments on other students, the pseudonym replaces the
    name.

    Raises
    ------
    PurgeError
        There is no student of this name, or the reason names the student.
    StoreError
        A page cannot be removed, or the class file cannot be written, which is then unchanged.
    """
    paths = tuple(
        row["path"] for row in store.rows("SELECT path FROM submissions WHERE name = ?", (name,))
    )
    listed = store.rows("SELECT packed FROM students WHERE name = ?", (name,))
    if not paths and not listed:
        raise PurgeError(f"There is nobody called {name} in {store.path}.")
    gone, alias = _identity_of(store, name, listed), pseudonym(store, name)
    if _replace_names(why, gone, alias) != why:
        raise PurgeError(
            f"The reason contains {name}, and the reason is kept. Write it without the name: "
            "--why TEXT."
        )
    # Files are removed first: if this fails, the name is still in the class file for a retry.
    files = remove_traces(store.path.parent, name)
    shared_rows = store.rows(
        "SELECT DISTINCT others.id, others.sender, theirs.name FROM listed AS others "
        "JOIN submissions AS theirs ON theirs.id = others.submission "
        "JOIN listed AS own ON own.run = others.run AND own.place = others.place "
        "JOIN submissions ON submissions.id = own.submission "
        "WHERE submissions.name = ? AND theirs.name <> ?",
        (name, name),
    )
    with store.erasing():
        for row in shared_rows:
            sender = _without(sender_of(row), gone)
            store.change("UPDATE listed SET sender = ? WHERE id = ?", (as_json(sender), row["id"]))
        rows = sum(store.change(statement, (name,)) for statement in STATEMENTS)
        for run in store.runs():
            if (reason := _replace_names(run.why, gone, alias)) != run.why:
                store.change("UPDATE runs SET why = ? WHERE id = ?", (reason, run.id))
            if "rules" in run.settings:
                rules = without(msgspec.convert(run.settings["rules"], Policy), name)
                settings = json.dumps({**run.settings, "rules": msgspec.to_builtins(rules)})
                store.change("UPDATE runs SET settings = ? WHERE id = ?", (settings, run.id))
        for row in store.rows("SELECT id, text FROM comments"):
            if (text := _replace_names(row["text"], gone, alias)) != row["text"]:
                store.change("UPDATE comments SET text = ? WHERE id = ?", (text, row["id"]))
        store.forget(name)
        reason = f"{alias} was removed{': ' if why else ''}{why}"
        store.end(store.begin("purge", why=reason, who=by))
    shared = tuple(dict.fromkeys(row["name"] for row in shared_rows))
    return Purged(rows, tuple(dict.fromkeys(paths)), shared, tuple(files))


def _identity_of(store: Store, name: str, listed: Sequence[Row]) -> _Identity:
    """Return all names and identifiers of the student ``name`` in a class file.

    ``listed`` are the rows of the roster with the name; the others are read from ``store``.
    """
    names = {name}
    ids: set[tuple[str, str]] = set()
    for row in listed:
        student = msgspec.json.decode(row["packed"], type=Student)
        names |= set(student.names)
        ids |= set(student.ids.items())
    rows = store.rows(
        "SELECT DISTINCT sender FROM listed JOIN submissions ON submissions.id = submission "
        "WHERE name = ?",
        (name,),
    )
    known = frozenset(form for text in names for form in (normal(text), normal(turned(text))))
    for row in rows:
        sender = sender_of(row)
        # A group's submission has the identifiers of one member: only those next to the
        # student's own name are the student's.
        persons = [{**sender.ids, "name": sender.student}, *sender.members]
        ids |= {
            (kind, value)
            for person in persons
            if normal(person.get("name", "")) in known
            for kind, value in person.items()
            if kind in KINDS
        }
    return _Identity(tuple(sorted(names, key=len, reverse=True)), known, frozenset(ids))


def _without(sender: Sender, gone: _Identity) -> Sender:
    """Return the sender of a shared submission without the names and identifiers in ``gone``."""
    members = tuple(member for member in sender.members if not _is_student(member, gone))
    student = sender.student
    if len(members) < len(sender.members):
        student = ", ".join(member["name"] for member in members if member.get("name"))
    elif normal(student) in gone.names:
        student = ""
    ids = {kind: value for kind, value in sender.ids.items() if (kind, value) not in gone.ids}
    return replace(sender, student=student, ids=ids, members=members)


def _replace_names(text: str, gone: _Identity, alias: str) -> str:
    """Replace all names of the student ``gone`` in a text by ``alias``."""
    for name in gone.written:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", alias, text, flags=re.IGNORECASE)
    return text


def _is_student(member: Mapping[str, str], gone: _Identity) -> bool:
    """Return True if a group's member is the student ``gone``.

    Identifiers are compared or, if the member has none, the name.
    """
    ids = {(kind, value) for kind, value in member.items() if kind in KINDS}
    return (
        bool(ids & gone.ids) if ids and gone.ids else normal(member.get("name", "")) in gone.names
    )
