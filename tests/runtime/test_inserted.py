"""Statements that may be missing, as twins of what is there."""

from __future__ import annotations

import ast

import numpy as np

from gradkit.runtime.repair.inserted import _label_subtractions, _repeated_for_twin, _running_sums
from gradkit.runtime.repair.scope import scope_of


def twins(statement: str, **held: object) -> list[str]:
    """Return the twins of a statement where these names exist."""
    made = _repeated_for_twin(ast.parse(statement).body[0], scope_of(held))
    return sorted({ast.unparse(each) for each in made})


def test_a_twin_is_of_another_letter() -> None:
    """With what belongs to it."""
    held = dict.fromkeys(["W", "b", "dW", "db"], np.ones(2))
    assert twins("W = W - 0.1 * dW", **held) == ["b = b - 0.1 * db"]


def test_a_twin_of_what_has_no_name_is_that_of_what_it_is_given() -> None:
    """A key that is worked out has the letter, or the number, of a value that is there."""
    held = dict.fromkeys(["dW_new", "db_new", "W1", "W2", "step1", "step2"], np.ones(2))
    told = twins("grads['dW' + str(n + 1)] = dW_new", **held)
    assert told == ["grads['db' + str(n + 1)] = db_new"]
    assert twins("W2[:] = W2 - 0.2 / n * step2", **held) == ["W1[:] = W1 - 0.2 / n * step1"]


def test_a_row_has_a_label_too() -> None:
    """By the name of one that is read elsewhere, of a row that is read next."""
    function = ast.parse("def f(s, y):\n    a = s[y]\n    p = g(s)\n    return h(p)").body[0]
    made = _label_subtractions(function.body[-1], function, ["a", "p"])
    assert [ast.unparse(each) for each in made] == ["p[y] -= 1"]


def test_what_is_added_up_is_of_the_round() -> None:
    """A value of the shape of what is 0 so far, or the product of two that gives it."""
    loop = ast.parse("for n in range(3):\n    d = g(n)\n    x = h(n)").body[0]
    held = {"d": np.ones((2, 1)), "x": np.ones((3, 1)), "db": np.zeros((2, 1)), "r": np.ones(2)}
    held["dW"] = np.zeros((2, 3))
    made = {ast.unparse(each) for each in _running_sums(loop, scope_of(held))}
    assert made == {"dW += d @ x.T", "db += d"}
    assert "s += d @ x.T" in map(ast.unparse, _running_sums(loop, scope_of({**held, "s": 0})))
    assert [*_running_sums(ast.parse("if n: pass").body[0], scope_of(held))] == []


def test_keys_that_differ_in_a_blank_have_no_twins() -> None:
    """What is between words is no name: `x-for-x in g` is no statement."""
    held = {"d": {"W 1": np.ones(2), "W-1": np.ones(2)}}
    assert twins("d['W 1'] = np.array([x for x in g])", **held) == []
