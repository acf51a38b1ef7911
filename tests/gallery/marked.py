"""Grade answers to an exercise of the gallery at many seeds with one session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from soak import SIZE

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

HERE = Path(__file__).parent

QUICK = (1, 2)
"""Seeds of quick tests."""

MANY = range(5 * SIZE)
"""Seeds of slow tests."""

SEEDS = [
    pytest.param(QUICK, id="quick"),
    pytest.param(MANY, id="many", marks=pytest.mark.slow),
]

CHANGED = "gets wrong numbers. Work on a copy."


@dataclass(frozen=True)
class Exercise:
    """One exercise, its model solution, and a session that grades answers to it."""

    name: str
    folder: Path
    session: Session

    @property
    def solution(self) -> str:
        """Return the text of the model solution."""
        return solution(self.name)

    def marked(self, text: str, seed: int, name: str = "answer.py") -> TaskResult:
        """Return the marks of an answer."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        (task,) = self.session.grade(read_submission(path), seed).result.tasks
        return task


def solution(name: str) -> str:
    """Read the text of an exercise's model solution."""
    (path,) = (BESIDE / name).glob("*.py")
    return path.read_text(encoding="utf-8")


@contextmanager
def opened(name: str, workshop: Workshop, folder: Path) -> Iterator[Exercise]:
    """Open a session for an exercise."""
    with Session(Settings(assignment=SHIPPED / name / "assignment.toml"), workshop) as session:
        yield Exercise(name, folder, session)


def answers(name: str) -> dict[str, str]:
    """Return right answers to an exercise, with the model solution."""
    paths = sorted((HERE / name).glob("*.py"))
    assert len(paths) >= 2
    texts = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    return {"model": solution(name), **texts}


def edited(text: str, edits: Mapping[str, str]) -> str:
    """Return a text with pieces of it made otherwise; each is there."""
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def off(task: TaskResult) -> set[str]:
    """Return the outputs that do not pass, and the checks that gave none."""
    found: set[str] = set()
    for check in task.checks:
        found |= {entry.parameter for entry in check.entries if entry.state != "pass"}
        if check.state != "pass" and not check.entries:
            found.add(check.check)
    return found


def told(task: TaskResult) -> str:
    """Return all that is said of checks that do not pass."""
    return "\n".join(f"{c.check}: {c.state}: {c.message}" for c in task.checks if c.state != "pass")


def has_full_marks(exercise: Exercise, text: str, seeds: Iterable[int]) -> None:
    """Assert that an answer is right at each seed, with no remark but on changes in place."""
    for seed in seeds:
        task = exercise.marked(text, seed)
        assert told(task) == "", seed
        assert task.score == task.max_score, seed
        notes = [note for check in task.checks for note in check.notes]
        assert [note for note in notes if CHANGED not in note] == [], seed


def fails(exercise: Exercise, text: str, outputs: set[str], seeds: Iterable[int]) -> str:
    """Assert that a wrong answer fails in some outputs only; return the messages."""
    for seed in seeds:
        task = exercise.marked(text, seed)
        assert off(task) == outputs, (seed, told(task))
        assert task.score < task.max_score, seed
        said = told(task)
        # What is blocked says what it waits for, and nothing of its outputs.
        waits = {e.parameter for c in task.checks if c.state == "blocked" for e in c.entries}
        for name in outputs - waits:
            assert f"`{name.removesuffix(' left alone')}`" in said or f"{name}: " in said, (
                seed,
                name,
                said,
            )
    return said


def is_to_be_written(exercise: Exercise, text: str, functions: Iterable[str]) -> None:
    """Assert that a starter has no points, and that each function is reported as missing."""
    task = exercise.marked(text, 1)
    assert task.score == 0
    assert {check.state for check in task.checks} <= {"missing", "blocked"}, told(task)
    for function in functions:
        assert f"`{function}` is not written yet." in told(task)


def claims(text: str, folder: Path, workshop: Workshop) -> list[str]:
    """Return the tasks that an answer is taken for where nothing says what it is."""
    path = folder / "homework.py"
    path.write_text(text, encoding="utf-8")
    with Session(Settings(), workshop) as session:
        return [task.task for task in session.grade(read_submission(path), 1).result.tasks]
