"""Fixtures for tests of the diagnosis: graders of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from gradkit.grading import explained
from gradkit.grading.examine import examine
from gradkit.grading.recognise import NetFinder
from gradkit.grading.session import REDRAWS, Session
from gradkit.grading.settings import Settings, assignment_and_reference, oracle_of
from gradkit.judge.comparison import Examined
from gradkit.judge.steps import nondeterministic
from gradkit.records.result import Inquiry, TaskResult
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.read import read

Diagnosed = Callable[..., TaskResult]
Spotted = Callable[[str, str, Iterable[int]], list[int]]


@pytest.fixture(autouse=True)
def searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the findings of a search as they are, with the text of the repairs that it proposed.

    Results have no such text: see `tests/grading/test_explained.py`. Points are those of results.
    """

    def whole(proved: Inquiry, told: Inquiry, cells: object) -> Inquiry:
        return proved if told == proved else replace(told, proved=proved)

    monkeypatch.setattr(explained, "explained", whole)
    monkeypatch.setattr(explained, "as_submitted", lambda inquiry, cells: inquiry)


@pytest.fixture(scope="session")
def diagnosed(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diagnosed]:
    """Return ``diagnosed(text_or_path, task, seed=0)``, which grades one task in this process."""
    with ExitStack() as stack:
        sessions: dict[tuple[str, int], Session] = {}
        written = tmp_path_factory.mktemp("submissions") / "homework.py"

        def grade(submission: str | Path, task: str, seed: int = 0) -> TaskResult:
            key = (task, seed)
            if key not in sessions:
                settings = Settings(tasks=(task,), seed=seed, no_reference=True)
                made = Session(settings, workshop)
                if task.endswith("torch"):
                    pytest.importorskip("torch")
                sessions[key] = stack.enter_context(made)
            if isinstance(submission, str):
                written.write_text(submission, encoding="utf-8")
                submission = written
            (result,) = sessions[key].check(submission).tasks
            return result

        yield grade


@pytest.fixture(scope="session")
def spotted(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Spotted:
    """Return ``spotted(text, task, seeds)``, which returns the seeds at which a check fails.

    Unlike in grading, one process runs the text for all seeds. The probes and the checks are the
    same as in grading.
    """
    written = tmp_path_factory.mktemp("submissions") / "spotless.py"
    tasks = {task.id: task for task in assignment_and_reference(Settings())[0].tasks}

    def check(text: str, name: str, seeds: Iterable[int]) -> list[int]:
        written.write_text(text, encoding="utf-8")
        submission, task = read(written), tasks[name]

        def sit(section) -> StudentProcess:
            return StudentProcess(workshop, section, {}, frozenset(), 600.0, seed=0)

        finder = NetFinder(submission, tuple(tasks.values()), (name,), lambda _, s, __: sit(s))
        claimed = finder.claims(keep_named=True)
        oracle = oracle_of(task, None, "correct")
        section = claimed[name].section
        with sit(section) as sitting:
            return [s for s in seeds if not passes(task, sitting, oracle, s)]

    def passes(task, sitting, oracle, seed: int) -> bool:
        examined: Examined
        for redraw in range(1 + REDRAWS):
            examined = examine(task, sitting, oracle, seed + redraw)
            if all(verdict.state != "inconclusive" for verdict in examined.verdicts):
                break
        passed = all(verdict.state == "pass" for verdict in examined.verdicts)
        return passed and not nondeterministic(examined.case)

    return check
