"""One workshop for all tests of the diagnosis, and a grader that takes a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gradkit.grounds import Settings
from gradkit.records.result import TaskResult
from gradkit.session import Session
from gradkit.worker import Workshop

Diagnosed = Callable[..., TaskResult]


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    """Processes for numpy submissions."""
    with Workshop() as opened:
        yield opened


@pytest.fixture(scope="session")
def torch_workshop() -> Iterator[Workshop]:
    """Processes for torch submissions."""
    pytest.importorskip("torch")
    with Workshop(preload=("torch",)) as opened:
        yield opened


@pytest.fixture(scope="session")
def diagnosed(
    workshop: Workshop, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Diagnosed]:
    """``diagnosed(text_or_path, task, seed=0)``: one task's result, graded in this process."""
    with ExitStack() as stack:
        sessions: dict[tuple[str, int], Session] = {}
        written = tmp_path_factory.mktemp("submissions") / "homework.py"

        def grade(submission: str | Path, task: str, seed: int = 0) -> TaskResult:
            key = (task, seed)
            if key not in sessions:
                settings = Settings(tasks=(task,), seed=seed, no_reference=True)
                made = Session(settings, workshop)
                if task.endswith("torch"):
                    made._workshops["torch"] = request.getfixturevalue("torch_workshop")
                sessions[key] = stack.enter_context(made)
            if isinstance(submission, str):
                written.write_text(submission, encoding="utf-8")
                submission = written
            (result,) = sessions[key].check(submission).tasks
            return result

        yield grade
