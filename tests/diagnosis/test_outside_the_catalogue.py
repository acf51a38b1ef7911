"""An update that no mistake of the catalogue explains gets its formula, and no mistake's name.

`test_stored_cases.py` has many more updates of this kind.
"""

from __future__ import annotations

import pytest
from said import codes, finding, open_
from written import homework

TASK = "regression-numpy"

UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * A1
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * d * X @ W2.T
    parameters['b1'] = parameters['b1'] + 0.01 * d * W2
"""
"""A right update."""

NOISE = ("X @ W2.T", "X @ W2.T + 0.01 * np.random.randn(2, 2)")


def graded(diagnosed, *changes: tuple[str, str]):
    """Grade the right update with some changes of its text."""
    source = UPDATE
    for before, after in changes:
        assert source.count(before) == 1
        source = source.replace(before, after)
    return diagnosed(homework(TASK, source), TASK)


@pytest.mark.parametrize(
    ("before", "after", "entry", "formula"),
    [
        (
            *("X @ W2.T", "X @ W2.T - 0.01 * parameters['W1']"),
            *("W1[0,1]", "+0.002 · (y−y_hat) · W2[1] · X[0] −0.01 · W1[0,1]"),
        ),
        ("d * W2\n", "d * W2 * d * d\n", "b1[0]", "+0.08 · (y−y_hat)³ · W2[0]"),
        (
            *("d * W2\n", "d * W2\n    parameters['b1'] = np.ones((2, 1)) * 0.1\n"),
            *("b1[1]", "= +0.1"),
        ),
        ("d * W2\n", "d * W2\n    parameters['W1'] = np.zeros((2, 2))\n", "W1[0,0]", "= 0"),
        (
            *("    d = 2", "    X = X + 1\n    d = 2"),
            *("W1[0,0]", "+0.002 · (y−y_hat) · W2[0] · X[0] +0.002 · (y−y_hat) · W2[0]"),
        ),
    ],
    ids=["weight decay", "error cubed", "constant", "zero", "one added to the input"],
)
def test_verified_formula_is_shown(
    diagnosed, before: str, after: str, entry: str, formula: str
) -> None:
    """An entry that no mistake explains shows the formula by which it changes."""
    (found,) = [f for f in open_(graded(diagnosed, (before, after))) if entry in f.entries]
    assert found.applies[entry] == formula


def test_formula_that_does_not_hold_is_not_shown(diagnosed) -> None:
    """A clipped error has no polynomial formula."""
    (found,) = open_(graded(diagnosed, ("2 * (y - y_hat)", "np.clip(2 * (y - y_hat), -1, 1)")))
    assert not found.applies


def test_unexplained_entries_do_not_hide_the_mistake_of_others(diagnosed) -> None:
    """Noise on W1 stays unexplained; the wrong rate of b1 is named."""
    result = graded(diagnosed, NOISE, ("parameters['b1'] + 0.01 *", "parameters['b1'] + 0.03 *"))
    assert codes(result) == {"uneven-learning-rate", "unexplained"}
    assert finding(result, "uneven-learning-rate").entries == ("b1[0]", "b1[1]")
