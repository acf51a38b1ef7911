"""What a student's process says of an update is read, or refused; nothing of it is believed yet."""

import numpy as np
import pytest
from msgspec.structs import replace
from rules.nets import CLASSIFICATION, REGRESSION, RELU
from rules.traced import program_of

from gradkit.diagnosis.rules import draw
from gradkit.diagnosis.rules.program import (
    by_class,
    columns_of,
    flat,
    is_same,
    read_program,
    symbols_of,
    value_of,
)
from gradkit.diagnosis.rules.sizes import shape_of
from gradkit.diagnosis.symbolic import observe_program
from gradkit.records.observations import Lost
from gradkit.records.rule import Factor
from gradkit.runtime.frames import Frame

SHAPE = shape_of(REGRESSION)
GIVEN = len(symbols_of(SHAPE, rate=False))
DATA = {"functions": ["exp"], "quantities": ["b2"]}
ARRAYS = {
    "coefficients": np.array([-1.0, 0.5]),
    "owners": np.array([0, 1]),
    "factors": np.array([[0, 2, 1], [1, GIVEN, 2], [1, 0, -1]]),
}


def read(data=(), **arrays):
    """What is read, with some of it changed."""
    return read_program(
        Frame("polynomials", {**ARRAYS, **arrays}, {**DATA, **dict(data)}), SHAPE, GIVEN
    )


