"""Take a student out of a class file, so that nothing of them is left in its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from gradkit.classroom.pseudonyms import pseudonym
from gradkit.classroom.store import Store

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


class PurgeError(ValueError):
    """There is nobody of that name."""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows are gone, and where the submissions had been read from."""

    rows: int
    paths: tuple[str, ...]


def purge(store: Store, name: str, *, why: str = "", by: str = "") -> Purged:
    """Remove all that is stored of a student, and note only that this was done.

    The note names a pseudonym. SQLite writes zeros over what is removed, and the file is
    written anew without it.

    Raises
    ------
    PurgeError
        There is nobody of that name.
    StoreError
        The file cannot be written; it is as it was.
    """
    paths = tuple(
        row["path"] for row in store.rows("SELECT path FROM submissions WHERE name = ?", (name,))
    )
    listed = store.rows("SELECT id FROM students WHERE name = ?", (name,))
    if not paths and not listed:
        raise PurgeError(f"There is nobody called {name} in {store.path}.")
    with store.erasing():
        rows = sum(store.delete(statement, name) for statement in STATEMENTS)
        said = f"{pseudonym(store, name)} was removed{': ' if why else ''}{why}"
        store.end(store.begin("purge", why=said, who=by))
    return Purged(rows, tuple(dict.fromkeys(paths)))
