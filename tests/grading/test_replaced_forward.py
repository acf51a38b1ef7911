"""Training runs with gradkit's forward pass, which are asked for step by step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_solutions import REFERENCE

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.observations import Outcome
from gradkit.submission.read import read

FORWARD = """
import numpy as np

def initialise_parameters(dim):
    return {
        f"{kind}{layer}": np.full((dim[layer - 1], dim[layer]), 0.1) if kind == "W"
        else np.zeros((dim[layer], 1))
        for layer in (1, 2) for kind in "Wb"
    }

def L_layer_forward(X, parameters):
    A1 = parameters["W1"].T @ X + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"]  # and no A1

def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    dA1 = parameters["W2"] * d
"""
RIGHT = """
    parameters["W2"] = parameters["W2"] - 0.001 * A1 * d
    parameters["b2"] = parameters["b2"] - 0.01 * d
    parameters["W1"] = parameters["W1"] - 0.001 * X @ dA1.T
    parameters["b1"] = parameters["b1"] - 0.01 * dA1
"""


@pytest.fixture
def session(workshop):
    """A session that derives its answers."""
    with Session(
        Settings(tasks=("regression-numpy",), no_reference=True, seed=4), workshop
    ) as made:
        yield made


def runs_of(session, folder: Path, update: str) -> list[Outcome]:
    """The outcomes of the training runs."""
    path = folder / "hw.py"
    path.write_text(FORWARD + update, encoding="utf-8")
    outcomes = session.grade(read(path)).evidence[0].observations.outcomes
    return [o for name, o in outcomes.items() if name.startswith("run/")]


def test_right_updates_lead_where_they_should(session, tmp_path: Path) -> None:
    """The outputs and the final parameters are those of the right run."""
    path = tmp_path / "hw.py"
    path.write_text(FORWARD + RIGHT, encoding="utf-8")
    (task,) = session.grade(read(path)).result.tasks
    states = {check.check: check.state for check in task.checks}
    assert states["trajectory"] == "pass"
    for outcome in runs_of(session, tmp_path, RIGHT):
        assert outcome.loop == "replaced"
        assert {"y_hat", "final/W1", "final/b2"} <= outcome.outputs.keys()


@pytest.mark.parametrize(
    "slip",
    [
        ("0.001 * A1 * d", "0.0010000001 * A1 * d"),
        ("- 0.01 * dA1", "- 0.01 * dA1 - 1e-9"),
        ("0.001 * X @ dA1.T", "0.001 * X @ dA1.T.astype(np.float32)"),
        ('parameters["b1"] = ', 'parameters["c1"] = '),
        ('    parameters["b2"]', '    if d < 0: raise ValueError("much")\n    parameters["b2"]'),
    ],
)
def test_what_leaves_the_course_is_asked_on(session, tmp_path: Path, slip) -> None:
    """With the outputs of its own parameters, until it stops."""
    assert slip[0] in RIGHT
    for outcome in runs_of(session, tmp_path, RIGHT.replace(*slip)):
        assert outcome.failure is not None or len(outcome.outputs["y_hat"]) > 1


def test_a_crash_is_told_of_each_run(session, tmp_path: Path) -> None:
    """It is not asked again, to crash again."""
    count = """
    global n
    n = globals().get("n", 0) + 1
    if n > 60:
        __import__("os")._exit(3)
"""
    outcomes = runs_of(session, tmp_path, count + RIGHT)
    assert [outcome.lost is not None for outcome in outcomes] == [False, True, False]


def test_parameters_that_run_away_warn_nobody(workshop, tmp_path: Path) -> None:
    """Of a model solution's own arithmetic; warnings are errors here, as in all tests."""
    settings = Settings(tasks=("regression-numpy",), reference=REFERENCE, seed=4)
    update = RIGHT.replace("- 0.001", "- 1e80").replace("- 0.01", "- 1e80")
    with Session(settings, workshop) as session:
        runs = runs_of(session, tmp_path, update)
    assert all(not np.isfinite(run.outputs["final/W1"]).all() for run in runs)
