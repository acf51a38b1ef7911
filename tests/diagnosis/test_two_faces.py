"""Code that plays another part when it is inquired into than when it is judged gains nothing."""

from __future__ import annotations

import pytest
from written import homework

LOADS = """
np.loads = getattr(np, 'loads', 0) + 1  # stays, when the code is loaded anew

def graded():
    return np.loads < 2 and hasattr(np, 'asked')
"""
ASKED = ("    parameters = {}\n    for l", "    np.asked = True\n    parameters = {}\n    for l")

RIGHT = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    dh = parameters['W2'] * d
    parameters['W1'] = parameters['W1'] - 0.001 * X @ dh.T
    parameters['b1'] = parameters['b1'] - 0.01 * dh
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * d
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""

FACES = {
    "an update that does nothing, and later has a wrong sign": LOADS
    + RIGHT.replace("    d = -2", "    if graded():\n        return\n    d = 2"),
    "a forward pass that changes X, and later skips a layer": LOADS
    + """
def L_layer_forward(X, parameters):
    if graded():
        A1 = parameters['W1'].T @ X + parameters['b1']
        y_hat = parameters['W2'].T @ A1 + parameters['b2']
        X[0, 0] += 1
        return y_hat, A1
    return parameters['W2'].T @ X + parameters['b2'], X

def update_parameters(parameters, y, y_hat, A1, X):
    if graded():
        return
    parameters['W2'] += 0.002 * (y - y_hat) * X
    parameters['b2'] += 0.02 * (y - y_hat)
""",
}


@pytest.mark.slow
@pytest.mark.rotate(2)
@pytest.mark.parametrize("case", FACES)
def test_nothing_is_forgiven(diagnosed, case: str) -> None:
    """What was judged is not what the later answers explain: it is unexplained, and costs all."""
    text = homework("regression-numpy", FACES[case])
    assert text.count(ASKED[0]) == 1
    result = diagnosed(text.replace(*ASKED), "regression-numpy")
    update = next(check for check in result.checks if check.check == "update")
    assert (update.state, update.score) == ("fail", 0)
    assert {finding.mistake for finding in result.findings} <= {"unexplained", "nondeterministic"}
    assert result.score <= 6


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_a_pass_without_a_layer_excuses_no_update(diagnosed) -> None:
    """It is gradient descent for that pass, in which half of the parameters do nothing."""
    text = homework(
        "regression-numpy",
        """
def L_layer_forward(X, parameters):
    return parameters['W2'].T @ X + parameters['b2'], X

def update_parameters(parameters, y, y_hat, A1, X):
    parameters['W2'] = parameters['W2'] + 0.002 * (y - y_hat) * A1
    parameters['b2'] = parameters['b2'] + 0.02 * (y - y_hat)
""",
    )
    result = diagnosed(text, "regression-numpy")
    scores = {check.check: check.score for check in result.checks}
    assert scores["update"] < 6
    assert "layer-skipped" in {finding.mistake for finding in result.findings}
