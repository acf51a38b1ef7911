"""Fixtures for tests of grading: a grader with cached sessions, and a short deadline."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Inquiry, Result
from gradkit.sandbox import Workshop
from gradkit.task.assignment import DEFAULT

Grade = Callable[..., Result]


@pytest.fixture(scope="session")
def grade(workshop: Workshop) -> Iterator[Grade]:
    """Return ``grade(path, *tasks, seed=0, diagnose=False, form=…, reference=…, assignment=…)``.

    All tests share the sessions, because a new session would start torch, and run the model
    solution, again. The diagnosis has its own tests, and runs here only with ``diagnose=True``.
    """
    with ExitStack() as stack:
        sessions: dict[tuple[Any, ...], Session] = {}

        def check(
            path: Path, *tasks: str, seed: int = 0, diagnose: bool = False, **settings: Any
        ) -> Result:
            key = tuple(settings.items())
            if key not in sessions:
                made = Session(
                    Settings(no_reference="reference" not in settings, **settings), workshop
                )
                sessions[key] = stack.enter_context(made)
            session = sessions[key]
            session.settings = replace(session.settings, tasks=tasks, seed=seed)
            with pytest.MonkeyPatch.context() as patch:
                if not diagnose:
                    patch.setattr("gradkit.diagnosis.inquiry.inquire", lambda *_: Inquiry())
                return session.check(path)

        yield check


@pytest.fixture
def hurried(tmp_path: Path) -> Path:
    """Write gradkit's own assignment with a deadline of two seconds for each task."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, tmp_path)
    text = DEFAULT.read_text(encoding="utf-8").replace("deadline = 10.0", "deadline = 2.0")
    path = tmp_path / "hurried.toml"
    path.write_text(text, encoding="utf-8")
    return path
