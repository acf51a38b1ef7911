"""The class file: one SQLite database, written in transactions, to which is only ever added.

A result is never changed: a newer one of the same submission takes its place. So a class
can be marked again, and it can always be told how a score came about.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Self

from gradkit.assess import versions_of
from gradkit.grounds import Settings
from gradkit.records.classroom import Filed, Kept, Run, RunKind

FILE = "class.sqlite"
LOCK = "class.lock"
FORMAT = "gradkit/class/v1"

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    began TEXT NOT NULL,
    ended TEXT,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    settings TEXT NOT NULL,
    versions TEXT NOT NULL
) STRICT;
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs,
    UNIQUE (name, digest)
) STRICT;
CREATE TABLE evidence (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    run INTEGER NOT NULL REFERENCES runs,
    packed BLOB NOT NULL
) STRICT;
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    submission INTEGER NOT NULL REFERENCES submissions,
    run INTEGER NOT NULL REFERENCES runs,
    evidence INTEGER REFERENCES evidence,
    key TEXT NOT NULL,
    standing TEXT NOT NULL,
    told TEXT NOT NULL,
    score REAL,
    max_score REAL,
    provisional INTEGER NOT NULL,
    seconds REAL NOT NULL,
    made TEXT NOT NULL,
    packed BLOB NOT NULL
) STRICT;
CREATE INDEX results_of ON results (submission);
CREATE TABLE drops (
    code TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs
) STRICT;
CREATE VIEW current AS
    SELECT results.*, evidence.run AS taken,
        submissions.name, submissions.path, submissions.digest
    FROM results JOIN submissions ON submissions.id = results.submission
    LEFT JOIN evidence ON evidence.id = results.evidence
    WHERE results.id IN (
        SELECT max(results.id) FROM results
        JOIN submissions ON submissions.id = results.submission GROUP BY submissions.name
    );
"""


def files_of(folder: Path) -> list[Path]:
    """The files that a class has in its folder, where they are there."""
    return [folder / name for name in (FILE, f"{FILE}-journal", LOCK, f"{LOCK}-journal")]


class StoreError(Exception):
    """The class file cannot be used or written; what had been stored is kept."""


