"""Collect submissions as tests of pytest, one for each check, and grade them.

All tests of a process share one grading session, which is opened when a test first needs it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gradkit.errors import keep_from_readers
from gradkit.grading.assess import ABSENT
from gradkit.grading.session import (
    WITHOUT_TORCH,
    Recognised,
    Session,
    answers,
    grade_recognised,
    recognise,
    student_functions,
)
from gradkit.grading.settings import GradingError, Settings
from gradkit.isolated_pytest import NO_SETTINGS
from gradkit.loading import is_installed
from gradkit.pytest_plugin.stash import GRADING, SEED
from gradkit.records.result import OPEN, CheckResult, Result, TaskResult
from gradkit.records.task import FunctionTask, Task
from gradkit.report.plain_text import check_text
from gradkit.report.words import points
from gradkit.sandbox import Workshop
from gradkit.sandbox.functions import StudentFunctions
from gradkit.task.oracle import Answers
from gradkit.text import clean_text, format_text, spell


class Grading:
    """The grading session and the results that the tests of one process share.

    Parameters
    ----------
    config : pytest.Config
        Configuration with gradkit's ini options.

    Raises
    ------
    GradingError
        The assignment or an ini option cannot be used.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Open a session that grades the submissions of this process, with the options of pytest.

        ``config`` has the settings of the ini file, such as ``gradkit_task``, and the seed.

        Raises
        ------
        GradingError
            An option of the ini file has a wrong value, or the assignment cannot be used.
        """
        self._results: dict[str, Result | GradingError] = {}
        self._recognised: dict[str, Recognised] = {}
        has_ini = config.inipath is not None and str(config.inipath) != NO_SETTINGS
        base = config.inipath.parent if has_ini and config.inipath else config.rootpath
        self._base = config.invocation_params.dir
        options = ("form", "hints", "assignment", "reference")
        form, hints, *files = (str(config.getini(f"gradkit_{option}")) for option in options)
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
            # Without model solutions, a student may be running this and read the output.
            keep_from_readers()
        with ExitStack() as stack:
            self._session = stack.enter_context(
                Session(self._settings, stack.enter_context(Workshop()))
            )
            self._stack = stack.pop_all()
        self.hints = int(hints) if hints else self._session.hints

    def tasks(self, path: str) -> tuple[Task | FunctionTask, ...]:
        """Return the tasks for which the submission at ``path`` will be graded."""
        if path not in self._recognised:
            self._recognised[path] = recognise(self._session, self.located(path))
        return self._recognised[path].tasks

    def result(self, path: str, chosen: Collection[str]) -> Result:
        """Return the result of a submission, which is graded only once.

        ``path`` is the submission as the command line names it. ``chosen`` are ids of tasks to
        grade. Later calls with the same path return the first result, whatever they choose, or
        raise its error again.

        Raises
        ------
        GradingError
            The submission cannot be graded.
        """
        if path not in self._results:
            try:
                self.tasks(path)
                found = self._recognised[path]
                self._results[path] = grade_recognised(
                    self._session, self.located(path), found, chosen
                )
            except GradingError as error:
                self._results[path] = error
        result = self._results[path]
        if isinstance(result, GradingError):
            raise result
        return result

    @contextmanager
    def student_functions(self, path: str, task: str | None) -> Iterator[StudentFunctions]:
        """Start the student's functions for a task in the sandbox, to be called by a test.

        ``path`` is the submission as the command line names it. ``task`` is the id of the task;
        without it, it is chosen as by `_choose_task`. The test is skipped if torch is needed but
        not installed, and fails if the submission does not solve the task.
        """
        chosen = self._choose_task(task, path)
        if not is_installed(*chosen.framework.modules):
            pytest.skip(WITHOUT_TORCH)
        # If no task can be recognised, the submission is taken for the named task.
        with suppress(GradingError):
            if chosen.id not in {recognised.id for recognised in self.tasks(path)}:
                pytest.fail(format_text(ABSENT, title=chosen.title), pytrace=False)
        with student_functions(self._session, self.located(path), chosen.id) as functions:
            yield functions

    def answers(self, task: str | None, path: str | None) -> Answers:
        """Return functions that compute the expected values of a task."""
        return answers(self._session, self._choose_task(task, path))

    def located(self, path: str) -> Path:
        """Resolve a path of the command line from the folder where pytest was started."""
        return self._base / path

    def close(self) -> None:
        """End all processes."""
        self._stack.close()

    def _choose_task(self, name: str | None, path: str | None) -> Task:
        """Return a test's task by its name, by the ini file, or as the only task.

        Without a name, the tasks are those that the submission at ``path`` solves, or all tasks
        without a path. The test fails if there is not exactly one, or it is not a task of a net.
        """
        known = {task.id: task for task in self._session.assignment.tasks}
        names = (name,) if name else self._settings.tasks
        if not names:
            names = tuple(task.id for task in self.tasks(path)) if path else tuple(known)
        if len(names) != 1 or names[0] not in known:
            pytest.fail(
                f"This test does not name its task. Found {', '.join(names)}; expected one of a "
                f"net: {', '.join(known) or 'there is none'}. Name it with "
                "@pytest.mark.gradkit(TASK). To test a function, import it and use "
                "gradkit.assert_backward: it then runs here, and not in the sandbox.",
                pytrace=False,
            )
        return known[names[0]]


def grading_of(config: pytest.Config) -> Grading:
    """Return the grading of this process, and open it if it is not open yet."""
    if GRADING not in config.stash:
        config.stash[GRADING] = Grading(config)
    return config.stash[GRADING]


class CheckFailedError(Exception):
    """A check did not pass; the text is the diagnosis."""


class SubmissionFile(pytest.File):
    """Collector of a submission, which is a file, a folder or an archive.

    ``given`` is its path as the command line has it.
    """

    given: str

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each check of the tasks that the submission solves.

        The name of a test is ``task/check``. Raises CollectError: the submission cannot be read.
        """
        try:
            tasks = grading_of(self.config).tasks(self.given)
        except GradingError as error:
            raise self.CollectError(f"gradkit: {error}") from None
        for task in tasks:
            for check in task.checks:
                item: CheckItem = CheckItem.from_parent(self, name=f"{task.id}/{check.name}")
                item.task, item.check = task.id, check.name
                yield item


