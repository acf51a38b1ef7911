"""Polynomials read as the fewest products; what cannot be read is told as that."""

import numpy as np
import pytest
from rules.generate import run
from rules.nets import REGRESSION
from rules.traced import program_of

from gradkit.diagnosis.rules import reading as module
from gradkit.diagnosis.rules.compounds import Compounds
from gradkit.diagnosis.rules.draw import draw_update
from gradkit.diagnosis.rules.polynomials import add, atom, constant, multiply
from gradkit.diagnosis.rules.reading import Reading, UnreadableError
from gradkit.diagnosis.rules.symbols import Table, shape_of
from gradkit.records.rule import Factor

SHAPE = shape_of(REGRESSION)
Y, Y_HAT, A, B = (atom(n) for n in range(4))
ERROR = add(Y, Y_HAT, -1.0)


def dividing(p, y, y_hat, A1, X):
    """Divisions by a product, by none, and a function that no symbol stands for."""
    p["b2"] = p["b2"] + y / (y_hat - y_hat * A1[0, 0]) + 1 / (y + A1[0, 0] ** 2) + np.sin(y)


@pytest.fixture
def reading() -> Reading:
    """Of a program that divides."""
    fit = draw_update(REGRESSION, 1)
    program = program_of(dividing, REGRESSION, fit)
    assert program is not None
    assert [function for function, _ in program.made] == ["over", "over", "sin"]
    table = Table(REGRESSION, fit, run(dividing, fit).after)
    return Reading(SHAPE, Compounds(SHAPE, program, table, rough=False))


OVER, OVER_SUM, SINE = (atom(15 + n) for n in range(3))


def test_a_sum_is_the_fewest_products(reading) -> None:
    """What has a factor in common stands together."""
    whole = add(multiply(multiply(ERROR, A), add(constant(1.0), A, -1.0)), multiply(ERROR, B), 3.0)
    terms = reading._write_as_products(whole, 3)
    assert {term.factors for term in map(sorted_factors, terms)} == {
        sorted_factors_of("error", "hidden", "hidden_complement"),
        sorted_factors_of("error", "hidden", unit=1),
    }
    assert len(reading._write_as_products(whole, 0)) > 2


def sorted_factors(term):
    """A term with its factors in a known order."""
    return type(term)(term.coefficient, tuple(sorted(term.factors, key=str)))


def sorted_factors_of(*symbols, unit=0):
    """Factors of an output and of hidden units."""
    factors = [Factor(s, (0 if s == "error" else unit,)) for s in symbols]
    return tuple(sorted(factors, key=str))


def test_a_divisor_is_read_as_factors(reading) -> None:
    """Of a product, each is below."""
    (term,) = reading._write_as_products(multiply(Y, OVER), 0)
    powers = {factor.symbol: factor.power for factor in term.factors}
    assert powers == {"target": 1, "output": -1, "hidden_complement": -1}


@pytest.mark.parametrize(
    ("polynomial", "said"),
    [
        (multiply(Y, OVER_SUM), "a divisor that is no product"),
        (add(Y, atom(15, -1)), "a divisor above"),
        (multiply(Y, SINE), "an atom that no symbol stands for"),
    ],
)
def test_what_cannot_be_read_is_told(reading, polynomial, said) -> None:
    """The caller takes another way, or gives the entry up."""
    with pytest.raises(UnreadableError, match=said):
        reading._write_as_products(polynomial, 3)


def test_reading_has_an_end(reading, monkeypatch) -> None:
    """Whatever a student's process tells."""
    monkeypatch.setattr(reading, "_work", 10)
    with pytest.raises(UnreadableError, match="too much to be taken apart"):
        reading._write_as_products(multiply(ERROR, add(A, B)), 3)
    assert module.MAX_WORK > 10
