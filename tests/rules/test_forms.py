"""Coefficients as somebody would have written them."""

import pytest
from rules.nets import REGRESSION

from gradkit.diagnosis.rules.forms import is_usual_coefficient, round_coefficient


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (0.002 * (1 + 3e-11), 0.002),
        (-0.01 * (1 - 2e-11), -0.01),
        (0.001 / 3 * (1 + 1e-11), 0.001 / 3),
        (0.0314159 * (1 + 1e-12), 0.0314159),
        (0.01 * 2**0.5, 0.01 * 2**0.5),
    ],
)
def test_a_coefficient_is_rounded_to_what_was_meant(found, written):
    """Short decimals are what was written; all else is left as it is, but for its last digits."""
    short = float(f"{written:.6g}") == written
    assert round_coefficient(found) == (written if short else pytest.approx(found, rel=1e-12))


def test_usual_coefficients_are_those_of_a_step():
    """A rate times a small factor, either sign; 0.1 or 4e-6 is not."""
    assert is_usual_coefficient(-0.002, REGRESSION)
    assert is_usual_coefficient(0.01, REGRESSION)
    assert not is_usual_coefficient(0.1, REGRESSION)
    assert not is_usual_coefficient(4e-6, REGRESSION)
