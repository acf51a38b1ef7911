"""Conventions that are tried, and those that returned values state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from binding.inspected import inspected

from gradkit.binding.match import (
    LAYOUTS,
    STYLES,
    all_conventions,
    conventions_of_start,
    find_returns,
    misfit,
    not_found,
    variants,
)
from gradkit.records.submission import Cell, Section
from gradkit.task.assignment import read_assignment

TASK = read_assignment().tasks[0]
ROLES = {role.name: role for role in TASK.roles}


def told(**shapes: tuple[int, ...]):
    """The conventions that parameters of these shapes state."""
    leaves = {key: np.zeros(shape) for key, shape in shapes.items()}
    tree = {"dict": [[key, {"array": key}] for key in shapes]}
    return conventions_of_start(TASK, tree, leaves)


@pytest.mark.parametrize(
    ("shapes", "weights", "biases"),
    [
        ({"W1": (2, 2), "b1": (2, 1), "W2": (2, 1), "b2": (1, 1)}, "in_out", "column"),
        ({"W1": (2, 2), "b1": (2, 1), "W2": (1, 2), "b2": (1, 1)}, "out_in", "column"),
        ({"W1": (2, 2), "b1": (1, 2), "W2": (2, 1), "b2": (1, 1)}, "in_out", "row"),
        ({"W1": (2, 2), "b1": (2,), "W2": (2, 1), "b2": (1,)}, "in_out", "flat"),
        ({"w1": (2, 2), "B1": (2, 1), "w2": (2, 1), "B2": (1, 1)}, "in_out", "column"),
    ],
)
def test_shapes_tell_the_layout(shapes, weights: str, biases: str) -> None:
    """The shape of W2 decides for W1 too, which is square either way."""
    found = told(**shapes)
    assert found[0].weights == weights
    assert {convention.biases for convention in found} == {biases}
    assert found[0].vectors == biases
    assert list(found[0].keys.values()) == list(shapes)
    assert {convention.vectors for convention in found} == {"column", "row", "flat"}


@pytest.mark.parametrize(
    "shapes",
    [
        {"W1": (2, 2), "b1": (2, 1), "W2": (2, 1)},
        {"W1": (3, 2), "b1": (2, 1), "W2": (2, 1), "b2": (1, 1)},
        {"W1": (2, 2), "b1": (2, 1), "W2": (3, 3), "b2": (1, 1)},
        {},
    ],
)
def test_other_parameters_tell_nothing(shapes) -> None:
    """A missing key, or weights of another net."""
    assert told(**shapes) == []


def test_without_a_word_all_are_tried() -> None:
    """The assignment's own first."""
    found = all_conventions(TASK)
    assert len(found) == len(STYLES) * len(LAYOUTS)
    assert (found[0].weights, found[0].vectors, found[0].keys["b2"]) == ("in_out", "column", "b2")
    assert {convention.keys["W1"] for convention in found} == {"W1", "w1"}
    assert {convention.keys["b1"] for convention in found} == {"b1", "B1"}


def test_scalars_are_tried_before_matrices_and_series() -> None:
    """An error is blamed on the student only after each form of ŷ and X was offered."""
    (one,) = all_conventions(TASK)[:1]
    tried = [(c.scalars, c.inputs) for c in variants([one])]
    assert tried == [("scalar", "array"), ("matrix", "array"), ("scalar", "series")]


def functions(text: str):
    """The functions of a script, where it is asked for an update and a forward pass."""
    section = Section(("t",), (Cell("a.py", "a.py", None, text),))
    return inspected(section, "update", "forward")


def test_what_is_missing_names_what_was_found() -> None:
    """Role and signature, then the functions there are; a long list is cut."""
    found = not_found(ROLES["update"], functions("def a(x): pass\ndef b(y, z=1): pass"))
    assert (found.role, found.place) == ("update", None)
    assert found.message == (
        "`update_parameters(parameters, y, y_hat, A1, X)` is missing. Found `a(x)`, `b(y, z=1)`."
    )
    assert not_found(ROLES["forward"], ()).message == (
        "`L_layer_forward(X, parameters)` is missing. Found no function at all."
    )
    many = functions("\n".join(f"def f{n}(): pass" for n in range(11)))
    assert not_found(ROLES["update"], many).message.endswith("`f7()` and 3 more.")


