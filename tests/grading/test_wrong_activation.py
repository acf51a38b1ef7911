"""Another activation is one mistake: the backward pass keeps its points."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop

TOML = """
schema = "gradkit/assignment/v1"
id = "layer"
title = "A layer"

[[tasks]]
id = "layer"
title = "A layer with tanh"
kind = "functions"
solution = "layer.py"
sizes = { N = [2, 3, 5], D = [4, 6], K = [3, 7] }
inputs = { X = "normal(N, D)", W = "normal(D, K)", dA = "normal(N, K)" }

[[tasks.checks]]
name = "forward"
points = 2
call = "A, cache = forward(X, W)"
compare = ["A"]

[[tasks.checks]]
name = "backward"
points = 4
call = "dW = backward(dA, cache)"
compare = ["dW"]
gradient = { of = "sum(A * dA)", dW = "W" }
"""

MODEL = """
import numpy as np


def forward(X, W):
    Z = X @ W
    A = np.tanh(Z)
    return A, (X, A)


def backward(dA, cache):
    X, A = cache
    return X.T @ (dA * (1 - A**2))
"""

pytestmark = pytest.mark.sample(3)


def graded(folder: Path, workshop: Workshop, activation: str) -> Result:
    """Grade the model solution with another activation."""
    (folder / "reference").mkdir()
    (folder / "reference" / "layer.py").write_text(MODEL, encoding="utf-8")
    (folder / "assignment.toml").write_text(TOML, encoding="utf-8")
    (folder / "hw.py").write_text(MODEL.replace("np.tanh(Z)", activation), encoding="utf-8")
    settings = Settings(assignment=folder / "assignment.toml", seed=1)
    with Session(settings, workshop) as session:
        return session.check(folder / "hw.py")


@pytest.mark.parametrize(
    "activation",
    ["1 / (1 + np.exp(-Z))", "np.maximum(0, Z)", "np.maximum(Z, 0)", "Z * (Z > 0)"],
)
def test_another_activation_costs_the_forward_pass_alone(
    tmp_path: Path, workshop: Workshop, activation: str
) -> None:
    """It is named, and nobody has to look at the marks."""
    (task,) = graded(tmp_path, workshop, activation).tasks
    assert [check.state for check in task.checks] == ["fail", "pass"]
    (finding,) = task.findings
    assert (finding.mistake, finding.fix) == ("wrong-function", "A = np.tanh(Z)")
    assert not any(check.held for check in task.checks)


def test_the_activation_of_the_task_passes(tmp_path: Path, workshop: Workshop) -> None:
    """Also written in another way."""
    assert graded(tmp_path, workshop, "2 / (1 + np.exp(-2 * Z)) - 1").score == 6
