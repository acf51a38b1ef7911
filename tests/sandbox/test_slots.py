"""The folders in which a worker's interpreter finds packages."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gradkit.sandbox.workshop import _libraries


def test_working_directory_is_not_searched_for_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on a notebook's path, and may contain files with the names of libraries."""
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    for name in ("numpy", "not_installed"):
        (here / f"{name}.py").touch()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", str(here), *sys.path])
    assert _libraries(("not_installed",)) == [str(Path(np.__file__).parents[1])]
