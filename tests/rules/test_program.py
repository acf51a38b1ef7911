"""What a student's process says of an update is read, or refused; nothing of it is believed yet."""

import sys

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION, RELU
from rules.traced import told

from gradkit.diagnosis.inquiry.steps import observe_program
from gradkit.diagnosis.rules.draw import draw_update
from gradkit.diagnosis.rules.polynomials import TooLongError
from gradkit.diagnosis.rules.program import (
    Functions,
    atom_values,
    evaluate_polynomial,
    flatten_inputs,
    input_symbols,
    read_program,
)
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.records.rule import Factor
from gradkit.records.submission import Lost
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.numbers import OPERATIONS

SHAPE = shape_of(REGRESSION)
GIVEN = len(input_symbols(SHAPE, rate=False))


def row(operation, one, other=0):
    """A step of no known place."""
    return [OPERATIONS.index(operation), one, other, 0]


STEPS = [
    row("given", 2),
    row("constant", 0),
    row("mul", 0, 1),
    row("exp", 2, 2),
    row("constant", 1),
    row("power", 3, 4),
    row("constant", 2),
    row("mul", 6, 5),
    row("given", 0),
    row("truediv", 7, 8),
]
ARRAYS = {
    "steps": np.array(STEPS),
    "constants": np.array([-1.0, 2.0, 0.5]),
    "after/b2": np.array([[9]]),
}


def read(**arrays):
    """What is read, with some of it changed."""
    return read_program(Frame("traced", {**ARRAYS, **arrays}, {}), SHAPE, Functions(GIVEN))


def test_a_program_is_what_was_told():
    """A half of the square of exp(−A1[0]), over y."""
    program = read()
    assert program.made == (("exp", {((2, 1),): -1.0}),)
    assert program.after == {("b2", (0, 0)): {((0, -1), (GIVEN, 2)): 0.5}}
    inputs = draw_update(REGRESSION, 1)
    found = evaluate_polynomial(program.after["b2", (0, 0)], atom_values(program, inputs))
    expected = 0.5 * np.exp(-2 * inputs.A1[:, 0]) / inputs.y[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def changed(place, *new):
    """The steps, with one of them changed."""
    steps = ARRAYS["steps"].copy()
    steps[place] = new
    return steps


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"steps": changed(3, 99, 0, 0, 0)}, "out of range"),
        ({"steps": changed(3, -1, 0, 0, 0)}, "steps do not fit"),
        ({"steps": changed(3, *row("exp", 3, 3))}, "steps do not fit"),
        ({"steps": changed(2, *row("mul", 0, 7))}, "steps do not fit"),
        ({"steps": changed(2, *row("mul", -1, 1))}, "steps do not fit"),
        ({"steps": changed(0, *row("given", GIVEN))}, "atoms do not fit"),
        ({"steps": changed(1, *row("constant", 3))}, "out of bounds"),
        ({"steps": ARRAYS["steps"][:, :3]}, "steps do not fit"),
        ({"steps": ARRAYS["steps"] * 1.0}, "steps do not fit"),
        ({"steps": np.zeros((30_001, 4), dtype=np.int64)}, "steps do not fit"),
        ({"constants": np.array([-1, 2, 3])}, "constants do not fit"),
        ({"constants": np.array([-1.0, 2.0, np.nan])}, "constants do not fit"),
        ({"constants": np.array([-1.0, 13.0, 0.5])}, "powers do not fit"),
        ({"after/b2": np.array([9])}, "after/b2 do not fit"),
        ({"after/b2": np.array([[9.0]])}, "after/b2 do not fit"),
        ({"after/b2": np.array([[10]])}, "after/b2 do not fit"),
        ({"after/W1": np.array([[9]])}, "out of bounds"),
    ],
)
def test_what_does_not_fit_is_refused(arrays, said):
    """Steps of later ones, powers beyond all, numbers that are none."""
    with pytest.raises((ValueError, LookupError), match=said):
        read(**arrays)


@pytest.mark.parametrize(
    "reply",
    [
        Lost("timeout", "was stopped"),
        Frame("traced", {}, {}),
        Frame("traced", {**ARRAYS, "after/b2": np.array([[99]])}, {}),
    ],
)
def test_nothing_is_known_where_nothing_can_be_read(reply):
    """The process was lost, or what it sent does not fit together."""
    assert observe_program(lambda arrays: reply, REGRESSION, draw_update(REGRESSION, 1)) == (
        None,
        False,
    )
    assert observe_program(
        lambda arrays: reply, CLASSIFICATION, draw_update(CLASSIFICATION, 1)
    ) == (
        None,
        False,
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MAX_FUNCTION_ATOMS", "functions of too many values"),
        ("MAX_TOTAL_TERMS", "polynomials of too many terms"),
    ],
)
def test_programs_have_an_end(monkeypatch, name, said):
    """Then nothing is known, and no time is lost over it."""
    monkeypatch.setattr(sys.modules[read_program.__module__], name, 0)
    with pytest.raises(TooLongError, match=said):
        read()
    reply = Frame("traced", ARRAYS, {})
    assert observe_program(lambda arrays: reply, REGRESSION, draw_update(REGRESSION, 1)) == (
        None,
        False,
    )


def test_the_same_of_the_same_is_one():
    """A function of equal polynomials is one atom; the twin, of another, is none."""
    steps = [*STEPS, row("exp", 2, 2), row("exp", 0, 0), row("add", 3, 10), row("add", 3, 11)]
    same, other = (
        read(steps=np.array(steps), **{"after/b2": np.array([[last]])}).made for last in (12, 13)
    )
    assert (len(same), len(other)) == (1, 2)


def test_it_is_called_where_everything_is_positive():
    """A kink's slope is on one side then; of a zero nothing could be told."""
    seen = []

    def ask(arrays):
        seen.append(arrays)
        return Lost("timeout", "was stopped")

    inputs = draw_update(RELU, 1)
    assert (inputs.A1[:1] == 0).any() or (inputs.X < 0).any()
    observe_program(ask, RELU, inputs)
    assert all((value > 0).all() for value in seen[0].values())


def test_symbols_stand_in_the_order_of_the_inputs():
    """Each atom's column is that of its symbol."""
    inputs = draw_update(CLASSIFICATION, 2)
    symbols = input_symbols(shape_of(CLASSIFICATION), rate=False)
    columns = flatten_inputs(inputs)
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


@pytest.mark.parametrize("power", [1, 2, 3])
def test_a_step_by_class_has_the_error_in_it(power):
    """For both classes, and to the power that it has."""
    inputs = draw_update(CLASSIFICATION, 3)
    whole, by_class = told(asking(power), CLASSIFICATION, inputs)
    assert by_class
    found = evaluate_polynomial(whole.after["b2", (0, 0)], atom_values(whole, inputs))
    slope = inputs.y_hat * (1 - inputs.y_hat)
    expected = inputs.before["b2"][:, 0] + 0.01 * (inputs.y - inputs.y_hat) ** power / slope
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-12)


def test_a_step_that_does_not_ask_is_the_same_for_both():
    """The twin."""

    def update_parameters(p, y, y_hat, A1, X):
        p["b2"] = p["b2"] + 0.01 * (y - y_hat) / (y_hat * (1 - y_hat))

    assert not told(update_parameters, CLASSIFICATION, draw_update(CLASSIFICATION, 3))[1]
