"""What a worker's interpreter is given to find packages in."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gradkit.sandbox.slots import _libraries


def test_no_library_is_looked_for_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is on the path of a notebook, and may hold what has a library's name."""
    here = tmp_path / "a" / "b"
    here.mkdir(parents=True)
    for name in ("numpy", "not_installed"):
        (here / f"{name}.py").touch()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", ["", str(here), *sys.path])
    assert _libraries(("not_installed",)) == [str(Path(np.__file__).parents[1])]
