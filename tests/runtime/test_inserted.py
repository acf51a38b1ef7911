"""Statements that may be missing, as twins of what is there."""

from __future__ import annotations

import ast

import numpy as np

from gradkit.runtime.repair.inserted import _of_twins
from gradkit.runtime.repair.scope import scope_of


def twins(statement: str, **held: object) -> list[str]:
    """The statements that one has as twins where these names are there."""
    made = _of_twins(ast.parse(statement).body[0], scope_of(held))
    return [ast.unparse(each) for each in made]


def test_a_twin_is_of_another_letter() -> None:
    """With what belongs to it."""
    held = dict.fromkeys(["W", "b", "dW", "db"], np.ones(2))
    assert twins("W = W - 0.1 * dW", **held) == ["b = b - 0.1 * db"]


def test_keys_that_differ_in_a_blank_have_no_twins() -> None:
    """What is between words is no name: `x-for-x in g` is no statement."""
    held = {"d": {"W 1": np.ones(2), "W-1": np.ones(2)}}
    assert twins("d['W 1'] = np.array([x for x in g])", **held) == []