@pytest.mark.parametrize(
    ("method", "spoken_of"),
    [
        ("def update(self, p, q): pass", True),
        ("def step(self, parameters, y, y_hat, A1, X): pass", True),
        ("def step(self, one, two, three, four, five): pass", False),
        ("def forward(self, X): pass", False),
        ("update = 3", False),
    ],
)
def test_methods_are_spoken_of_where_one_may_be_meant(method: str, spoken_of: bool) -> None:
    """One of the role's name, or one that names all of the role's arguments."""
    message = not_found(ROLES["update"], functions(f"class Net:\n    {method}")).message
    assert ("The methods of `Net` cannot be graded" in message) == spoken_of


def test_a_definition_that_is_not_run_is_told_with_its_place() -> None:
    """Under the guard, that is; one that is run, and another role's, are not spoken of."""
    said = (
        "The function at a.py:3 is inside `if __name__ == …`, which is not run. Move the function "
        "out of this block."
    )
    guard = "x = 1\nif __name__ == '__main__':\n    def update(): pass\n    forward = 3"
    found = functions(guard)
    assert [function.standing for function in found] == ["guarded"]
    assert not_found(ROLES["update"], found).message.endswith(said)
    assert "__name__" not in not_found(ROLES["forward"], found).message
    other = functions(guard.replace("__name__ == '__main__'", "x"))
    assert "__name__" not in not_found(ROLES["update"], other).message


def test_what_does_not_fit_prints_both_signatures() -> None:
    """With the place of the one that was found."""
    (function,) = functions("\n\ndef update(p, rate): pass")
    found = misfit(ROLES["update"], function)
    assert found.message == (
        "`update` does not take the arguments that it is called with: found `update(p, rate)` "
        "(a.py:3), required `update_parameters(parameters, y, y_hat, A1, X)`."
    )
    assert found.place == function.place


X = np.array([[0.5], [0.25]])
OUTPUT, HIDDEN = np.array([[3.0]]), np.array([[1.0], [2.0]])
W1, W2 = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.7], [0.9]])
B1 = np.array([[0.05], [0.06]])
INPUTS = {"X": X, "W1": W1, "W2": W2, "b1": B1}


def described(value: Any, leaves: dict[str, np.ndarray]) -> Any:
    """The worker's description of a value."""
    if isinstance(value, dict):
        return {"dict": [[key, described(item, leaves)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {"list": [described(item, leaves) for item in value]}
    if value is None:
        return {"none": True}
    if isinstance(value, str):
        return {"other": "str"}
    name = str(len(leaves))
    leaves[name] = np.asarray(value)
    return {"array": name}


@pytest.mark.parametrize(
    ("returned", "paths"),
    [
        ((OUTPUT, HIDDEN), {"y_hat": (0,), "A1": (1,)}),
        (OUTPUT, {"y_hat": ()}),
        (3.0, {"y_hat": ()}),
        ((OUTPUT, None), {"y_hat": (0,)}),
        ((OUTPUT, {"Z1": X + 1, "A1": HIDDEN, "A2": OUTPUT}), {"y_hat": (0,), "A1": (1, "A1")}),
        ((OUTPUT, {"hidden": HIDDEN}), {"y_hat": (0,), "A1": (1, "hidden")}),
        ({"A1": HIDDEN, "A2": OUTPUT}, {"y_hat": ("A2",), "A1": ("A1",)}),
        ({"y_hat": OUTPUT, "h": HIDDEN}, {"y_hat": ("y_hat",), "A1": ("h",)}),
        # Caches of one tuple per layer: the last one begins with what entered it.
        (
            (OUTPUT, [(X, W1, B1, X + 1), (HIDDEN, W2, OUTPUT + 1, OUTPUT)]),
            {"y_hat": (0,), "A1": (1, 1, 0)},
        ),
        # Four arrays, forwards or backwards through the layers.
        ((X + 1, HIDDEN, OUTPUT + 1, OUTPUT), {"y_hat": (3,), "A1": (1,)}),
        ((OUTPUT, HIDDEN, OUTPUT + 1, X + 1), {"y_hat": (0,), "A1": (1,)}),
        # An input or a parameter that is handed back is no hidden layer.
        ((OUTPUT, [X, W2]), {"y_hat": (0,)}),
        # A plain pair is what was asked for, whatever its sizes are.
        ((OUTPUT, W1), {"y_hat": (0,), "A1": (1,)}),
        ((HIDDEN, OUTPUT), {"y_hat": (0,), "A1": (1,)}),
        (HIDDEN, {}),
        ((HIDDEN, HIDDEN), {}),
        ("done", {}),
        (None, {}),
        ((), {}),
    ],
)
def test_paths(returned, paths) -> None:
    """Empty where no output of the right size is to be found."""
    leaves: dict[str, np.ndarray] = {}
    tree = described(returned, leaves)
    assert find_returns(tree, leaves, INPUTS, outputs=1, hidden=2) == paths
