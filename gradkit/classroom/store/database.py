"""The class file: one SQLite database, opened for reading, or for writing by one at a time.

What is in it is written in transactions: all of one is stored, or nothing.
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


FILE, LOCK = "class.sqlite", "class.lock"

NEW = f"{FILE}-new"
"""A class file in the making: the file itself is whole as soon as it is there."""

TRACES = "traces"
"""A fact that is noted until what was erased has left no trace either."""


def files_of(folder: Path) -> list[Path]:
    """List the files of a class that may be in its folder: its own, and what is written of it."""
    parts = [f"{name}{end}" for name in (FILE, NEW, LOCK) for end in ("", "-journal")]
    names = (*parts, "pages", "feedback")
    return [folder / name for name in names]


def last(upto: int | None) -> int:
    """The number of the last run that counts; None means that all do."""
    return sys.maxsize if upto is None else upto


DAMAGED = ("malformed", "not a database", "no such table", "no such column", "not decode")
"""What SQLite says of a file that is not as it was written."""

RESCUE = (
    "Put a backup in its place; where there is none, `sqlite3 class.sqlite .recover` may save what "
    "is left of it. Or choose another folder with --out."
)


class StoreError(GradkitError):
    """The class file cannot be used or written; the text says what is kept, and what to do."""


class HeldError(StoreError):
    """Another program holds the class file; later on it can be written."""


class BusyError(StoreError):
    """Somebody else is writing."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only one who writes in this folder, until the end of the block or process.

    A database of its own serves as the lock, held open in a transaction: the system lets go
    of it when the process ends, however it ends, and it works wherever SQLite does.

    Raises
    ------
    BusyError
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
                f"{folder}: another gradkit is writing into this folder. Wait until it is done, "
                "or choose another folder with --out."
            ) from None
        yield
    finally:
        base.close()


class Database:
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
        if not (write and make) and not self.path.exists():
            raise StoreError(
                f"{self.path}: there is no such file. Name the folder that "
                "`gradkit grade … --out` wrote."
            )
        try:
            with contextlib.ExitStack() as stack:
                if write:
                    self._prepare(folder, stack)
                # Not "ro": who reads after a crash in the middle of a transaction has to take back
                # the half of it that was written. A file that may not be written is opened as such.
                uri = f"{self.path.resolve().as_uri()}?mode=rw"
                self._base = sqlite3.connect(uri, uri=True, isolation_level=None)
                self._base.row_factory = sqlite3.Row
                stack.callback(self._base.close)
                if not write:
                    self._base.execute("PRAGMA query_only = ON")
                self._open(write=write)
                self._stack = stack.pop_all()
        except sqlite3.Error as error:
            self._refuse(error)

    def _prepare(self, folder: Path, stack: contextlib.ExitStack) -> None:
        with refusing(StoreError, folder, advice="Choose another folder with --out."):
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder))
            if not self.path.exists():
                self._begin(folder / NEW)

    def _begin(self, path: Path) -> None:
        """Make a class file without a run, and put it in its place once it is whole."""
        # Left behind by whoever was killed over it, or by a file that somebody has taken away.
        for left in (path, f"{path}-journal", f"{self.path}-journal"):
            Path(left).unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as base:
            # Names, marks and the secret of the draws: nobody else's business.
            path.chmod(0o600)
            base.executescript(f"BEGIN; {SCHEMA.read_text(encoding='utf-8')}")
            facts = {"format": FORMAT, "secret": secrets.token_hex(32)}
            base.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
            base.execute("COMMIT")
        path.replace(self.path)

    def _open(self, *, write: bool) -> None:
        if not self._base.execute("SELECT name FROM sqlite_master").fetchone():
            raise StoreError(
                f"{self.path}: is damaged: there is nothing in it, and there always is in a class "
                f"file. {RESCUE}"
            )
        named = self.rows("SELECT name FROM sqlite_master WHERE name = 'meta'")
        found = self.meta("format") if named else None
        if found != FORMAT:
            raise StoreError(
                f"{self.path}: is not a class file of this version of gradkit (found "
                f"{found or 'no format'}, expected {FORMAT}). Choose another folder with --out."
            )
        if write and self.meta(TRACES) is not None:
            # Whoever erased something was killed before its end.
            self._sweep()

    def meta(self, key: str) -> str | None:
        """A fact about the file itself."""
        rows = self.rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0]["value"]) if rows else None

    def note(self, key: str, value: str | None) -> None:
        """Note a fact about the file within `writing`, or forget it where there is no value."""
        self._base.execute("DELETE FROM meta WHERE key = ?", (key,))
        if value is not None:
            self._base.execute("INSERT INTO meta VALUES (?, ?)", (key, value))

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

    def rows(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query.

        Raises
        ------
        StoreError
            It cannot be read, or is damaged.
        """
        try:
            return self._base.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._refuse(error)

    def insert(self, table: str, **values: object) -> int:
        """Add a row within `writing`, by the names of its columns, and give its number."""
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  (names of ours)
        return int(self._base.execute(statement, tuple(values.values())).lastrowid or 0)

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        """Change rows within `writing`, and say how many there were."""
        return self._base.execute(statement, values).rowcount

    @contextlib.contextmanager
    def erasing(self) -> Iterator[None]:
        """A transaction that takes rows away, after which no trace of them is in the file."""
        self._base.execute("PRAGMA secure_delete = ON")
        with self.writing():
            yield
            self.note(TRACES, "")
        self._sweep()

    def _sweep(self) -> None:
        """Write the file anew: pages that are free may still have copies from before."""
        try:
            self._base.execute("VACUUM")
            self.note(TRACES, None)
        except sqlite3.Error as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.Error) -> NoReturn:
        said = str(error)
        advice = {
            "database or disk is full": "The disk is full: make room",
            "attempt to write a readonly database": "It may not be written: check its permissions",
            "unable to open database file": "It cannot be opened: check the folder's permissions",
            "disk I/O error": "The disk cannot be written or read",
            "database is locked": "Another program holds it: wait for that",
        }
        if any(words in said for words in DAMAGED):
            raise StoreError(
                f"{self.path}: is damaged, or no class file ({said}). {RESCUE}"
            ) from None
        kind = HeldError if "database is locked" in said else StoreError
        told = next((text for part, text in advice.items() if part in said), said)
        raise kind(
            f"{self.path}: {told}, and start the same command again. What had been stored is kept."
        ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
