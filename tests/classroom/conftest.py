"""Fixtures: a graded class for tests that only read it, and copies for other tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from classroom.answering import graded


@pytest.fixture(scope="session")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a class that answers for its grades; see `answering`. Not to be changed."""
    return graded(tmp_path_factory.mktemp("answering"))


@pytest.fixture
def course(handed: Path, tmp_path: Path) -> Path:
    """Copy the folder of the graded class, so that a test may change it."""
    shutil.copytree(handed / "out", tmp_path / "out")
    return tmp_path / "out"