class Store:
    """A context manager on the class file of a folder.

    Parameters
    ----------
    folder : Path
    write : bool
        Whether anything is to be added: the folder and file are then made if there are
        none, and nobody else may write meanwhile.
    make : bool
        False refuses to make a file where there is none.

    Raises
    ------
    StoreError
        The file is not there (for reading), is no class file, cannot be opened, or somebody
        else is writing.
    """

    def __init__(self, folder: Path, *, write: bool, make: bool = True) -> None:
        self.path = folder / FILE
        self._stack = contextlib.ExitStack()
        try:
            if not (write and make) and not self.path.exists():
                raise StoreError(
                    f"{self.path}: there is no such file. Name the folder that "
                    "`gradkit grade … --out` wrote."
                )
            if write:
                self._prepare(folder)
                self._stack.enter_context(_locked(folder))
            # Not "ro": who reads after a crash in the middle of a transaction has to take back
            # the half of it that was written. A file that may not be written is opened as such.
            uri = f"{self.path.resolve().as_uri()}?mode={'rwc' if write else 'rw'}"
            self._base = sqlite3.connect(uri, uri=True, isolation_level=None)
            self._base.row_factory = sqlite3.Row
            self._stack.callback(self._base.close)
            if not write:
                self._base.execute("PRAGMA query_only = ON")
            self._open(write=write)
        except sqlite3.Error as error:
            self._stack.close()
            self._refuse(error)
        except BaseException:
            self._stack.close()
            raise

    def _prepare(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                # Names, marks and the secret of the draws: nobody else's business.
                self.path.touch(mode=0o600)
        except OSError as error:
            raise StoreError(
                f"{folder}: cannot be written ({error.strerror}). Choose another folder with --out."
            ) from None

    def _open(self, *, write: bool) -> None:
        empty = not self._base.execute("SELECT name FROM sqlite_master").fetchone()
        if empty and not write:
            raise StoreError(f"{self.path}: nothing has been graded there yet.")
        if empty:
            # One transaction: a file is either empty or whole.
            with self.writing():
                for statement in SCHEMA.split(";"):
                    self._base.execute(statement)
                facts = {"format": FORMAT, "secret": secrets.token_hex(32)}
                self._base.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
        try:
            found = self.meta("format")
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            found = None
        if found != FORMAT:
            raise StoreError(
                f"{self.path}: is not a class file of this version of gradkit (found "
                f"{found or 'no format'}, expected {FORMAT}). Choose another folder with --out."
            )

    def meta(self, key: str) -> str | None:
        """A fact about the file itself."""
        row = self._base.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that is added in it is stored, or nothing is.

        Within another it is a part of that one.

        Raises
        ------
        StoreError
            The disk is full, or the file cannot be written.
        """
        if self._base.in_transaction:
            yield
            return
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._base.execute("COMMIT")
            except BaseException:
                # Where the disk is full, the database has done so already.
                with contextlib.suppress(sqlite3.Error):
                    self._base.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._refuse(error)

    def begin(
        self, kind: RunKind, settings: Settings, frameworks: Collection[str] = (), why: str = ""
    ) -> int:
        """Note that a run begins, and give its number."""
        said = json.dumps(asdict(settings), default=_absolute)
        row = (kind, now(), _user(), why, said, json.dumps(versions_of(frameworks)))
        with self.writing():
            cursor = self._base.execute(
                "INSERT INTO runs (kind, began, who, why, settings, versions) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        return int(cursor.lastrowid or 0)

    def end(self, run: int) -> None:
        """Note that a run has come to its end."""
        with self.writing():
            self._base.execute("UPDATE runs SET ended = ? WHERE id = ?", (now(), run))

    def add(self, run: int, filed: Sequence[Filed]) -> None:
        """Store results, all or none of them.

        Raises
        ------
        StoreError
            See `writing`.
        """
        with self.writing():
            for one in filed:
                submission = self._submission(run, one)
                evidence = None
                if one.evidence:
                    cursor = self._base.execute(
                        "INSERT INTO evidence (submission, run, packed) VALUES (?, ?, ?)",
                        (submission, run, one.evidence),
                    )
                    evidence = cursor.lastrowid
                self._insert(run, submission, evidence, one)

    def amend(self, run: int, filed: Mapping[int, Filed]) -> None:
        """Store new results made from the evidence of older ones, by the older one's id."""
        with self.writing():
            for older, one in filed.items():
                submission, evidence = self._base.execute(
                    "SELECT submission, evidence FROM results WHERE id = ?", (older,)
                ).fetchone()
                self._insert(run, submission, evidence, one)

    def _submission(self, run: int, one: Filed) -> int:
        self._base.execute(
            "INSERT OR IGNORE INTO submissions (name, path, digest, run) VALUES (?, ?, ?, ?)",
            (one.name, one.path, one.digest, run),
        )
        row = self._base.execute(
            "SELECT id FROM submissions WHERE name = ? AND digest = ?", (one.name, one.digest)
        ).fetchone()
        return int(row[0])

    def _insert(self, run: int, submission: int, evidence: int | None, one: Filed) -> None:
        self._base.execute(
            "INSERT INTO results (submission, run, evidence, key, standing, told, score, "
            "max_score, provisional, seconds, made, packed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(submission, run, evidence, one.key, one.standing, one.told),
                *(one.score, one.max_score, one.provisional, one.seconds, now(), one.result),
            ),
        )

    def attempt(self, name: str, digest: str) -> int:
        """Which attempt of that name these contents are, from 1: as they were first seen."""
        rows = self._base.execute(
            "SELECT digest FROM submissions WHERE name = ? ORDER BY id", (name,)
        )
        known = [row[0] for row in rows]
        return known.index(digest) + 1 if digest in known else len(known) + 1

    def drop(self, run: int, codes: Sequence[str]) -> None:
        """Withdraw findings of these codes from everyone, now and in later runs."""
        with self.writing():
            self._base.executemany(
                "INSERT OR IGNORE INTO drops VALUES (?, ?)", [(code, run) for code in codes]
            )

    def dropped(self) -> tuple[str, ...]:
        """Codes of findings that have been withdrawn."""
        return tuple(row[0] for row in self._base.execute("SELECT code FROM drops ORDER BY code"))

    def current(self) -> list[Kept]:
        """The newest result of each name, in the order of the names."""
        rows = self._base.execute(
            "SELECT id, run, taken, name, path, digest, key, standing, told, score, max_score, "
            "provisional, made FROM current ORDER BY name"
        )
        return [Kept(**{**row, "provisional": bool(row["provisional"])}) for row in map(dict, rows)]

    def result(self, id_: int) -> bytes:
        """The packed result."""
        row = self._base.execute("SELECT packed FROM results WHERE id = ?", (id_,)).fetchone()
        return bytes(row[0])

    def evidence(self, id_: int) -> bytes | None:
        """The packed evidence that a result was made from; None where there is none."""
        row = self._base.execute(
            "SELECT evidence.packed FROM results JOIN evidence ON evidence.id = results.evidence "
            "WHERE results.id = ?",
            (id_,),
        ).fetchone()
        return None if row is None else bytes(row[0])

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        rows = self._base.execute(
            "SELECT id, kind, began, ended, who, why, settings, versions FROM runs ORDER BY id"
        )
        facts = ("settings", "versions")
        return [
            Run(**{**row, **{fact: json.loads(row[fact]) for fact in facts}})
            for row in map(dict, rows)
        ]

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        said = str(error)
        advice = {
            "database or disk is full": "The disk is full: make room",
            "attempt to write a readonly database": "It may not be written: check its permissions",
            "unable to open database file": "It cannot be opened: check the folder's permissions",
            "disk I/O error": "The disk cannot be written or read",
            "file is not a database": "It is no class file: choose another folder with --out",
            "database is locked": "Another program holds it: wait for that",
        }
        told = next((text for part, text in advice.items() if part in said), said)
        raise StoreError(
            f"{self.path}: {told}, and start the same command again. What had been stored is kept."
        ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def now() -> str:
    """The time, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _absolute(path: Path) -> str:
    """A path that means the same wherever the next command is started."""
    return str(path.resolve())


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes in this folder, until the end of the block or process.

    A database of its own serves as the lock, held open in a transaction: the system lets go
    of it when the process ends, however it ends, and it works wherever SQLite does.
    """
    base = sqlite3.connect(folder / LOCK, isolation_level=None, timeout=0)
    try:
        try:
            base.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise StoreError(
                f"{folder}: another gradkit is writing into this folder. Wait until it is done, "
                "or choose another folder with --out."
            ) from None
        yield
    finally:
        base.close()
