"""A submission as pytest collects it: one test for each check of each task."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gradkit.grading.settings import GradingError
from gradkit.language import say
from gradkit.pytest_plugin.grading import grading_of
from gradkit.records.result import OPEN, CheckResult, TaskResult
from gradkit.report.plain_text import check_text
from gradkit.report.rounding import points
from gradkit.report.words import word
from gradkit.text import clean_text, spell


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
        for key, value in {
            "points": f"{check.score:.6g}",
            "max_points": points(check.max_score),
            "state": check.state,
            "task_points": points(task.score),
            "task_max_points": points(task.max_score),
            "provisional": str(task.provisional).lower(),
        }.items():
            self.user_properties.append((key, value))
        self.user_properties += [("note", clean_text(note)) for note in task.notes]
        if check.state in OPEN:
            pytest.skip(clean_text(check.message) or word(check.state))
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
            note = say("  (provisional)") if told["provisional"] == "true" else ""
            head = f"{name}  {told['task_points']} / {told['task_max_points']}{note}"
            lines[name] = [head, *(f"  {v}" for k, v in report.user_properties if k == "note")]
    return [line for told in lines.values() for line in told]
