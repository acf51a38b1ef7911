"""Arguments of the model solution have a form, and others have to have the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradkit.task.forms import FormError, fitted, form_of

ROWS = np.zeros((3, 2))
LABELS = np.array([0, 1, 2])

FITTING: dict[str, tuple[Any, Any, Any]] = {
    "another array of that shape": (ROWS, ROWS + 1, ROWS + 1),
    "whole numbers for others": (ROWS, np.ones((3, 2), int), np.ones((3, 2), int)),
    "any number": (0.5, -7.25, -7.25),
    "a number of numpy": (0.5, np.float32(2), 2.0),
    "an array without dimensions": (0.5, np.array(3.0), 3.0),
    "a whole number for another one": (0.5, 2, 2.0),
    "the same whole number": (10, 10, 10),
    "the same whole number of numpy": (10, np.int64(10), 10),
    "the same number as a float": (10, 10.0, 10),
    "the same word": ("relu", "relu", "relu"),
    "None": (None, None, None),
    "a list for a tuple": ((1.0, "a"), [2.0, "a"], (2.0, "a")),
    "a tuple for a list": ([1.0], (2.0,), [2.0]),
    "more entries than needed": ({"w": 1.0}, {"x": ROWS, "w": 2.0}, {"w": 2.0}),
}
"""A value of the model solution, a value of student code, and what the model solution gets."""


@pytest.mark.parametrize("case", FITTING)
def test_values_of_the_same_form_fit(case: str) -> None:
    """Numbers and entries of arrays are free."""
    own, value, expected = FITTING[case]
    found = fitted(form_of(own), value)
    assert type(found) in (type(expected), type(value))
    assert (
        np.array_equal(found, expected) if isinstance(expected, np.ndarray) else found == expected
    )


def test_the_model_solution_gets_a_copy() -> None:
    """It may change what it gets; frames hold arrays that cannot be changed."""
    value = np.ones((3, 2))
    value.flags.writeable = False
    found = fitted(form_of(ROWS), value)
    assert found.flags.writeable
    assert found is not value


OTHER = "a value has another form"
KEYS = "a dict has other keys"
LENGTH = "a list or tuple has another length"

REFUSED: dict[str, tuple[Any, Any, str]] = {
    "a larger array": (ROWS, np.zeros((300, 2)), OTHER),
    "an array with more dimensions": (ROWS, np.zeros((3, 2, 1)), OTHER),
    "a number for an array": (ROWS, 1.0, OTHER),
    "a list for an array": (ROWS, [[0.0, 0.0]] * 3, OTHER),
    "fractions for labels": (LABELS, LABELS + 0.5, OTHER),
    "complex numbers": (ROWS, ROWS * 1j, OTHER),
    "objects": (ROWS, np.full((3, 2), None), OTHER),
    "a complex number": (1.0, 1j, OTHER),
    "another whole number": (10, 10**9, OTHER),
    "another whole number of numpy": (10, np.int64(11), OTHER),
    "not a number for a whole number": (10, np.nan, OTHER),
    "another word": ("relu", "sigmoid", OTHER),
    "a word for a number": (1.0, "1.0", OTHER),
    "None for a number": (1.0, None, OTHER),
    "a number for None": (None, 0, OTHER),
    "an object": (1.0, object(), OTHER),
    "a function for a function": (len, len, OTHER),
    "fewer keys": ({"w": 1.0, "b": 2.0}, {"w": 1.0}, KEYS),
    "no dict": ({"w": 1.0}, [1.0], KEYS),
    "more items": ((1.0, 2.0), (1.0, 2.0, 3.0), LENGTH),
    "no list": ([1.0], 1.0, LENGTH),
    "an item of another form": ([ROWS], [LABELS], OTHER),
}


@pytest.mark.parametrize("case", REFUSED)
def test_values_of_another_form_are_refused(case: str) -> None:
    """The model solution is never called with them."""
    own, value, text = REFUSED[case]
    with pytest.raises(FormError) as caught:
        fitted(form_of(own), value)
    assert str(caught.value) == text
