"""From a running kernel to a report: which task, which cells, and the line from there on."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradkit.grading.queries import mistaken_for
from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Resources, Settings
from gradkit.language import phrase, say
from gradkit.notebook.kernel import Kernel, headings, modules_beside
from gradkit.notebook.report import Report
from gradkit.records.submission import Claim, Section, Submission
from gradkit.records.task import Assignment, Task
from gradkit.sandbox.live import LiveProcess
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.history import from_functions, from_history, section_of, submission_of
from gradkit.task.assignment import AssignmentError, read_assignment

LIVE = phrase(
    "There is no record of the cells here: your functions were called as they "
    "are, in this process, and a function that hangs, hangs it."
)


class LiveResources(Resources):
    """A room in which questions are put to functions of this process."""

    def __init__(
        self, settings: Settings, tasks: Sequence[Task], functions: Mapping[str, Any]
    ) -> None:
        super().__init__(settings, tasks, None)
        self._functions = functions

    def open_process(self, task: Task, section: Section, submission: Submission) -> StudentProcess:
        """See `Resources`."""
        return LiveProcess(None, section, self._functions)


def grade(
    kernel: Kernel, named: str | None, file: Path | None, hints: int | None, seed: int | None
) -> Report:
    """Grade one task of what the kernel holds.

    Raises
    ------
    ValueError
        The assignment cannot be read, or it cannot be told which task is meant.
    """
    if hints not in (None, 1, 2, 3, 4):
        raise ValueError(f"hints={hints!r}: expected 1, 2, 3 or 4.")
    try:
        assignment = read_assignment(file)
    except AssignmentError as error:
        raise ValueError(str(error)) from None
    task = _task(assignment, named)
    settings = Settings((task.id,), assignment=file, no_reference=True, seed=seed)
    notes = () if kernel.history is not None else (say(LIVE),)
    level = hints or assignment.hints
    try:
        with _session(kernel, settings) as session:
            submission = _submission(kernel, assignment)
            section = section_of(submission, task.id)
            other = mistaken_for(session, submission, section) if _can_run(task) else None
            if other is not None:
                return Report(task.title, hints=level, refusal=_again(task, other), notes=notes)
            graded = session.grade_sections(submission, {task.id: Claim(section)})
    except GradingError as error:
        return Report(task.title, hints=level, refusal=str(error), notes=notes)
    return Report(task.title, hints=level, result=graded.result, notes=notes)


def _task(assignment: Assignment, named: str | None) -> Task:
    known = {task.id: task for task in assignment.tasks}
    if named is None and len(known) == 1:
        return assignment.tasks[0]
    if named not in known:
        raise ValueError(f"task={named!r}: expected one of {', '.join(known)}.")
    return known[named]


def _session(kernel: Kernel, settings: Settings) -> Session:
    session = Session(settings)
    if kernel.history is None:
        session.resources = LiveResources(settings, session.tasks, kernel.names)
    return session


def _submission(kernel: Kernel, assignment: Assignment) -> Submission:
    if kernel.history is not None:
        cells = from_history(kernel.history.items(), headings(kernel.history))
        return submission_of(cells, modules_beside())
    asked = {role.name for task in assignment.tasks for role in task.roles}
    aliases = {a.lower() for t in assignment.tasks for r in t.roles for a in (*r.aliases, r.name)}
    functions = {
        name: value
        for name, value in kernel.names.items()
        if callable(value) and (name.lower() in aliases or name in asked)
    }
    return submission_of(from_functions(functions), {})


def _again(task: Task, other: Task) -> str:
    return say(
        "The forward pass that was defined last is that of “{other}”, not of "
        "“{task}”. Run the cells of “{task}” again, and then this check. "
        "Nothing has been marked.",
        other=other.title,
        task=task.title,
    )


def _can_run(task: Task) -> bool:
    return task.framework != "torch" or importlib.util.find_spec("torch") is not None
