"""A mistake that shows in several lines may be made in what all of these are made of."""

from __future__ import annotations

import pytest

from gradkit.diagnosis.inquiry.shared import shared_lines
from gradkit.records.submission import Cell, Place

TEXT = """
def other(d):
    e = d
    return e

def step(parameters, y, y_hat, A1):
    e = y - y_hat
    d = 2 * e
    rate = 0.01
    dh = parameters['W2'] * d
    parameters['W2'] += rate * d * A1
    parameters['b1'] += rate * dh
    parameters['b2'] += 0.01 * (y - y_hat)
"""


@pytest.mark.parametrize(
    ("lines", "shared"),
    [
        ({11, 12}, [7, 8, 9]),
        ({12}, [7, 8, 9, 10]),
        ({10, 11}, [7, 8]),
        # What is handed over is nobody's line, though a line before changes entries of it.
        ({12, 13}, []),
        ({3, 11}, []),
        (set(), []),
    ],
)
def test_the_lines_of_names_that_all_are_made_of(lines: set[int], shared: list[int]) -> None:
    """However far before; of this function, and none of the lines themselves."""
    cell = Cell("answer.py", "answer.py", None, TEXT)
    places = [Place("answer.py", None, line) for line in lines]
    assert [place.line for place in shared_lines([cell], "step", places)] == shared


def test_what_is_no_function_has_no_lines() -> None:
    """As where a helper is what is called."""
    cell = Cell("answer.py", "answer.py", None, "step = print\n")
    assert shared_lines([cell], "step", [Place("answer.py", None, 1)]) == ()
    assert shared_lines([cell], "other", [Place("answer.py", None, 1)]) == ()
