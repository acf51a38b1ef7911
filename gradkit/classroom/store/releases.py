"""Keep what was given back to students, byte for byte, and when."""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable

from gradkit.classroom.store.results import Store
from gradkit.records.classroom import Release


def release(store: Store, run: int, pages: Iterable[tuple[str, str, bytes]]) -> None:
    """Note what a run gives back: students, names of files, contents."""
    with store.writing():
        for name, file, content in pages:
            store.change(
                "INSERT INTO released (run, name, file, content) VALUES (?, ?, ?, ?)",
                (run, name, file, zlib.compress(content)),
            )


def releases(store: Store, name: str) -> list[Release]:
    """All that a student was given back, the oldest first."""
    rows = store.rows(
        "SELECT id, run, name, file, content FROM released WHERE name = ? ORDER BY id", (name,)
    )
    return [_release(row) for row in rows]


def given(store: Store) -> dict[str, list[Release]]:
    """Map each student to all that was given back, the oldest first."""
    found: dict[str, list[Release]] = {}
    for row in store.rows("SELECT id, run, name, file, content FROM released ORDER BY id"):
        found.setdefault(row["name"], []).append(_release(row))
    return found


def _release(row: sqlite3.Row) -> Release:
    content = zlib.decompress(row["content"])
    return Release(row["id"], row["run"], row["name"], row["file"], digest_of(content))


def digest_of(content: bytes) -> str:
    """SHA-256, as in `Release`."""
    return hashlib.sha256(content).hexdigest()


def latest(store: Store) -> dict[str, int]:
    """Map each student to the run that gave something back last."""
    rows = store.rows("SELECT name, max(run) AS run FROM released GROUP BY name")
    return {row["name"]: row["run"] for row in rows}


def content(store: Store, id_: int) -> bytes:
    """The bytes of a file that was given back."""
    (row,) = store.rows("SELECT content FROM released WHERE id = ?", (id_,))
    return zlib.decompress(row["content"])
