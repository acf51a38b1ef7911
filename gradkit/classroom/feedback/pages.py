"""Pages of a class: one for each student, as the assignment lets students see it, and one of all.

The students' pages may be handed on; the class page is the instructor's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradkit.classroom.process_pool import map_chunks
from gradkit.classroom.store.attempts import counting_attempts
from gradkit.classroom.store.database import StoreError
from gradkit.classroom.store.overrides import counting_results
from gradkit.classroom.store.results import Store, pack, unpack
from gradkit.language import phrase, say
from gradkit.records.classroom import CountingAttempt
from gradkit.records.result import Result
from gradkit.report.data import EXPECTED_LEVEL
from gradkit.report.html import class_page, student_page, to_row
from gradkit.report.html.class_page import Row
from gradkit.report.visibility import apply_visibility
from gradkit.writing import write_atomically

CHUNK = 20
"""Results that go to a process at a time."""

ALONE = 30
"""Pages that are written by this process: others would take longer to start."""

NOTHING = phrase("Nothing in it could be graded")

_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class _Task:
    """One page to be written, and the row that leads to it."""

    packed: bytes
    path: Path
    hints: int


def write_pages(store: Store, folder: Path, hints: int, workers: int) -> int:
    """Write ``index.html`` and ``students/NAME.html``, and say how many students there are.

    Parameters
    ----------
    store : Store
    folder : Path
        Made if there is none; pages of the same names are replaced, each at once.
    hints : int
        The level of the students' pages.
    workers : int
        Processes that share the work.

    Raises
    ------
    StoreError
        A page cannot be written.
    """
    found = counting_attempts(store)
    students = folder / "students"
    try:
        students.mkdir(parents=True, exist_ok=True)
        rows = list(_rows(store, found, students, hints, workers))
        write_text(folder / "index.html", class_page(rows, folder.resolve().parent.name))
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written ({error.strerror}). What is graded "
            "is stored all the same."
        ) from None
    return len(found)


def file_name(name: str) -> str:
    """A name for a file that every system takes, and that no other student has.

    Systems differ in what they allow and in whether they tell capitals apart; the digest
    does in any case.
    """
    plain = _UNSAFE.sub("_", name).strip("._")[:60] or "student"
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.html"


def write_text(path: Path, text: str) -> None:
    """Put a file in its place at once: whoever looks sees the old one or the new one, whole."""
    with write_atomically(path) as stream:
        stream.write(text.encode("utf-8"))


def _rows(
    store: Store,
    found: Sequence[CountingAttempt],
    students: Path,
    hints: int,
    workers: int,
) -> Iterator[Row]:
    """Write the students' pages, and give the class page's rows in the order of the names."""
    tasks = (
        _Task(pack(result), students / file_name(one.kept.name), hints)
        for one, result in counting_results(store)
        if result is not None
    )
    alone = len(found) <= ALONE
    yield from map_chunks(_write, tasks, size=CHUNK, workers=1 if alone else workers)
    for each in found:
        kept = each.kept
        if kept.standing != "graded":
            yield Row(kept.name, 0.0, 0.0, False, (), ((kept.standing, say(NOTHING)),))


def _write(tasks: list[_Task]) -> list[Row]:
    rows = []
    for task in tasks:
        result = unpack(task.packed, Result)
        write_text(task.path, student_page(apply_visibility(result), task.hints))
        rows.append(to_row(result, EXPECTED_LEVEL, f"students/{task.path.name}"))
    return rows
