"""Open the class file, one SQLite database, for reading, or for writing by one process at a time.

It is written in transactions: all changes of a transaction are stored, or none.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn, Self

from gradkit.errors import GradkitError
from gradkit.writing import refusing

FORMAT = "gradkit/class/v2"

SCHEMA = Path(__file__).with_name("schema.sql")

ADDED = Path(__file__).with_name("reviews.sql")
"""Tables that class files of gradkit 0.3 lack. They are added when such a file is opened for
writing; a reader takes a missing table for an empty one."""

NEWEST_TABLE = "finding_decisions"
"""The last table of `ADDED`, whose absence shows that the tables have to be added."""


FILE, LOCK = "class.sqlite", "class.lock"

NEW = f"{FILE}-new"
"""Name of an unfinished class file, which is renamed when it is complete."""

TRACES = "traces"
"""Key of the fact that erased rows may still have traces in the file's free pages."""


def files_of(folder: Path) -> list[Path]:
    """List the files that gradkit writes into a class's folder, whether they exist or not."""
    parts = [f"{name}{end}" for name in (FILE, NEW, LOCK) for end in ("", "-journal")]
    names = (*parts, "pages", "feedback")
    return [folder / name for name in names]


def last(upto: int | None) -> int:
    """Return the number of the last run to be looked at; for None, a number above all runs'."""
    return sys.maxsize if upto is None else upto


DAMAGED = ("malformed", "not a database", "no such table", "no such column", "not decode")
"""Parts of SQLite's messages about a damaged file."""

RESCUE = (
    "Restore a backup. Without one, `sqlite3 class.sqlite .recover` may save a part of it. Or "
    "choose another folder with --out."
)


class StoreError(GradkitError):
    """The class file cannot be read or written; the text says what is kept, and what to do."""


class HeldError(StoreError):
    """Another program has locked the class file; it can be written later."""


class BusyError(StoreError):
    """Another gradkit process is writing into the folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder of a class for writing, until the end of the block or process.

    The lock is an open transaction of a separate database. The system releases it however the
    process ends, and it works wherever SQLite does.

    Raises
    ------
    BusyError
        Another process has the lock.
    sqlite3.Error
        The lock cannot be made.
    """
    base = sqlite3.connect(folder / LOCK, isolation_level=None, timeout=0)
    try:
        try:
            base.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise BusyError(
                f"{folder}: another gradkit is writing to this folder. Wait until it is done, or "
                "choose another folder with --out."
            ) from None
        yield
    finally:
        base.close()


