"""Training runs with gradkit's forward pass: asked for at once, and step by step where need be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from model_solutions import REFERENCE

import gradkit.grading.examine
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.submission import Outcome
from gradkit.sandbox import observe
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


def runs_of(session, folder: Path, update: str) -> tuple[list[Outcome], int]:
    """The outcomes of the training runs, and how many were asked for step by step."""
    path = folder / "hw.py"
    path.write_text(FORWARD + update, encoding="utf-8")
    stepped = []
    whole = observe.observe_run_with
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            observe,
            "observe_run_with",
            lambda *asked: stepped.append(1) or whole(*asked),
        )
        graded = session.grade(read(path))
    outcomes = graded.evidence[0].observations.outcomes
    return [o for name, o in outcomes.items() if name.startswith("run/")], len(stepped)


def test_right_updates_are_asked_for_at_once(session, tmp_path: Path, monkeypatch) -> None:
    """The outputs and the final parameters are those of the run step by step."""
    at_once, stepped = runs_of(session, tmp_path, RIGHT)
    assert (len(at_once), stepped) == (3, 0)
    monkeypatch.setattr(gradkit.grading.examine, "_confirmed_run", lambda *_: None)
    one_by_one, stepped = runs_of(session, tmp_path, RIGHT)
    assert stepped == 3
    for quick, slow in zip(at_once, one_by_one, strict=True):
        assert quick.loop == slow.loop == "replaced"
        assert quick.outputs.keys() == slow.outputs.keys()
        for name, values in slow.outputs.items():
            np.testing.assert_allclose(quick.outputs[name], values, rtol=1e-13)


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
def test_what_leaves_the_course_is_asked_step_by_step(session, tmp_path: Path, slip) -> None:
    """The outputs that were handed in are then none of this run's."""
    assert slip[0] in RIGHT
    outcomes, stepped = runs_of(session, tmp_path, RIGHT.replace(*slip))
    assert stepped == 3
    for outcome in outcomes:
        assert outcome.failure is not None or len(outcome.outputs["y_hat"]) > 1


def test_a_crash_is_told_of_each_run(session, tmp_path: Path) -> None:
    """It is not asked again, to crash again."""
    count = """
    global n
    n = globals().get("n", 0) + 1
    if n > 60:
        __import__("os")._exit(3)
"""
    outcomes, stepped = runs_of(session, tmp_path, count + RIGHT)
    assert stepped == 0
    assert [outcome.lost is not None for outcome in outcomes] == [False, True, False]


def test_parameters_that_run_away_warn_nobody(workshop, tmp_path: Path) -> None:
    """Of a model solution's own arithmetic; warnings are errors here, as in all tests."""
    settings = Settings(tasks=("regression-numpy",), reference=REFERENCE, seed=4)
    update = RIGHT.replace("- 0.001", "- 1e80").replace("- 0.01", "- 1e80")
    with Session(settings, workshop) as session:
        runs, stepped = runs_of(session, tmp_path, update)
    assert stepped == 3
    assert all(not np.isfinite(run.outputs["final/W1"]).all() for run in runs)
