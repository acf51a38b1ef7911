"""Numbers that record their operations can be used like other numbers."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import program_of

from gradkit.diagnosis.rules.draw import draw_update
from gradkit.diagnosis.rules.program import atom_values, evaluate_polynomial
from gradkit.runtime.symbolic.numbers import (
    Number,
    Numbers,
    Sheet,
    TooLongError,
    numbers,
    steps_in,
)
from gradkit.runtime.symbolic.stand_ins import standing_in

FILLED = """
dW1 = np.zeros((2, 2))
for i in range(2):
    for j in range(2):
        dW1[i][j] = e * p["W2"][j, 0] * X[i, 0]
p["W1"] += 0.001 * dW1
"""
WAYS = {
    "arrays": "p['W1'] = p['W1'] + 0.001 * e * np.dot(X, p['W2'].T)",
    "filled": FILLED,
    "einsum": "p['W1'] = p['W1'] + 0.001 * e * np.einsum('ik,jk->ij', X, p['W2'])",
    "outer": "p['W1'] -= -0.001 * float(e) * np.outer(X, p['W2'].ravel())",
    "float32": "p['W1'] = (p['W1'] + 0.001 * e * X @ p['W2'].T).astype(np.float32)",
    "array": "p['W1'] = np.array(p['W1'], dtype=float) + np.asarray(0.001 * e) * X @ p['W2'].T",
    "lists": "p['W1'] = [[w + e * X[i, 0] for w in p['W1'][i]] for i in (0, 1)]",
    "means": "p['b1'] = p['b1'] + 0.01 * np.mean(e) * np.sum(p['W2'] ** 2) * np.square(A1)",
    "exp": "p['b1'] = p['b1'] + e / (1 + np.exp(-A1))",
    "math": "p['b1'][0] += e / (1 + math.exp(-A1[0, 0])) + math.sqrt(X[0, 0] ** 2)",
    "softplus": "p['b1'] = p['b1'] - np.expm1(-A1) * np.log1p(A1 ** 2) * np.tanh(e)",
    "power": "p['b1'] = p['b1'] + (1 + A1 ** 2) ** 0.5 + 2.0 ** A1 + (A1 ** 2) ** A1 + A1 ** -2",
    "divided": "p['b2'] = p['b2'] + 0.01 * (y / y_hat - (1 - y) / (1 - y_hat))",
    "branch": "p['b2'] = p['b2'] + (0.01 * e if abs(e) >= 0 else 3.0) + max(y, 0)"
    "; p['b1'] += np.where(e > -9, e, 0)",
    "checked": "p['b2'] = p['b2'] + (e if np.isfinite(e) and not np.isnan(A1).any() else 0)",
    "copied": "q = {k: np.array(v) for k, v in p.items()}; p['W2'] = q['W2'] + np.full_like(A1, e)",
    "said": "text = f'{e:.3f} {e} {round(e, 2)} {int(e)}'; p['b2'] = p['b2'] + e",
    "item": "p['b2'] = p['b2'] + np.array([[e]]).item() * np.float64(y_hat)",
    "rounded": "p['b2'] = p['b2'] + np.round(e.astype(float), 1) + np.sign(e) * np.floor(3 * y)",
    "sizes": "p['b1'] = p['b1'] + np.abs(A1) * np.ceil(A1) + math.floor(e) + math.trunc(3 * e)",
    "types": "p['b2'] = p['b2'] + (e if isinstance(e, float) and isinstance(e, np.float64) else 0)",
}


def made(way):
    """Return an update with this body, with numpy and math among its names."""
    lines = "\n".join(f"    {line}" for line in way.strip().splitlines())
    names = {"np": np, "math": math}
    text = f"def update(p, y, y_hat, A1, X):\n    e = y - y_hat\n{lines}\n"
    exec(text, names)  # our own text
    return names["update"]


@pytest.mark.sample(9)
@pytest.mark.parametrize("name", WAYS)
def test_recorded_steps_compute_the_same_values(name):
    """The steps give the values of a plain call for other inputs too."""
    function = made(WAYS[name])
    inputs = draw_update(CLASSIFICATION, 3, 12)
    program = program_of(function, CLASSIFICATION, draw_update(CLASSIFICATION, 4, 1))
    assert program is not None
    assert len(program.after) == 9
    columns = atom_values(program, inputs)
    near = 1e-6 if name == "float32" else 1e-12
    for row in range(12):
        p = {key: value[row].copy() for key, value in inputs.before.items()}
        outputs, vectors = (inputs.y, inputs.y_hat), (inputs.A1, inputs.X)
        function(p, *(v[row, 0] for v in outputs), *(v[row][:, None] for v in vectors))
        for (key, place), polynomial in program.after.items():
            found = evaluate_polynomial(polynomial, columns[row : row + 1])[0]
            assert found == pytest.approx(np.array(p[key])[place], rel=near)


BLIND = {
    "whole numbers": "g = np.zeros((1, 1), dtype=int); g[0, 0] = 9 * e; p['b2'] = p['b2'] + g",
}


@pytest.mark.parametrize("name", BLIND)
def test_converted_numbers_are_constants(name):
    """Their steps do not give the values for other inputs, which the grader notices."""
    program = program_of(made(BLIND[name]), CLASSIFICATION, draw_update(CLASSIFICATION, 4, 1))
    if program is not None and program.after:
        assert all(len(monomial) < 2 for monomial in program.after["b2", (0, 0)])


def test_replacements_are_removed_after_the_call():
    """They are neither in numpy nor among the student's names."""
    function = made("p['b2'] = p['b2'] + e; kept['e'] = e; kept['all'] = np.zeros(2) + e")
    names = function.__globals__
    names["kept"] = {}
    before = {name: value for name, value in names.items() if name != "kept"}
    zeros, exp = np.zeros, math.exp
    program_of(function, CLASSIFICATION, draw_update(CLASSIFICATION, 4, 1))
    assert (np.zeros, math.exp) == (zeros, exp)
    assert {name: value for name, value in names.items() if name != "kept"} == before
    assert type(names["kept"]["e"]) is np.float64
    assert names["kept"]["all"].dtype == np.float64


