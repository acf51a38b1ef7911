"""Run cells in IPython without a terminal, as a notebook does.

The folder is not called `notebook`, as nbgrader installs a package of this name.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from gradkit.report.printable import Report

ROOT = Path(__file__).resolve().parents[2]


class Notebook:
    """A notebook that runs cells one after another."""

    def __init__(self) -> None:
        self.shell = InteractiveShell.instance()

    def run(self, source: str) -> object:
        """Run a cell, and return its value, or raise its exception."""
        done = self.shell.run_cell(source, store_history=True, silent=False)
        done.raise_error()
        return done.result

    def check(self, call: str = 'gradkit.check(task="regression-numpy", seed=1)') -> Report:
        """The report of a check."""
        report = self.run(f"import gradkit\n{call}")
        assert isinstance(report, Report)
        return report


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A kernel that has run nothing yet."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    # IPython warns where the active environment is not the one that runs the tests.
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    yield Notebook()
    InteractiveShell.instance().history_manager.end_session()
    InteractiveShell.clear_instance()


@pytest.fixture(scope="session")
def solved() -> dict[str, str]:
    """The model solutions of the numpy tasks, by problem, without what runs them."""
    return {
        problem: (ROOT / "reference" / f"{problem}_numpy.py")
        .read_text(encoding="utf-8")
        .partition("if __name__")[0]
        for problem in ("regression", "classification")
    }
