"""Lines that call an object, as `out = layer(x)`: its method `__call__` is judged."""

from pathlib import Path

import pytest

from gradkit.authoring.functions import FunctionModel
from gradkit.authoring.new.functions import starter
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult
from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.usefixtures("warm")

ASSIGNMENT = """
schema = "gradkit/assignment/v1"
id = "calls"
title = "Calls"

[[tasks]]
id = "calls"
title = "Calls"
kind = "functions"
solution = "calls.py"
sizes.N = [3, 4]
inputs.x = "normal(N)"

[[tasks.checks]]
name = "call"
points = 2
call = "layer = Sigmoid()\\nout = layer(x)"
compare = ["out"]

[[tasks.checks]]
name = "gradient"
points = 2
call = "slope = layer.gradient(x)"
compare = ["slope"]
gradient = { of = "sum(out)", slope = "x" }

[[tasks.checks]]
name = "returned"
points = 2
call = "slope_of = differences(np.sin)\\nestimate = slope_of(x)"
compare = ["estimate"]
"""

SOLUTION = """
import numpy as np


class Layer:
    pass


class Sigmoid(Layer):
    def __call__(self, x):
        return 1 / (1 + np.exp(-x))

    def gradient(self, x):
        return self(x) * (1 - self(x))


def differences(f, h=1e-3):
    def slope(x):
        return (f(x + h) - f(x - h)) / (2 * h)

    return slope
"""


@pytest.fixture
def assignment(tmp_path: Path) -> Path:
    """The assignment file, with its model solution beside it."""
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "calls.py").write_text(SOLUTION, encoding="utf-8")
    path = tmp_path / "assignment.toml"
    path.write_text(ASSIGNMENT, encoding="utf-8")
    return path


def graded(assignment: Path, text: str) -> dict[str, CheckResult]:
    """Grade a submission, and return its checks by name."""
    folder = assignment.parent / "submission"
    folder.mkdir()
    (folder / "calls.py").write_text(text, encoding="utf-8")
    with Session(Settings(assignment=assignment, seed=1)) as session:
        result = session.check(folder)
    return {check.check: check for task in result.tasks for check in task.checks}


def test_a_model_solution_with_calls_of_objects_has_no_problems(assignment: Path) -> None:
    """Its gradient is confirmed too."""
    (task,) = read_assignment(assignment).functions
    assert list(FunctionModel(task, assignment.parent / "reference").problems()) == []


def test_the_called_method_is_judged(assignment: Path) -> None:
    """A wrong constant in it fails the check, and its line is named."""
    checks = graded(assignment, SOLUTION.replace("(1 + np.exp", "(2 + np.exp"))
    assert checks["call"].state == "fail"
    assert checks["returned"].state == "pass"


def test_a_base_class_may_define_the_call(assignment: Path) -> None:
    """As in torch, the student's method is called forward."""
    text = SOLUTION.replace(
        "    pass", "    def __call__(self, x):\n        return self.forward(x)"
    )
    text = text.replace("(Layer):\n    def __call__", "(Layer):\n    def forward")
    assert {check.state for check in graded(assignment, text).values()} == {"pass"}


def test_a_missing_argument_is_told_with_the_line(assignment: Path) -> None:
    """The line does not name the method."""
    checks = graded(assignment, SOLUTION.replace("__call__(self, x)", "__call__(self)"))
    assert checks["call"].message == "`__call__(self)` cannot be called as in `out = layer(x)`."


def test_a_missing_call_is_an_error(assignment: Path) -> None:
    """Python says what is missing."""
    checks = graded(assignment, SOLUTION.replace("__call__", "apply"))
    assert checks["call"].message == "TypeError: 'Sigmoid' object is not callable"


def test_a_starter_has_the_called_method_without_its_body(assignment: Path) -> None:
    """It is a method that students write."""
    text = starter(SOLUTION, read_assignment(assignment).functions)
    assert "def __call__(self, x):\n        raise NotImplementedError" in text
    assert "exp" not in text
