"""Student code that patches numpy decides nothing about what a check compares."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import ROOT

from gradkit.grading import session as session_module
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult, Inquiry
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")

FOLDER = ROOT / "reference" / "one-hidden-layer"
ZEROS = """
import numpy as np

def initialize_parameters(n_x, n_h, n_y):
    made = {"W1": np.zeros((n_h, n_x)), "W2": np.zeros((n_y, n_h))}
    return {**made, "b1": np.zeros((n_h, 1)), "b2": np.zeros((n_y, 1))}
"""
PATCHED = """
np.ptp = np.less = np.greater = lambda *_, **__: np.True_
"""
SUBCLASS = """
class Sly(np.ndarray):
    def all(self, *_, **__): return np.True_
    def max(self, *_, **__): return 0.1
    def __array_function__(self, *_, **__): return self
    def __array_ufunc__(self, *_, **__): return np.True_

plain = initialize_parameters
def initialize_parameters(n_x, n_h, n_y):
    return {name: array.view(Sly) for name, array in plain(n_x, n_h, n_y).items()}
"""


@pytest.fixture(autouse=True)
def without_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only verdicts are looked at here: a search for mistakes would take a minute."""
    monkeypatch.setattr(
        session_module, "_diagnose_functions", lambda _, given, __: (Inquiry(), given)
    )


def initialized(workshop: Workshop, path: Path, text: str) -> CheckResult:
    """Check the initialization alone."""
    path.write_text(text, encoding="utf-8")
    settings = Settings(tasks=("one-hidden-layer",), seed=1, reference=FOLDER)
    with Session(settings, workshop) as session:
        (task,) = session.check(path).tasks
    return next(check for check in task.checks if check.check == "initialize")


@pytest.mark.parametrize("attack", [PATCHED, SUBCLASS])
def test_zero_weights_do_not_pass(workshop: Workshop, tmp_path: Path, attack: str) -> None:
    """The arrays arrive as they are, and what is asked of them is computed elsewhere."""
    honest = initialized(workshop, tmp_path / "hw.py", ZEROS)
    attacked = initialized(workshop, tmp_path / "hw.py", ZEROS + attack)
    assert (honest.state, attacked.state) == ("fail", "fail")
    assert attacked.score == honest.score < 2


def test_right_weights_pass_all_the_same(workshop: Workshop, tmp_path: Path) -> None:
    """Whatever has been patched after they were drawn."""
    right = ZEROS.replace("np.zeros((n_h, n_x))", "0.01 * np.random.randn(n_h, n_x)")
    right = right.replace("np.zeros((n_y, n_h))", "0.01 * np.random.randn(n_y, n_h)")
    assert initialized(workshop, tmp_path / "hw.py", right + PATCHED).score == 2