def test_a_program_is_what_was_told():
    """A half of the square of exp(−A1[0]), over y."""
    program = read()
    assert program.made == (("exp", {((2, 1),): -1.0}),)
    assert program.after == {("b2", (0, 0)): {((0, -1), (GIVEN, 2)): 0.5}}
    inputs = draw(REGRESSION, 1)
    found = value_of(program.after["b2", (0, 0)], columns_of(program, inputs))
    expected = 0.5 * np.exp(-2 * inputs.A1[:, 0]) / inputs.y[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def changed(row, place, number):
    """The factors, with one number changed."""
    factors = ARRAYS["factors"].copy()
    factors[row, place] = number
    return factors


@pytest.mark.parametrize(
    ("data", "arrays", "said"),
    [
        ({"functions": ["cosh"]}, {}, "functions do not fit"),
        ({"quantities": ["b2", "b2"]}, {"owners": np.array([0, 2])}, "quantities do not fit"),
        ({}, {"factors": changed(0, 1, GIVEN)}, "atoms do not fit"),
        ({}, {"factors": changed(1, 1, GIVEN + 1)}, "atoms do not fit"),
        ({}, {"factors": changed(1, 0, 2)}, "factors do not fit"),
        ({}, {"factors": changed(1, 1, -1)}, "factors do not fit"),
        ({}, {"factors": changed(1, 2, 0)}, "powers do not fit"),
        ({}, {"factors": changed(1, 2, 13)}, "powers do not fit"),
        ({}, {"factors": changed(2, 1, GIVEN)}, "powers do not fit"),
        ({}, {"factors": ARRAYS["factors"][:, :2]}, "factors do not fit"),
        ({}, {"owners": np.array([0, 2])}, "owners do not fit"),
        ({}, {"owners": np.array([0])}, "owners do not fit"),
        ({}, {"coefficients": np.array([1.0, np.nan])}, "coefficients do not fit"),
        ({}, {"coefficients": np.array([1.0, 0.0])}, "coefficients do not fit"),
        ({}, {"coefficients": np.array([1, 1])}, "coefficients do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(data, arrays, said):
    """Atoms of atoms behind them, powers beyond all, numbers that are none."""
    with pytest.raises((ValueError, LookupError), match=said):
        read(data, **arrays)


@pytest.mark.parametrize(
    "reply",
    [
        Lost("timeout", "was stopped"),
        Frame("polynomials", {}, DATA),
        Frame("polynomials", {**ARRAYS, "owners": np.array([9, 9])}, DATA),
    ],
)
def test_nothing_is_known_where_nothing_can_be_read(reply):
    """The process was lost, or what it sent does not fit together."""
    assert observe_program(lambda arrays: reply, REGRESSION, draw(REGRESSION, 1)) == (None, False)
    assert observe_program(lambda arrays: reply, CLASSIFICATION, draw(CLASSIFICATION, 1)) == (
        None,
        False,
    )


def test_it_is_called_where_everything_is_positive():
    """A kink's slope is on one side then; of a zero nothing could be told."""
    seen = []

    def ask(arrays):
        seen.append(arrays)
        return Lost("timeout", "was stopped")

    inputs = draw(RELU, 1)
    assert (inputs.A1[:1] == 0).any() or (inputs.X < 0).any()
    observe_program(ask, RELU, inputs)
    assert all((value > 0).all() for value in seen[0].values())


def test_too_many_terms_are_refused():
    """Of one polynomial."""
    many = 2001
    factors = np.stack([np.arange(many), np.zeros(many), np.ones(many)], axis=1).astype(np.int64)
    factors[:, 1] = np.arange(many) % 9
    arrays = {"coefficients": np.ones(many), "owners": np.zeros(many, np.int64), "factors": factors}
    assert len(read({"functions": []}, **arrays).after["b2", (0, 0)]) == 9
    powers = [1 + np.arange(many) // 12**n % 12 for n in range(4)]
    rows = [[np.arange(many), np.full(many, n), powers[n]] for n in range(4)]
    arrays["factors"] = np.concatenate([np.stack(row, axis=1) for row in rows])
    with pytest.raises(ValueError, match="terms do not fit"):
        read({"functions": []}, **arrays)


def test_symbols_stand_in_the_order_of_the_inputs():
    """Each atom's column is that of its symbol."""
    inputs = draw(CLASSIFICATION, 2)
    symbols = symbols_of(shape_of(CLASSIFICATION), rate=False)
    columns = flat(inputs)
    assert columns.shape[1] == len(symbols)
    known = {Factor("hidden", (1,)): inputs.A1[:, 1], Factor("output", (0,)): inputs.y_hat[:, 0]}
    for symbol, values in known.items():
        assert np.array_equal(columns[:, symbols.index(symbol)], values)
    place = symbols.index(Factor("W1", (1, 0), "before"))
    assert np.array_equal(columns[:, place], inputs.before["W1"][:, 1, 0])


def asking(power):
    """An update that asks which class it is, and uses the error to a power."""

    def update_parameters(p, y, y_hat, A1, X):
        e = 1 - y_hat if y == 1 else -y_hat
        p["b2"] = p["b2"] + 0.01 * e**power / (y_hat * (1 - y_hat))

    return update_parameters


def at(function, target):
    """The program of a function at a target."""
    inputs = draw(CLASSIFICATION, 1)
    inputs = replace(inputs, y=np.full_like(inputs.y, target))
    return program_of(function, replace(CLASSIFICATION, loss="squared_error"), inputs)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_a_step_by_class_has_the_error_in_it(power):
    """For both classes, and to the power that it has."""
    one, zero = (at(asking(power), target) for target in (1.0, 0.0))
    assert not is_same(one, zero)
    inputs = draw(CLASSIFICATION, 3)
    whole = by_class(one, zero, inputs)
    found = value_of(whole.after["b2", (0, 0)], columns_of(whole, inputs))
    slope = inputs.y_hat * (1 - inputs.y_hat)
    expected = inputs.before["b2"][:, 0] + 0.01 * (inputs.y - inputs.y_hat) ** power / slope
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-12)


def test_a_step_that_does_not_ask_is_the_same_for_both():
    """The twin."""

    def update_parameters(p, y, y_hat, A1, X):
        p["b2"] = p["b2"] + 0.01 * (y - y_hat) / (y_hat * (1 - y_hat))

    assert is_same(at(update_parameters, 1.0), at(update_parameters, 0.0))