def test_names_imported_during_the_call_are_replaced():
    """After the call they are the original modules."""
    names = {"__builtins__": {"__import__": __import__, "len": len}}
    text = "def f():\n    import numpy\n    global late\n"
    exec(f"{text}    from math import exp as late\n    return numpy, late", names)
    with standing_in(names, names["f"]):
        numpy, late = names["f"]()
        assert numpy.zeros is not np.zeros
        assert numpy.linalg is np.linalg
        assert late is not math.exp
    assert names["late"] is math.exp
    assert names["__builtins__"]["__import__"] is __import__


def test_numpy_itself_is_not_changed():
    """Functions that draw random numbers fill arrays in C, and would write into objects."""
    function = made("p['W1'] = p['W1'] + 0.01 * np.random.randn(2, 2); p['b2'] = p['b2'] + e")
    program = program_of(function, REGRESSION, draw_update(REGRESSION, 4, 1))
    assert program is not None
    assert len(program.after["W1", (0, 0)]) == 2


def test_failed_call_has_no_parameter_steps():
    """The type of the exception does not matter."""
    program = program_of(
        made("raise SystemExit"), CLASSIFICATION, draw_update(CLASSIFICATION, 4, 1)
    )
    assert program is not None
    assert program.after == {}


def test_too_many_steps_end_the_call(monkeypatch):
    """A long loop is stopped early, and nothing is recorded of it."""
    long = made("while True: e = e * 1.0")
    program = program_of(long, CLASSIFICATION, draw_update(CLASSIFICATION, 4, 1))
    assert program is not None
    assert program.after == {}
    one = numbers(Sheet(), np.array([1.0]), 0)[0]
    monkeypatch.setattr(sys.modules[Sheet.__module__], "MAX_STEPS", 1)
    with pytest.raises(TooLongError, match="a call that makes too many numbers"):
        one * 2.0


def test_numbers_compare_by_value_and_have_only_methods_of_floats():
    """The code takes the same branches as with plain numbers."""
    array = numbers(Sheet(), np.array([1.5, -2.0]), 0)
    one, other = array
    assert isinstance(array, Numbers)
    assert one > other
    assert one == 1.5
    assert other == -2.0
    assert bool(one)
    assert hash(one) == hash(1.5)
    assert (one == "1.5") is False
    assert (one.T, one.item(), +one) == (one, one, one)
    assert one.reshape(1, 1).shape == (1, 1)
    assert one.astype(int) == 1
    assert isinstance(one.astype(float), Number)
    assert steps_in(one.sheet, array).tolist() == [0, 1]
    assert steps_in(one.sheet, np.array([2.5, 2.5])).tolist() == [2, 2]
    assert steps_in(one.sheet, "x") is None
    assert steps_in(one.sheet, np.array([one, "x"], dtype=object)) is None
    with pytest.raises(AttributeError, match="real_part"):
        one.real_part  # noqa: B018  (asked for)
