"""Right code with ``np.matrix`` has full marks, however it returns ŷ; wrong code fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.reproducer.script import source
from gradkit.sandbox import Workshop

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

Grade = Callable[[str], TaskResult]

START = """import numpy as np


def initialize_parameters(layer_dims):
    return {
        "W1": np.matrix(np.full((2, 2), 0.1)), "b1": np.matrix(np.zeros((2, 1))),
        "W2": np.matrix(np.full((2, 1), 0.1)), "b2": np.matrix(np.zeros((1, 1))),
    }


"""

PRODUCTS = """def L_layer_forward(X, parameters):
    A1 = parameters["W1"].T * X + parameters["b1"]
    y_hat = parameters["W2"].T * A1 + parameters["b2"]
    return y_hat, A1


"""
"""A forward pass whose ``*`` is the product of matrices, as its own parameters are."""

CONVERTED = """def L_layer_forward(X, parameters):
    W1, b1, W2, b2 = (np.matrix(parameters[key]) for key in ("W1", "b1", "W2", "b2"))
    A1 = W1.T * np.matrix(X) + b1
    y_hat = W2.T * A1 + b2
    return y_hat, A1


"""

UPDATE = """def update_parameters(parameters, y, y_hat, A1, X):
    error = -2 * (y - y_hat)
    hidden = parameters["W2"] * error
    parameters["W2"] = parameters["W2"] - 0.001 * A1 * error
    parameters["b2"] = parameters["b2"] - 0.01 * error
    parameters["W1"] = parameters["W1"] - 0.001 * X * hidden.T
    parameters["b1"] = parameters["b1"] - 0.01 * hidden
"""

FROM_MATRIX = UPDATE.replace("(y - y_hat)", "(y - y_hat[0, 0])")
"""It takes the number out of a (1, 1) matrix."""

RETURNED = ("np.array(y_hat), np.array(A1)", "y_hat.item(), A1", "y_hat[0, 0], A1", "y_hat[0], A1")


@pytest.fixture
def grade(workshop: Workshop, tmp_path: Path) -> Grade:
    """Return ``grade(text)``, the result of the regression task."""

    def graded(text: str) -> TaskResult:
        path = tmp_path / "regression_numpy.py"
        path.write_text(text, encoding="utf-8")
        with Session(Settings(seed=1, no_reference=True), workshop) as session:
            (task,) = session.check(path).tasks
        return task

    return graded


@pytest.mark.parametrize("update", [UPDATE, FROM_MATRIX], ids=["number", "from a matrix"])
@pytest.mark.parametrize("forward", [PRODUCTS, CONVERTED], ids=["products", "converted"])
def test_code_gets_parameters_of_the_type_that_its_initialiser_returns(
    grade: Grade, forward: str, update: str
) -> None:
    """Then ``*`` is what it is in the student's own loop."""
    task = grade(START + forward + update)
    assert [check.state for check in task.checks] == ["pass"] * 5


@pytest.mark.parametrize("returned", RETURNED)
def test_an_output_of_one_number_may_have_any_form(grade: Grade, returned: str) -> None:
    """A (1, 1) or (1,) array, a matrix, or a number."""
    forward = PRODUCTS.replace("return y_hat, A1", f"return {returned}")
    task = grade(START + forward + UPDATE)
    assert task.score == task.max_score


@pytest.mark.parametrize(
    ("old", "new", "failed"),
    [
        ('* A1 + parameters["b2"]', '* A1 - parameters["b2"]', {"forward"}),
        ("-2 * (y", "-1 * (y", {"update", "gradient", "trajectory"}),
        (
            "0.001 * X * hidden.T",
            "0.001 * np.multiply(X, hidden)",
            {"update", "gradient", "trajectory"},
        ),
    ],
)
def test_a_mistake_with_matrices_fails(grade: Grade, old: str, new: str, failed: set[str]) -> None:
    """A sign, a missing 2, and an entrywise product for a product of matrices."""
    text = START + PRODUCTS + UPDATE
    assert old in text
    task = grade(text.replace(old, new))
    assert {check.check for check in task.checks if check.state != "pass"} == failed


def test_a_script_hands_over_matrices() -> None:
    """As they were handed over."""
    assert source({"b2": np.full((1, 1), 0.5).view(np.matrix)}) == "{'b2': np.matrix([[0.5]])}"
    assert source(np.array([[0.5]])) == "np.array([[0.5]])"