class CheckItem(pytest.Item):
    """The test of a check. All tests of a submission share one result."""

    task: str
    check: str

    def runtest(self) -> None:
        """Pass if the check passes, fail with the diagnosis, or skip if the check was not judged.

        The points, the state and the notes are stored in the user properties of the test's report.
        Raises CheckFailedError: the check failed.
        """
        task, check = self._results()
        self.user_properties += {
            "points": f"{check.score:.6g}",
            "max_points": points(check.max_score),
            "state": check.state,
            "task_points": points(task.score),
            "task_max_points": points(task.max_score),
            "provisional": str(task.provisional).lower(),
        }.items()
        self.user_properties += [("note", clean_text(note)) for note in task.notes]
        if check.state in OPEN:
            pytest.skip(clean_text(check.message) or check.state)
        if check.state != "pass":
            raise CheckFailedError(
                check_text(task, check, grading_of(self.config).hints, headed=True)
            )

    def _results(self) -> tuple[TaskResult, CheckResult]:
        """Return the result of the test's task and that of its check.

        The submission is graded once, for all its tasks of which a test was selected.
        """
        parent = self.parent
        assert isinstance(parent, SubmissionFile)  # noqa: S101  (for the type checker)
        chosen = {
            item.task
            for item in self.session.items
            if isinstance(item, CheckItem) and item.parent is parent
        }
        result = grading_of(self.config).result(parent.given, chosen)
        task = next(task for task in result.tasks if task.task == self.task)
        return task, next(check for check in task.checks if check.check == self.check)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the diagnosis without a traceback, since gradkit's frames do not help students."""
        if isinstance(excinfo.value, CheckFailedError | GradingError):
            return spell(str(excinfo.value), getattr(sys.__stdout__, "encoding", None) or "utf-8")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Return the submission as the test's place."""
        return self.path, None, self.name


def submissions(session: pytest.Session) -> Iterator[SubmissionFile]:
    """Yield a collector of tests for each submission on the command line of a pytest ``session``.

    A submission that is named twice has one collector.
    """
    for given in dict.fromkeys(session.config.getoption("gradkit_paths")):
        path = Path(os.path.normpath(session.config.invocation_params.dir / given))
        found: SubmissionFile = SubmissionFile.from_parent(session, path=path)
        found.given = given
        yield found


def totals(reports: Iterable[Any]) -> list[str]:
    """Return lines with the points and notes of each task of each submission.

    ``reports`` are the reports of all tests; those that did not run a check of gradkit are ignored.
    """
    lines = {}
    for report in reports:
        facts = dict(getattr(report, "user_properties", ()))
        if "task_points" in facts and getattr(report, "when", "") == "call":
            name = report.nodeid.rpartition("/")[0].replace("::", "  ")
            note = "  (provisional)" if facts["provisional"] == "true" else ""
            head = f"{name}  {facts['task_points']} / {facts['task_max_points']}{note}"
            lines[name] = [head, *(f"  {v}" for k, v in report.user_properties if k == "note")]
    return [line for of_task in lines.values() for line in of_task]
