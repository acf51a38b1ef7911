"""One graded class for all tests that only look at it, and copies for those that change it."""

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
    """A copy of that class's folder, to be changed."""
    shutil.copytree(handed / "out", tmp_path / "out")
    return tmp_path / "out"
