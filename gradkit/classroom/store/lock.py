"""One writer at a time in a folder, for as long as its process lives."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gradkit.errors import GradkitError

LOCK = "class.lock"


class BusyError(GradkitError):
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
