"""The import path without the working directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from gradkit.safe_path import leave_working_directory, safe_path


def test_what_leads_to_the_working_directory_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whichever name; the rest stays in its order."""
    here, other = tmp_path / "here", tmp_path / "other"
    here.mkdir()
    other.mkdir()
    (tmp_path / "link").symlink_to(here)
    monkeypatch.chdir(here)
    rest = [str(other), os.path.dirname(os.__file__)]
    leading = ["", ".", "../here", "sub", str(here), str(tmp_path / "link"), f"{here}/../here/"]
    assert safe_path([*leading, *rest]) == rest
    monkeypatch.setattr(sys, "path", [*leading, *rest])
    leave_working_directory()
    assert sys.path == rest


@pytest.mark.parametrize("folder", [Path(os.__file__).parent, Path(np.__file__).parents[1]])
def test_installed_packages_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody happens to be in their folder."""
    monkeypatch.chdir(folder)
    assert safe_path([str(folder), ""]) == [str(folder)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it cannot be removed")
def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leads nowhere."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    here.rmdir()
    assert safe_path(["", str(tmp_path)]) == [str(tmp_path)]
    monkeypatch.chdir(tmp_path)
