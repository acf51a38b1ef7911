"""One session of grading for a run of pytest, opened when the first test needs it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from gradkit.faults import keep_from_readers
from gradkit.grading.session import Session, answers, of_some_tasks, recognised, student_functions
from gradkit.grading.settings import GradingError, Settings
from gradkit.pytest_guard import NO_SETTINGS
from gradkit.pytest_plugin.stash import GRADING, SEED
from gradkit.records.result import Result
from gradkit.records.task import FunctionTask, Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.functions import StudentFunctions
from gradkit.task.oracle import Answers


class Grading:
    """What the tests of one process share: a session, and the result of each submission.

    Parameters
    ----------
    config : pytest.Config
        Its ini file says what to grade against.

    Raises
    ------
    GradingError
        The assignment, or a word of the ini file, cannot be used.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._results: dict[str, Result | GradingError] = {}
        self._tasks: dict[str, tuple[Task | FunctionTask, ...]] = {}
        own = config.inipath is not None and str(config.inipath) != NO_SETTINGS
        base = config.inipath.parent if own and config.inipath else config.rootpath
        self._base = config.invocation_params.dir
        words = ("form", "hints", "assignment", "reference")
        form, hints, *files = (str(config.getini(f"gradkit_{word}")) for word in words)
        form = form or "correct"
        assignment, reference = (base / file if file else None for file in files)
        if form not in ("correct", "published"):
            raise GradingError(f"gradkit_form = {form}: expected correct or published.")
        if hints not in ("", "1", "2", "3", "4"):
            raise GradingError(f"gradkit_hints = {hints}: expected a number from 1 to 4.")
        self._settings = Settings(
            tasks=tuple(config.getini("gradkit_task")),
            form="published" if form == "published" else "correct",
            assignment=assignment,
            reference=reference,
            seed=config.stash[SEED],
        )
        if reference is None:
            # The report may be a student's, who has no model solutions either.
            keep_from_readers()
        with ExitStack() as stack:
            self._session = stack.enter_context(
                Session(self._settings, stack.enter_context(Workshop()))
            )
            self._stack = stack.pop_all()
        self.hints = int(hints) if hints else self._session.hints

    def tasks(self, path: str) -> tuple[Task | FunctionTask, ...]:
        """The tasks that a submission will be graded for."""
        if path not in self._tasks:
            self._tasks[path] = recognised(self._session, self.located(path))
        return self._tasks[path]

    def result(self, path: str, chosen: Collection[str]) -> Result:
        """The marks of a submission for the chosen of its tasks, which are graded once.

        Raises
        ------
        GradingError
            It cannot be graded.
        """
        if path not in self._results:
            try:
                located = self.located(path)
                few = len(chosen) < len(self.tasks(path))
                self._results[path] = (
                    of_some_tasks(self._session, located, chosen)
                    if few
                    else self._session.check(located)
                )
            except GradingError as error:
                self._results[path] = error
        found = self._results[path]
        if isinstance(found, GradingError):
            raise found
        return found

    @contextmanager
    def student_functions(self, path: str, task: str | None) -> Iterator[StudentFunctions]:
        """The submission's own functions for a task, to be called by a test."""
        chosen = self._chosen(task, path)
        with student_functions(self._session, self.located(path), chosen.id) as played:
            yield played

    def answers(self, task: str | None, path: str | None) -> Answers:
        """What is right for a task."""
        return answers(self._session, self._chosen(task, path))

    def located(self, path: str) -> Path:
        """A path of the command line, which is meant from where pytest was started."""
        return self._base / path

    def close(self) -> None:
        """End all processes."""
        self._stack.close()

    def _chosen(self, name: str | None, path: str | None) -> Task:
        """The task that a test is about: the one named, else the only one there can be."""
        known = {task.id: task for task in self._session.assignment.tasks}
        names = (name,) if name else self._settings.tasks
        if not names:
            names = tuple(task.id for task in self.tasks(path)) if path else tuple(known)
        if len(names) != 1 or names[0] not in known:
            raise GradingError(
                f"Which task is this test about? Found {', '.join(names)}; expected one of "
                f"{', '.join(known)}. Say so with @pytest.mark.gradkit(TASK)."
            )
        return known[names[0]]


def grading_of(config: pytest.Config) -> Grading:
    """The grading of this process, begun when it is first asked for."""
    if GRADING not in config.stash:
        config.stash[GRADING] = Grading(config)
    return config.stash[GRADING]
