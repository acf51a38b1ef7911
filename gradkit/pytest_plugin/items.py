"""One session of grading for a run of pytest, and a submission as pytest collects it.

It is opened when the first test needs it; there is one test for each check of each task.
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
from gradkit.formatting import format_text
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
from gradkit.text import clean_text, spell


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
        self._recognised: dict[str, Recognised] = {}
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
        """Return the tasks that a submission will be graded for."""
        if path not in self._recognised:
            self._recognised[path] = recognise(self._session, self.located(path))
        return self._recognised[path].tasks

    def result(self, path: str, chosen: Collection[str]) -> Result:
        """Return the result of a submission for the chosen tasks, which are graded once.

        Raises
        ------
        GradingError
            It cannot be graded.
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
        """The submission's own functions for a task, to be called by a test."""
        chosen = self._chosen(task, path)
        if not is_installed(*chosen.framework.modules):
            pytest.skip(WITHOUT_TORCH)
        # What cannot be recognised is what the test says that it is.
        with suppress(GradingError):
            if chosen.id not in {each.id for each in self.tasks(path)}:
                pytest.fail(format_text(ABSENT, title=chosen.title), pytrace=False)
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
            pytest.fail(
                f"Which task is this test about? Found {', '.join(names)}; expected one of a net: "
                f"{', '.join(known) or 'there is none'}. Say so with @pytest.mark.gradkit(TASK). A "
                "function is imported, and held with gradkit.assert_backward: it then runs here, "
                "and not in the sandbox.",
                pytrace=False,
            )
        return known[names[0]]


def grading_of(config: pytest.Config) -> Grading:
    """The grading of this process, begun when it is first asked for."""
    if GRADING not in config.stash:
        config.stash[GRADING] = Grading(config)
    return config.stash[GRADING]


class CheckFailedError(Exception):
    """A check did not pass; the text is the diagnosis."""


class SubmissionFile(pytest.File):
    """One submission, whatever it is: a file, a folder or an archive."""

    given: str

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each check."""
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
    """The test of one check. All of a submission share one grading."""

    task: str
    check: str

    def runtest(self) -> None:
        """Pass, fail with the diagnosis, or be skipped where nothing could be judged."""
        task, check = self._found()
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

    def _found(self) -> tuple[TaskResult, CheckResult]:
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
        """The diagnosis alone: no frame of gradkit says anything to a student."""
        if isinstance(excinfo.value, CheckFailedError | GradingError):
            return spell(str(excinfo.value), getattr(sys.__stdout__, "encoding", None) or "utf-8")
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where the test comes from: the submission."""
        return self.path, None, self.name


def submissions(session: pytest.Session) -> Iterator[SubmissionFile]:
    """A collector for each path of the command line."""
    for given in dict.fromkeys(session.config.getoption("gradkit_paths")):
        path = Path(os.path.normpath(session.config.invocation_params.dir / given))
        found: SubmissionFile = SubmissionFile.from_parent(session, path=path)
        found.given = given
        yield found


def totals(reports: Iterable[Any]) -> list[str]:
    """A line for each submission and task among the reports of tests that ran, and its notes."""
    lines = {}
    for report in reports:
        told = dict(getattr(report, "user_properties", ()))
        if "task_points" in told and getattr(report, "when", "") == "call":
            name = report.nodeid.rpartition("/")[0].replace("::", "  ")
            note = "  (provisional)" if told["provisional"] == "true" else ""
            head = f"{name}  {told['task_points']} / {told['task_max_points']}{note}"
            lines[name] = [head, *(f"  {v}" for k, v in report.user_properties if k == "note")]
    return [line for told in lines.values() for line in told]
