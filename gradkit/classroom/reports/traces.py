"""Files of gradkit's own that name a student, beside the class file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gradkit.classroom.feedback.pages import file_name
from gradkit.classroom.store.database import StoreError

OF_ALL = ("pages/index.html", "feedback/canvas.zip", "feedback/moodle.zip")
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
        try:
            file.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreError(f"{file}: cannot be removed ({error.strerror}).") from None
        removed.append(file)
    return removed


def tables(folder: Path) -> Iterator[Path]:
    """Platforms' tables that were filled here, whose rows are not gradkit's to take away."""
    yield from sorted((folder / "feedback").glob("*.csv"))
