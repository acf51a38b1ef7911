"""Where tqdm is not installed, loops over progress bars run without showing any."""

from __future__ import annotations

import builtins

import pytest

from gradkit.runtime.library import Library
from gradkit.runtime.namespace import Namespace


@pytest.fixture
def without_tqdm(monkeypatch):
    """Simulate an interpreter in which tqdm is not installed."""
    known = builtins.__import__

    def importer(name, *rest):
        if name.partition(".")[0] == "tqdm":
            raise ModuleNotFoundError("No module named 'tqdm'", name="tqdm")
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importer)


@pytest.mark.parametrize(
    ("imported", "loop"),
    [
        ("from tqdm import tqdm", "tqdm(range(3))"),
        ("from tqdm.auto import tqdm", "tqdm(range(3), desc='epoch')"),
        ("from tqdm.notebook import trange", "trange(3)"),
        ("import tqdm", "tqdm.tqdm(range(3))"),
        ("import tqdm.notebook as bars", "bars.tqdm_notebook(range(3))"),
    ],
)
def test_a_loop_over_a_progress_bar_runs(without_tqdm, imported: str, loop: str) -> None:
    """All common imports and methods of a bar work."""
    source = (
        f"{imported}\ndef run():\n    bar = {loop}\n    seen = []\n    for i in bar:\n"
        "        bar.set_description(f'{i}')\n        seen.append(i)\n    return seen\n"
    )
    assert Namespace([("cell 1", source)])["run"]() == [0, 1, 2]


def test_other_missing_modules_stay_missing(without_tqdm) -> None:
    """No other missing module is replaced."""
    importer = Library({}, lambda name, source, library: {}).importer("")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        importer("no_such_module")
