"""While something loads, the collector rests and a student's settings are out of sight."""

import gc
import os
from pathlib import Path

import pytest

from gradkit.loading import uncollected, unsettled


@pytest.mark.parametrize("at_work", [True, False])
def test_the_collector_is_left_as_it_was(at_work: bool) -> None:
    """On or off, and whatever happens meanwhile."""
    during = []

    @uncollected()
    def load() -> None:
        during.append(gc.isenabled())
        raise ImportError("nothing of the kind")

    try:
        if not at_work:
            gc.disable()
        with pytest.raises(ImportError, match="nothing of the kind"):
            load()
        assert (during, gc.isenabled()) == ([False], at_work)
    finally:
        gc.enable()


def test_settings_in_the_working_directory_are_out_of_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one name; where there are none, nobody is moved."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings").touch()
    with unsettled("settings"):
        assert not os.path.exists("settings")
    assert Path.cwd() == tmp_path
    with unsettled("other settings"):
        assert Path.cwd() == tmp_path
