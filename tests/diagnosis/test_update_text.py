"""Lines of an update that its values do not show are found in its text."""

from __future__ import annotations

import ast

import pytest

from gradkit.diagnosis.update_text import UpdateText, takes_over
from gradkit.records.submission import Cell, Place

HEAD = "def update(parameters, y, y_hat, A1, X):\n"


def text_of(*lines: str, before: str = "") -> UpdateText:
    """Return the text of an update with these lines; its first line is the second of the file."""
    source = before + HEAD + "".join(f"    {line}\n" for line in lines)
    cell = Cell("c", "hw.py", None, source)
    (node,) = (each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef))
    return UpdateText(node, cell, (cell,), {"W1": "w1", "W2": "w2"})


def line(place: Place | None) -> int:
    """Return the line of a place; 0 without one."""
    return 0 if place is None else place.line


def test_a_store_has_its_last_line_or_the_one_that_computes_it() -> None:
    """The student's key counts, not the canonical name."""
    text = text_of("g = 2 * y", "parameters['w1'] = g", "parameters['w1'][0] += g", "W1 = g")
    assert line(text.find_storing_line("W1")) == 4
    assert line(text.find_storing_line("W1", [Place("hw.py", None, 3)])) == 3
    assert text.find_storing_line("W2") is None


def test_a_copy_counts_only_if_something_is_stored_in_it() -> None:
    """A copy of a single array, or one that is only read, is no reason for a lost step."""
    stored = "new['w1'] = new['w1'] - y"
    assert line(text_of("new = parameters.copy()", stored).find_copying_line()) == 2
    assert (
        line(text_of("new = {k: v for k, v in parameters.items()}", stored).find_copying_line())
        == 2
    )
    assert line(text_of("new = copy.deepcopy(parameters)", stored).find_copying_line()) == 2
    assert text_of("new = parameters", stored).find_copying_line() is None
    assert text_of("old = parameters.copy()", "w = old['w1']").find_copying_line() is None
    assert text_of("new = parameters['w1'].copy()", "new[0] = y").find_copying_line() is None


def test_a_name_has_its_last_line_before_the_use() -> None:
    """A name that is set later, or with arithmetic, is none; outside, only one line may set it."""
    use = Place("hw.py", None, 4)
    text = text_of("e = y", "g = 2 * y", "e * A1", "e = X")
    assert line(text.find_naming_line({"e", "A1"}, use, lambda value: takes_over(value, None))) == 2
    assert text.find_naming_line({"g"}, use, lambda value: takes_over(value, None)) is None
    rate = text_of("w = rate * y", before="rate = 0.1\n")
    assert line(rate.find_naming_line({"rate"}, use, lambda value: takes_over(value, (0.1,)))) == 1
    twice = text_of("w = rate * y", before="rate = 0.1\nrate = 0.1\n")
    assert twice.find_naming_line({"rate"}, use, lambda value: takes_over(value, (0.1,))) is None


@pytest.mark.parametrize(
    ("value", "sizes", "others", "takes"),
    [
        ("-0.1", (0.1,), False, True),
        ("0.2", (0.1,), False, False),
        ("np.full((2, 1), 0.1)", (0.1,), False, True),
        ("0.1 * y", (0.1,), False, False),
        ("1.0", (0.1,), True, True),
        ("0.1", (0.1,), True, False),
        ("y", None, True, True),
        ("y - 1", None, True, False),
    ],
)
def test_constants_and_names_are_taken_over(value, sizes, others, takes) -> None:
    """Arithmetic makes another value."""
    assert takes_over(ast.parse(value, mode="eval").body, sizes, others=others) is takes


@pytest.mark.parametrize(
    ("statement", "rearranges"),
    [
        ("parameters['w1'] -= 0.1 * dW", False),
        ("parameters['w1'] -= 0.1 * dW.T", True),
        ("parameters['w1'] -= 0.1 * dW[::-1]", True),
        ("parameters['w1'] -= 0.1 * np.flip(dW)", True),
        ("parameters['w1'] -= 0.1 * dW * X[0]", False),
        ("parameters['w1'] -= 0.1 * X.T * dW", False),
        ("dW[1] = 10 * dW[1]", False),
        ("dW[1] = 10 * dW[0]", True),
        ("parameters['w1'] -= 0.1 * X @ dW.T", False),
        ("parameters['w1'] -= 0.1 * np.dot(X, dW.T)", False),
    ],
)
def test_an_array_may_be_turned_where_it_is_used(statement, rearranges) -> None:
    """Then the array itself may be right. An outer product turns an array without harm."""
    made, used = Place("hw.py", None, 2), Place("hw.py", None, 3)
    assert text_of("dW = y * A1", statement).rearranges(made, used) is rearranges


def test_an_entry_is_turned_if_another_one_is_used() -> None:
    """The same entry may be stored and used."""
    made, used = Place("hw.py", None, 2), Place("hw.py", None, 3)
    for entry, rearranges in (("dW[i][j]", False), ("dW[i, j]", False), ("dW[j][i]", True)):
        text = text_of("dW[i, j] = y", f"parameters['w1'][i, j] -= {entry}")
        assert text.rearranges(made, used) is rearranges


def test_an_input_may_be_changed_by_another_name() -> None:
    """A copy of it may be changed; without any, a part of a parameter is."""
    assert line(text_of("slope = A1", "slope *= 1 - A1").find_mutating_line()) == 3
    assert line(text_of("X[0] = 0").find_mutating_line()) == 2
    assert text_of("slope = A1.copy()", "slope *= 1 - A1").find_mutating_line() is None
    assert line(text_of("parameters['w1'][parameters['w1'] < 1] = 0").find_mutating_line()) == 2


@pytest.mark.parametrize(
    ("value", "integers"),
    [
        ("np.zeros_like(X)", True),
        ("np.zeros_like(X, dtype=float)", False),
        ("np.zeros((2, 2), dtype=X.dtype)", True),
        ("np.array([[0, 0]])", True),
        ("np.array([[0.0, 0]])", False),
        ("np.array([[y, 0]])", False),
        ("X.astype(int)", True),
        ("np.zeros((2, 2))", False),
    ],
)
def test_arrays_of_integers(value, integers) -> None:
    """An array of integers is made by its type, by another array or by its numbers."""
    assert line(text_of("a = 1", f"d = {value}").find_integer_line()) == (3 if integers else 0)


def test_a_rebound_name_is_no_parameter() -> None:
    """The name stands for the parameter first, and for another value later."""
    assert text_of("W1 = parameters['w1']", "W1 = W1 - y").rebound_name("W1") == "W1"
    assert text_of("W1 = parameters['w1']", "W1 -= y").rebound_name("W1") == ""
