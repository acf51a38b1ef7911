"""A global that is read in place of an argument: told as it is, and no formula is blamed for it."""

from __future__ import annotations

import pytest
from written import homework

TASK = "regression-numpy"

START = """
parameters = {
    'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
    'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1)),
}
x = np.array([[8.0], [7.0]])
rates = {'W': 0.001, 'b': 0.01}
"""
UPDATE = """
def update_parameters(params, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    dh = params['W2'] * d
    dW2 = A1 * d
    params['W1'] -= rates['W'] * X @ dh.T
    params['b1'] -= rates['b'] * dh
    params['W2'] -= rates['W'] * dW2
    params['b2'] -= rates['b'] * d
"""

READ = {
    "the parameters": ("dh = params['W2'] * d", "dh = parameters['W2'] * d", "params"),
    "the input": ("X @ dh.T", "x @ dh.T", "X"),
    "in another mistake": ("dh = params['W2'] * d", "dh = -parameters['W2'] * d", "params"),
}


@pytest.mark.parametrize("case", READ)
def test_it_is_told_and_nothing_else_is(diagnosed, case: str) -> None:
    """The line, the global and the argument; no missing factor, no other rate."""
    right, wrong, argument = READ[case]
    text = homework(TASK, START + UPDATE.replace(right, wrong))
    (finding,) = diagnosed(text, TASK).findings
    assert finding.mistake == "unexplained"
    name = "x" if argument == "X" else "parameters"
    assert finding.sentence == (
        f"`update_parameters` reads the global `{name}` in place of its argument `{argument}`."
    )
    assert wrong in finding.source
    assert finding.place is not None
    assert text.split("\n")[finding.place.line - 1].strip() == finding.source


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"params": "parameters"},
        {"    d = 2": "    x = X\n    d = 2", "X @ dh.T": "x @ dh.T"},
    ],
    ids=["constants", "an argument of the same name", "a local of the same name"],
)
def test_other_names_from_outside_hide_no_mistake(diagnosed, change: dict[str, str]) -> None:
    """Rates may stand outside, and what an argument or a local hides is not read."""
    text = UPDATE.replace("-2 *", "2 *")
    for old, new in change.items():
        text = text.replace(old, new)
    found = diagnosed(homework(TASK, START + text), TASK).findings
    assert [finding.mistake for finding in found] == ["wrong-sign"]


def test_a_right_update_is_right(diagnosed) -> None:
    """Whatever stands beside it."""
    result = diagnosed(homework(TASK, START + UPDATE), TASK)
    assert (result.score, result.findings) == (20, ())
