"""An update that is right for the student's own wrong forward pass is charged to that alone."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sample(6)

CODE = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def initialise_parameters(dim):
    return {
        "W1": np.full((dim[0], dim[1]), 0.1), "b1": np.zeros((dim[1], 1)),
        "W2": np.full((dim[1], dim[2]), 0.1), "b2": np.zeros((dim[2], 1)),
    }

def L_layer_forward(X, parameters):
    Z1 = parameters["W1"].T @ X + parameters["b1"]
    A1 = HIDDEN
    return sigmoid(parameters["W2"].T @ A1 + parameters["b2"]), RETURNED

def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dZ1 = parameters["W2"] * dZ2 * SLOPE
    dW1 = X @ dZ1.T
    parameters["W2"] = parameters["W2"] - 0.001 * PASSED * dZ2
    parameters["b2"] = parameters["b2"] - 0.01 * dZ2
    parameters["W1"] = parameters["W1"] - 0.001 * dW1
    parameters["b1"] = parameters["b1"] - 0.01 * dZ1
"""
RIGHT = {"HIDDEN": "sigmoid(Z1)", "RETURNED": "A1", "SLOPE": "A1 * (1 - A1)", "PASSED": "A1"}

PAIRS = {
    "relu": ("wrong-activation", {"HIDDEN": "np.maximum(0, Z1)", "SLOPE": "(A1 > 0)"}),
    "tanh": ("wrong-activation", {"HIDDEN": "np.tanh(Z1)", "SLOPE": "(1 - A1 ** 2)"}),
    "none": ("missing-activation", {"HIDDEN": "Z1", "SLOPE": "1"}),
    "sums": (
        "wrong-hidden-returned",
        {
            "RETURNED": "Z1",
            "SLOPE": "sigmoid(A1) * (1 - sigmoid(A1))",
            "PASSED": "sigmoid(A1)",
        },
    ),
}


def text(changes: dict[str, str]) -> str:
    """The code with these expressions."""
    made = CODE
    for name, expression in {**RIGHT, **changes}.items():
        made = made.replace(name, expression)
    return made


def found(diagnosed, changes: dict[str, str]) -> tuple[list[str], dict[str, float]]:
    """Codes, and what each check lost."""
    result = diagnosed(text(changes), "classification-numpy")
    lost = {each.check: each.max_score - each.score for each in result.checks}
    return [finding.mistake for finding in result.findings], lost


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize("pair", PAIRS)
def test_one_idea_costs_the_same_share_of_each_check(diagnosed, pair: str) -> None:
    """The update is gradient descent on the loss of that forward pass: one mistake is found."""
    code, changes = PAIRS[pair]
    codes, lost = found(diagnosed, changes)
    assert codes == [code]
    assert lost["forward"] > 0
    assert lost["update"] == lost["gradient"] == pytest.approx(lost["forward"], abs=0.25)
    assert lost["trajectory"] == pytest.approx(0.8 * lost["forward"], abs=0.25)


@pytest.mark.parametrize("pair", PAIRS)
def test_an_update_that_fits_neither_pays_for_itself(diagnosed, pair: str) -> None:
    """Its sign is wrong for the task, and for the forward pass beside it."""
    codes, lost = found(diagnosed, {**PAIRS[pair][1], "dW1 = X": "dW1 = -X"})
    assert PAIRS[pair][0] in codes
    assert len(codes) > 1
    assert lost["update"] > 0


@pytest.mark.parametrize("pair", ["relu", "tanh", "none"])
def test_the_tasks_own_update_beside_a_wrong_forward_pass(diagnosed, pair: str) -> None:
    """It is right as it stands."""
    code, changes = PAIRS[pair]
    codes, lost = found(diagnosed, {"HIDDEN": changes["HIDDEN"]})
    assert codes == [code]
    assert lost["update"] == 0
