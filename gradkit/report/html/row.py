"""A student as the class page sees one: a few words and numbers of a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradkit.records.result import Result, TaskResult
from gradkit.records.verdict import State
from gradkit.report.data import TITLE_LEVEL, visible
from gradkit.report.overrides import decided


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task: its points, and each check with its state."""

    task: str
    title: str
    score: float
    max_score: float
    checks: tuple[tuple[str, State], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One student. ``mistakes`` maps codes to titles; ``link`` leads to the student's page.

    ``decided`` are sentences on points that a person has set.

    ``link`` is a path relative to the class page, or ``#name`` within it, not yet quoted;
    empty where there is no page.
    """

    submission: str
    score: float
    max_score: float
    provisional: bool
    tasks: tuple[TaskRow, ...]
    mistakes: tuple[tuple[str, str], ...] = ()
    link: str = ""
    decided: tuple[str, ...] = ()


def to_row(result: Result, hints: int, link: str = "") -> Row:
    """What the class page needs of a result; below the level that names mistakes, none."""
    named = {
        finding.mistake: finding.title
        for task in result.tasks
        for finding in visible(task, hints)
        if hints >= TITLE_LEVEL
    }
    return Row(
        result.submission,
        result.score,
        result.max_score,
        result.provisional,
        tuple(map(_task, result.tasks)),
        tuple(named.items()),
        link,
        tuple(_decided(result)),
    )


def _decided(result: Result) -> Iterator[str]:
    for task in result.tasks:
        for check in task.checks:
            if check.decision is not None:
                yield f"{task.title}, {check.check}: {decided(check)}"


def _task(task: TaskResult) -> TaskRow:
    checks = tuple((check.check, check.state) for check in task.checks)
    return TaskRow(task.task, task.title, task.score, task.max_score, checks)
