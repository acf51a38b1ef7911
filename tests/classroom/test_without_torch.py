"""A class that is graded where torch is not installed, and then where it is."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from classroom.answering import gradkit
from classroom.classes import RIGHT, handed_in, results
from classroom.here import Here
from model_solutions import source

from gradkit.classroom import run
from gradkit.classroom.worker_pool import grader
from gradkit.grading.settings import Settings

OPTIONS = ("--no-reference", "--workers", "1", "--require-tier", "0")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]


def test_torch_tasks_are_told_and_graded_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is halved in silence; who has none of them is graded once."""
    folder = handed_in(tmp_path / "in", ann=source("regression_torch"), ben=RIGHT)
    words = ("grade", folder, "--out", tmp_path / "out", *OPTIONS)
    found = importlib.util.find_spec

    def lacking(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "torch" else found(name, package)

    @contextmanager
    def here(settings: Settings, workers: int) -> Iterator[Here]:
        with grader(settings) as able:
            yield Here(able)

    with monkeypatch.context() as patched:
        patched.setattr(importlib.util, "find_spec", lacking)
        # Another process would find it.
        patched.setattr(run, "LocalPool", here)
        said = gradkit(*words).stderr
        assert "0 graded, 2 unchanged" in gradkit(*words).stderr
    assert (
        "gradkit: torch is not installed here, so the torch tasks of 1 are not checked and "
        "count as 0: ann. Install it with pip install 'gradkit[torch]', and run the same "
        "command again."
    ) in said
    assert {name: made.score for name, made in results(tmp_path / "out").items()} == {
        "ann": 0.0,
        "ben": 20.0,
    }
    ended = gradkit(*words)
    assert "1 graded, 1 unchanged" in ended.stderr
    assert "torch is not installed" not in ended.stderr
    assert results(tmp_path / "out")["ann"].score == 20.0
    assert "0 graded, 2 unchanged" in gradkit(*words).stderr
