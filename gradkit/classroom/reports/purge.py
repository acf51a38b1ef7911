"""Take a student out of a class file, so that nothing of them is left in its bytes."""

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
"""What names everybody, and is written anew without whoever is gone."""

OF_ONE = ("pages/students", "feedback/pages")
"""Folders with a page for each student."""


def remove_traces(folder: Path, name: str) -> list[Path]:
    """Remove a student's pages, and what names everybody; say which files there were.

    Parameters
    ----------
    folder : Path
        That of the class.
    name : str

    Raises
    ------
    StoreError
        A file cannot be removed. Those before it are gone.
    """
    files = [folder / part / file_name(name) for part in OF_ONE]
    removed = []
    for file in (*files, *(folder / part for part in OF_ALL)):
        with refusing(StoreError, file, "cannot be removed"), suppress(FileNotFoundError):
            file.unlink()
            removed.append(file)
    return removed


def tables(folder: Path) -> Iterator[Path]:
    """Tables and a policy that may name a student, which are not gradkit's to change."""
    yield from sorted((folder / "feedback").glob("*.csv"))
    # Extensions are told by name.
    yield from (file for file in [folder / FILE] if file.exists())


STATEMENTS = (
    # A run that was about this student alone says so in its reason.
    "UPDATE runs SET why = '' WHERE id IN (SELECT run FROM overrides WHERE name = ?)",
    "DELETE FROM listed WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM results WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM evidence WHERE submission IN (SELECT id FROM submissions WHERE name = ?)",
    "DELETE FROM submissions WHERE name = ?",
    "DELETE FROM students WHERE name = ?",
    "DELETE FROM overrides WHERE name = ?",
    "DELETE FROM released WHERE name = ?",
)


class PurgeError(GradkitError):
    """Nobody was removed; the text says why."""


class Purged(Struct, frozen=True):
    """How many rows are gone, and where the submissions had been read from.

    ``files`` were removed besides. ``shared`` are students who handed in something together
    with the one who is gone: that is theirs too, and stays, under the name that its file has.
    """

    rows: int
    paths: tuple[str, ...]
    shared: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


class _Self(Struct, frozen=True):
    """A student as platforms know them; ``written`` are the names as written, longest first."""

    written: tuple[str, ...]
    names: frozenset[str]
    ids: frozenset[tuple[str, str]]


def purge_student(
    folder: Path, student: str, *, confirm: Callable[[str], bool], why: str = "", by: str = ""
) -> tuple[str, Purged]:
    """Remove all that is stored of a student: rows of the class file, pages, zips of pages.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    student : str
        A name, a part of one, an identifier or a pseudonym.
    confirm : callable
        Is given the whole name and says whether to go on. It cannot be taken back.
    why : str
        Kept with the note that it was done; it must not name the student.
    by : str
        Who decides; by default the account that this runs under.

    Returns
    -------
    tuple of str and Purged
        The name that there was.

    Raises
    ------
    GradkitError
        Nobody is meant, several are, it was not confirmed, or the reason names the student.

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
            raise PurgeError("nothing was removed. To go on without being asked, add --yes.")
        return name, purge(store, name, why=why, by=by)


def purge(store: Store, name: str, *, why: str = "", by: str = "") -> Purged:
    """Remove all that is stored of a student, pages too, and note only that this was done.

    The note names a pseudonym. SQLite writes zeros over what is removed, and the file is
    written anew without it. Where others handed in the same submission, the student is taken
    out of what is noted of it. A reason of a run that names the student has the pseudonym.

    Raises
    ------
    PurgeError
        There is nobody of that name, or the reason names the student.
    StoreError
        A page cannot be removed, or the class file cannot be written; that is as it was.
    """
    paths = tuple(
        row["path"] for row in store.rows("SELECT path FROM submissions WHERE name = ?", (name,))
    )
    listed = store.rows("SELECT packed FROM students WHERE name = ?", (name,))
    if not paths and not listed:
        raise PurgeError(f"There is nobody called {name} in {store.path}.")
    gone, hidden = _self(store, name, listed), pseudonym(store, name)
    if _hidden(why, gone, hidden) != why:
        raise PurgeError(
            f"The reason names {name}, and it is kept. Say why without the name: --why TEXT."
        )
    # First: afterwards nobody could tell which files they were.
    files = remove_traces(store.path.parent, name)
    together = store.rows(
        "SELECT DISTINCT others.id, others.sender, theirs.name FROM listed AS others "
        "JOIN submissions AS theirs ON theirs.id = others.submission "
        "JOIN listed AS own ON own.run = others.run AND own.place = others.place "
        "JOIN submissions ON submissions.id = own.submission "
        "WHERE submissions.name = ? AND theirs.name <> ?",
        (name, name),
    )
    with store.erasing():
        for row in together:
            sender = _without(sender_of(row), gone)
            store.change("UPDATE listed SET sender = ? WHERE id = ?", (as_json(sender), row["id"]))
        rows = sum(store.change(statement, (name,)) for statement in STATEMENTS)
        for run in store.runs():
            if (told := _hidden(run.why, gone, hidden)) != run.why:
                store.change("UPDATE runs SET why = ? WHERE id = ?", (told, run.id))
            if "rules" in run.settings:
                rules = without(msgspec.convert(run.settings["rules"], Policy), name)
                said = json.dumps({**run.settings, "rules": msgspec.to_builtins(rules)})
                store.change("UPDATE runs SET settings = ? WHERE id = ?", (said, run.id))
        store.forget(name)
        said = f"{hidden} was removed{': ' if why else ''}{why}"
        store.end(store.begin("purge", why=said, who=by))
    shared = tuple(dict.fromkeys(row["name"] for row in together))
    return Purged(rows, tuple(dict.fromkeys(paths)), shared, tuple(files))


def _self(store: Store, name: str, listed: Sequence[Row]) -> _Self:
    """All names and identifiers that a class file has of a student."""
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
    known = frozenset(way for each in names for way in (normal(each), normal(turned(each))))
    for row in rows:
        sender = sender_of(row)
        # Of what several handed in, the identifiers are one member's, who says so.
        told = [{**sender.ids, "name": sender.student}, *sender.members]
        ids |= {
            (kind, value)
            for each in told
            if normal(each.get("name", "")) in known
            for kind, value in each.items()
            if kind in KINDS
        }
    return _Self(tuple(sorted(names, key=len, reverse=True)), known, frozenset(ids))


def _without(sender: Sender, gone: _Self) -> Sender:
    """Return the sender of a submission without one of those whose it is."""
    members = tuple(each for each in sender.members if not _is(each, gone))
    named = ", ".join(each["name"] for each in members if each.get("name"))
    whose = normal(sender.student) in gone.names
    student = named if len(members) < len(sender.members) else "" if whose else sender.student
    ids = {kind: value for kind, value in sender.ids.items() if (kind, value) not in gone.ids}
    return replace(sender, student=student, ids=ids, members=members)


def _hidden(text: str, gone: _Self, hidden: str) -> str:
    for name in gone.written:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", hidden, text, flags=re.IGNORECASE)
    return text


def _is(member: Mapping[str, str], gone: _Self) -> bool:
    """True where a member of a group is that student: by identifiers, without any by name."""
    ids = {(kind, value) for kind, value in member.items() if kind in KINDS}
    return (
        bool(ids & gone.ids) if ids and gone.ids else normal(member.get("name", "")) in gone.names
    )
