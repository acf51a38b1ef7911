"""Lines where the same numbers are made twice, for one gradient and for another."""

from __future__ import annotations

import pytest
from written import homework

HERE = "  # here"

ONES = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y_hat - y)
    {dW2}
    {dh}
    dW1 = X @ {h}.T
    parameters['W1'] = parameters['W1'] - 0.001 * dW1
    parameters['b1'] = parameters['b1'] - 0.01 * {h}
    parameters['W2'] = parameters['W2'] - 0.001 * {g}
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""


def ones(dW2: str, dh: str, g: str = "dW2", h: str = "dh") -> str:
    """Both layers lack a factor, so that what is left is the same."""
    return ONES.format(dW2=dW2, dh=dh, g=g, h=h)


EQUAL = {
    "no input": (
        ones("dW2 = d  # here", "dh = d * np.ones((2, 1))"),
        "missing-input",
    ),
    "no input, in an array": (
        ones("dW2 = d * np.ones((2, 1))  # here", "dh = d * np.ones((2, 1))"),
        "missing-input",
    ),
    "no weight": (
        ones("dW2 = d * np.ones((2, 1))", "dh = d * np.ones((2, 1))  # here"),
        "missing-weight",
    ),
    "no weight, the other way round": (
        ones("dh = d * np.ones((2, 1))  # here", "grad_W2 = d * np.ones((2, 1))", g="grad_W2"),
        "missing-weight",
    ),
    "no input, by names that tell nothing": (
        ones("g = d  # here", "h = d * np.ones((2, 1))", "g", "h"),
        "missing-input",
    ),
}

SIGMOID = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = y_hat - y
    s = A1 * (1 - A1)
    {first}
    {second}
    parameters['W1'] = parameters['W1'] - 0.001 * X @ dh.T
    parameters['b1'] = parameters['b1'] - 0.01 * db1
    parameters['W2'] = parameters['W2'] - 0.001 * d * A1
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""

OTHERS = {
    "a unit's slope for the other's": (
        SIGMOID.replace("s = A1 * (1 - A1)", "s = A1[::-1] * (1 - A1[::-1])  # here").format(
            first="dh = parameters['W2'] * d * s", second="db1 = dh"
        ),
        "wrong-index",
    ),
    "a slope turned where it is used": (
        SIGMOID.format(first="dh = parameters['W2'] * d * s[::-1]  # here", second="db1 = dh"),
        "wrong-index",
    ),
    "a bias without the slope": (
        SIGMOID.format(
            first="dA1 = parameters['W2'] * d\n    dh = dA1 * s", second="db1 = dA1  # here"
        ),
        "missing-activation-derivative",
    ),
}


def lines_of(diagnosed, task: str, update: str, code: str) -> tuple[list[int], list[int]]:
    """The lines of one mistake, and the marked ones."""
    text = homework(task, update)
    result = diagnosed(text.replace(HERE, ""), task)
    (finding,) = [each for each in result.findings if each.mistake == code]
    marked = [number for number, line in enumerate(text.split("\n"), 1) if line.endswith(HERE)]
    return [place.line for place in finding.places], marked


@pytest.mark.sample(5)
@pytest.mark.parametrize(("update", "code"), EQUAL.values(), ids=EQUAL)
def test_a_value_of_another_layer_is_not_blamed(diagnosed, update: str, code: str) -> None:
    """What a step is made of tells them apart, whatever the names are."""
    lines, marked = lines_of(diagnosed, "regression-numpy", update, code)
    assert lines == marked


@pytest.mark.parametrize(("update", "code"), OTHERS.values(), ids=OTHERS)
def test_the_first_value_that_stands_in_the_wrong_place(diagnosed, update: str, code: str) -> None:
    """Not the one that is made of it; and a right value is not blamed for its use."""
    lines, marked = lines_of(diagnosed, "classification-numpy", update, code)
    assert lines == marked
