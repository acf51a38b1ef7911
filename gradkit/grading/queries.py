"""What else can be asked about a submission: its tasks, its functions, and what is right.

Nothing is judged here. All of it goes through a session, which knows the assignment and has a
workshop to run code in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradkit.binding import bind
from gradkit.binding.outline import outline
from gradkit.grading.recognise import another_exercise, recognise, refusals, resembles
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import GradingError
from gradkit.records.binding import Binding
from gradkit.records.submission import Section, Submission
from gradkit.records.task import Task
from gradkit.sandbox.functions import StudentFunctions
from gradkit.task.oracle import Answers


def recognised(session: Session, path: Path) -> tuple[Task, ...]:
    """Return the tasks that what is at a path will be graded for; nothing is judged yet.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    named, submission = session.settings.tasks, read_submission(path)
    claimed = recognise(submission, session.tasks, named, session.resources.open_process)
    if not claimed:
        raise GradingError(another_exercise(submission, session.assignment))
    return tuple(task for task in session.tasks if task.id in (named or claimed))


def mistaken_for(session: Session, submission: Submission, section: Section) -> Task | None:
    """Another task, where the section's forward pass is exactly that one's.

    Raises
    ------
    GradingError
        The grader's own side failed.
    """
    with refusals(submission):
        return resembles(section, session.tasks, submission, session.resources.open_process)


@contextmanager
def student_functions(session: Session, path: Path, task: str) -> Iterator[StudentFunctions]:
    """The functions of a submission that student_functions a task's roles, to be called one by one.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    submission = read_submission(path)
    chosen, section, binding, _ = binding_of(session, submission, task)
    with session.resources.open_process(chosen, section, submission) as process:
        yield StudentFunctions(chosen, binding, process)


def answers(session: Session, task: Task) -> Answers:
    """Return what is right for a task, one example at a time."""
    return Answers(task, session.resources.oracle(task))


def binding_of(
    session: Session, submission: Submission, task: str
) -> tuple[Task, Section, Binding, frozenset[str]]:
    """Return the section that speaks for a task, with what plays which role in it.

    The last item are names that the section must not take from others.

    Raises
    ------
    GradingError
        The grader's own side failed, or it cannot be told what speaks for the task.
    """
    with refusals(submission):
        claimed = recognise(submission, session.tasks, (task,), session.resources.open_process)
        chosen = next(each for each in session.tasks if each.id == task)
        section = claimed[task].section
        with session.resources.open_process(chosen, section, submission) as process:
            binding = bind(chosen, outline(section, submission.modules), process)
    return chosen, section, binding, session.resources.forbidden