class Database:
    """A context manager that opens the class file of a folder.

    Parameters
    ----------
    folder : Path
    write : bool
        Open for writing: no other process can write meanwhile.
    make : bool
        With ``write``, make the folder and the file if they do not exist.

    Raises
    ------
    StoreError
        The file does not exist, is not a class file, cannot be opened, or another process is
        writing.
    """

    def __init__(self, folder: Path, *, write: bool, make: bool = True) -> None:
        """Open the class file; with ``write``, lock its folder, and make the file if missing."""
        self.path = folder / FILE
        if not (write and make) and not self.path.exists():
            raise StoreError(
                f"{self.path}: there is no such file. Name the folder that "
                "`gradkit grade … --out` wrote."
            )
        try:
            with contextlib.ExitStack() as stack:
                if write:
                    self._prepare(folder, stack)
                # Not "ro": after a crash during a transaction, a reader must roll it back. SQLite
                # opens a file without write permission as read-only by itself.
                uri = f"{self.path.resolve().as_uri()}?mode=rw"
                self._base = sqlite3.connect(uri, uri=True, isolation_level=None)
                self._base.row_factory = sqlite3.Row
                stack.callback(self._base.close)
                if not write:
                    self._base.execute("PRAGMA query_only = ON")
                self._check_format(write=write)
                self._stack = stack.pop_all()
        except sqlite3.Error as error:
            self._refuse(error)

    def _prepare(self, folder: Path, stack: contextlib.ExitStack) -> None:
        """Make the folder, lock it, and make the class file if it does not exist."""
        with refusing(StoreError, folder, advice="Choose another folder with --out."):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder))
            if not self.path.exists():
                self._make_file(folder / NEW)

    def _make_file(self, path: Path) -> None:
        """Make a class file without runs at a path, and rename it when it is complete."""
        # These can be left by a process that was killed, or by a class file that was deleted.
        for left in (path, f"{path}-journal", f"{self.path}-journal"):
            Path(left).unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as base:
            # Other users must not read names, marks and the secret of the seeds.
            path.chmod(0o600)
            tables = "".join(path.read_text(encoding="utf-8") for path in (SCHEMA, ADDED))
            base.executescript(f"BEGIN; {tables}")
            facts = {"format": FORMAT, "secret": secrets.token_hex(32)}
            base.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
            base.execute("COMMIT")
        path.replace(self.path)

    def _check_format(self, *, write: bool) -> None:
        """Check the format of the opened file, and finish an interrupted erasure.

        With ``write``, tables that an earlier gradkit did not have are added.

        Raises
        ------
        StoreError
            The file is empty, or not a class file of this format.
        """
        if not self._base.execute("SELECT name FROM sqlite_master").fetchone():
            raise StoreError(
                f"{self.path}: is damaged: it is empty, and a class file never is. {RESCUE}"
            )
        found = self.meta("format") if self.has_table("meta") else None
        if found != FORMAT:
            raise StoreError(
                f"{self.path}: is not a class file of this version of gradkit (found "
                f"{found or 'no format'}, expected {FORMAT}). Choose another folder with --out."
            )
        if write and not self.has_table(NEWEST_TABLE):
            added = ADDED.read_text(encoding="utf-8")
            self._base.executescript(f"BEGIN IMMEDIATE; {added} COMMIT;")
        if write and self.meta(TRACES) is not None:
            # A process that erased rows was killed before it had removed their traces.
            self._vacuum()

    def has_table(self, name: str) -> bool:
        """Return True if the file has a table; files of earlier versions lack some."""
        return bool(self.rows("SELECT name FROM sqlite_master WHERE name = ?", (name,)))

    def meta(self, key: str) -> str | None:
        """Return a stored fact about the file by its key, None if there is none."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0]["value"]) if rows else None

    def note(self, key: str, value: str | None) -> None:
        """Store a text about the file under ``key``, within `writing`; with None, delete it."""
        self._base.execute("DELETE FROM meta WHERE key = ?", (key,))
        if value is not None:
            self._base.execute("INSERT INTO meta VALUES (?, ?)", (key, value))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction: all changes in the block are stored, or none.

        Within another transaction, the block is a part of that transaction.

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
                # If the disk is full, SQLite has already rolled back, and this fails.
                with contextlib.suppress(sqlite3.Error):
                    self._base.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            self._refuse(error)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query of SQL; ``values`` fill its placeholders.

        Raises
        ------
        StoreError
            The file cannot be read, or is damaged.
        """
        try:
            return self._base.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._refuse(error)

    def insert(self, table: str, **values: object) -> int:
        """Insert a row into ``table``, within `writing`, and return its id.

        ``values`` are the cells by the names of their columns.
        """
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  (names are constants)
        return int(self._base.execute(statement, tuple(values.values())).lastrowid or 0)

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        """Execute a statement within `writing`, and return the number of rows changed."""
        return self._base.execute(statement, values).rowcount

    @contextlib.contextmanager
    def erasing(self) -> Iterator[None]:
        """Open a transaction that deletes rows, and remove all traces of them from the file."""
        self._base.execute("PRAGMA secure_delete = ON")
        with self.writing():
            yield
            self.note(TRACES, "")
        self._vacuum()

    def _vacuum(self) -> None:
        """Rewrite the file without its free pages, which can contain copies of erased rows."""
        try:
            self._base.execute("VACUUM")
            self.note(TRACES, None)
        except sqlite3.Error as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        """Raise StoreError with advice for an error of SQLite."""
        message = str(error)
        advice = {
            "database or disk is full": "The disk is full: make room",
            "attempt to write a readonly database": "It may not be written: check its permissions",
            "unable to open database file": "It cannot be opened: check the folder's permissions",
            "disk I/O error": "The disk cannot be written or read",
            "database is locked": "Another program uses it: wait until it is done",
        }
        if any(words in message for words in DAMAGED):
            raise StoreError(
                f"{self.path}: is damaged, or not a class file ({message}). {RESCUE}"
            ) from None
        kind = HeldError if "database is locked" in message else StoreError
        explanation = next((text for part, text in advice.items() if part in message), message)
        raise kind(
            f"{self.path}: {explanation}, and run the same command again. What was already "
            "stored is kept."
        ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
