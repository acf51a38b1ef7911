"""Lines of what nothing in the catalogue explains: the first value that is wrong."""

from __future__ import annotations

import pytest
from said import open_
from written import homework

HERE = "  # here"

BODY = """
def helped(a):
    return a * (1 - a)

def update_parameters(parameters, y, y_hat, A1, X):
    {error}
    dW2 = A1 * d
    {hidden}
    dW1 = X @ dh.T
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['b1'] = parameters['b1'] - 0.01 * dh
    {W2}
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""
RIGHT = {
    "error": "d = y_hat - y",
    "hidden": "dh = parameters['W2'] * d * helped(A1)",
    "W2": "parameters['W2'] = parameters['W2'] - 0.001 * dW2",
}


def body(**changes: str) -> str:
    """An update of which some statements are others."""
    return BODY.format(**(RIGHT | changes))


CASES = {
    "the error": body(error="d = 2 * abs(y_hat - y) ** 1.5  # here"),
    "the loss's derivative": body(
        error="g = -y / y_hat - (1 - y) / (1 - y_hat)  # here\n    d = g * y_hat * (1 - y_hat)"
    ),
    "the hidden layer's derivative": body(
        hidden="s = np.sin(A1)  # here\n    dh = parameters['W2'] * d * s"
    ),
    "a term that is added": body(
        hidden="dh = parameters['W2'] * d * helped(A1)",
        W2="dW2 = dW2 + 0.02 * np.sin(parameters['W2'])  # here\n    " + RIGHT["W2"],
    ),
    "in a helper": body(hidden="s = helped(A1)\n    dh = parameters['W2'] * d * s").replace(
        "a * (1 - a)", "np.sin(a)  # here"
    ),
    "where it is applied": body(
        W2="parameters['W2'] = parameters['W2'] - 0.001 * np.tanh(dW2)  # here"
    ),
}


def lines_of(diagnosed, update: str) -> tuple[set[int], set[int]]:
    """The lines of what is unexplained, and the marked ones."""
    text = homework("classification-numpy", update)
    result = diagnosed(text.replace(HERE, ""), "classification-numpy")
    (finding,) = open_(result)
    assert [finding] == [*result.findings]
    lines = text.split("\n")
    marked = {number for number, line in enumerate(lines, 1) if line.endswith(HERE)}
    return {place.line for place in finding.places}, marked


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.sample(9)
@pytest.mark.parametrize("update", CASES.values(), ids=CASES)
def test_the_first_value_that_is_wrong(diagnosed, update: str) -> None:
    """All that comes later only makes use of it."""
    lines, marked = lines_of(diagnosed, update)
    assert lines == marked
