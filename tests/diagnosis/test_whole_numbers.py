"""Steps that are right on floats, and cut off where the data are whole numbers, are told as that."""

from __future__ import annotations

import pytest

CODE = """
import numpy as np

def initialise_parameters(dim):
    return {
        "W1": np.full((dim[0], dim[1]), 0.1), "b1": np.zeros((dim[1], 1)),
        "W2": np.full((dim[1], dim[2]), 0.1), "b2": np.zeros((dim[2], 1)),
    }

def linear_forward(A, W, b):
    return W.T @ A + b

calls = 0

def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters["W1"], parameters["b1"])
    return linear_forward(A1, parameters["W2"], parameters["b2"]), A1

def update_parameters(parameters, y, y_hat, A1, X):
    global calls
    calls += 1
    error = y - y_hat
    dW1 = np.zeros((2, 2))
    dA1 = np.zeros((2, 1))
    for j in range(2):
        dA1[j, 0] = -2 * error * parameters["W2"][j, 0]
    for i in range(2):
        for j in range(2):
            dW1[i, j] = X[i, 0] * dA1[j, 0]
    parameters["W2"] -= 0.001 * -2 * error * A1
    parameters["b2"] -= 0.01 * -2 * error
    parameters["W1"] -= 0.001 * dW1
    parameters["b1"] -= 0.01 * dA1
"""
MADE_LIKE_X = {
    "of the inputs": ("dA1 = np.zeros((2, 1))", "dA1 = np.zeros_like(X)", "W1 and b1"),
    "by its type": ("np.zeros((2, 2))", "np.zeros((2, 2), dtype=X.dtype)", "W1"),
}


@pytest.mark.parametrize(("old", "new", "entries"), MADE_LIKE_X.values(), ids=MADE_LIKE_X)
def test_an_array_made_like_whole_numbers(diagnosed, old, new, entries) -> None:
    """Drawn inputs have decimals, so that only the runs on the task's own data show it."""
    text = CODE.replace(old, new)
    result = diagnosed(text, "regression-numpy")
    states = {check.check: check.state for check in result.checks}
    assert (states["update"], states["trajectory"]) == ("pass", "fail")
    (finding,) = result.findings
    assert (finding.mistake, finding.check) == ("integer-truncation", "trajectory")
    assert finding.sentence == (
        f"The step of {entries} loses the digits after the decimal point. The data of the training run "
        "are whole numbers, as in the assignment. So an array that is created from X can only "
        "hold whole numbers."
    )
    assert finding.source == text.splitlines()[finding.place.line - 1].strip()
    assert new in finding.source


def test_floats_are_right(diagnosed) -> None:
    """Without the integers there is nothing to tell."""
    assert diagnosed(CODE, "regression-numpy").score == 20


@pytest.mark.parametrize(
    "also",
    [
        "if np.linalg.norm(parameters['W1']) < 0.3: parameters['W1'] *= 1.01",
        "if X[0, 0] == int(X[0, 0]): parameters['b2'] += 0.01",
    ],
    ids=["with another mistake", "something else about whole numbers"],
)
@pytest.mark.parametrize("cut", [True, False])
def test_what_floats_do_not_mend_is_no_truncation(diagnosed, cut: bool, also: str) -> None:
    """A run on floats must come right: of a reason that explains half nothing is said."""
    text = CODE.replace("np.zeros((2, 1))\n    for", "np.zeros_like(X)\n    for") if cut else CODE
    result = diagnosed(
        text.replace("    error = ", f"    {also}\n    error = "), "regression-numpy"
    )
    states = {check.check: check.state for check in result.checks}
    assert states["trajectory"] == "fail"
    assert "integer-truncation" not in {finding.mistake for finding in result.findings}


@pytest.mark.parametrize(
    ("body", "message", "found"),
    [
        ("    A1 = parameters['W1'].T @ X", "nothing is returned", ["missing-return"]),
        ("    return np.zeros((1, 1), int), np.zeros((2, 1), int)", "as whole numbers (int64)", []),
    ],
    ids=["returns nothing", "returns whole numbers"],
)
def test_what_the_verdict_says_is_not_called_unexplained(
    diagnosed, body: str, message: str, found: list[str]
) -> None:
    """A missing `return` has a name, and the verdict itself names whole numbers."""
    head, _, rest = CODE.partition("def L_layer_forward(X, parameters):\n")
    text = f"{head}def L_layer_forward(X, parameters):\n{body}\n{rest[rest.index('def update') :]}"
    result = diagnosed(text, "regression-numpy")
    (forward,) = (check for check in result.checks if check.check == "forward")
    assert message in forward.message
    assert forward.state == "fail"
    assert [finding.mistake for finding in result.findings] == found
