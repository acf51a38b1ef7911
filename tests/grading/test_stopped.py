"""An update that stops: what ran before, and what can run without the line, is judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.classes import changed_assignment
from model_solutions import source

from gradkit.records.result import CheckResult

pytestmark = pytest.mark.sample(12)

RIGHT = """
import numpy as np


def initialise_parameters(dim):
    return {
        "W1": np.full((dim[0], dim[1]), 0.1), "b1": np.zeros((dim[1], 1)),
        "W2": np.full((dim[1], dim[2]), 0.1), "b2": np.zeros((dim[2], 1)),
    }


def L_layer_forward(X, parameters):
    A1 = parameters["W1"].T @ X + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"], A1


def update_parameters(parameters, y, y_hat, A1, X):
    error = -2 * (y - y_hat)
    hidden = parameters["W2"] * error
    parameters["W2"] -= 0.001 * A1 * error
    parameters["b2"] -= 0.01 * error
    parameters["W1"] -= 0.001 * X @ hidden.T
    parameters["b1"] -= 0.01 * hidden
"""


def update_of(grade, tmp_path: Path, *change: str, diagnose: bool = False) -> CheckResult:
    """The check of the update, of the right text with a piece replaced."""
    text = RIGHT
    for old, new in zip(change[::2], change[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "regression_numpy.py"
    path.write_text(text, encoding="utf-8")
    (task,) = grade(path, diagnose=diagnose).tasks
    return next(check for check in task.checks if check.check == "update")


def test_the_text_itself_is_right(grade, tmp_path: Path) -> None:
    """What follows is about one line of it."""
    made = update_of(grade, tmp_path)
    assert (made.state, made.score) == ("pass", 6.0)


@pytest.mark.parametrize(
    ("change", "right"),
    [
        # The third of four statements, a misspelt key: W1 is missing, b1 is made.
        (('parameters["W1"] -=', 'parameters["w1"] -='), 5),
        # All that the hidden layer moves by.
        (('hidden = parameters["W2"] * error', "hidden = weights * error"), 3),
        # What stops has nothing to do with the step; it stops all the same.
        (("    error = -2", '    print(parameters["Z"])\n    error = -2'), 9),
        (("    error = -2", "    for key in parameter:\n        print(key)\n    error = -2"), 9),
        (('    parameters["b1"] -= 0.01 * hidden', '    parameters["b1"] -= hiden'), 7),
    ],
)
def test_what_stops_costs_what_it_does(
    grade, tmp_path: Path, change: tuple[str, ...], right: int
) -> None:
    """Half of the points, as half of the arrays at least are right without the statement."""
    made = update_of(grade, tmp_path, *change)
    assert made.state == "error"
    assert " stopped with " in made.message
    assert sum(entry.state == "pass" for entry in made.entries) == right
    assert made.score == 3
    assert f"{right} of 9 entries are right after one step." in made.notes[-1]


@pytest.mark.parametrize(
    "change",
    [
        # Without it nothing is right.
        ("    error = -2 * (y - y_hat)\n", "    error = eror\n"),
        # Said on purpose.
        ("    error = -2", "    raise ValueError(1)\n    error = -2"),
    ],
)
def test_what_cannot_run_without_it_has_no_points(
    grade, tmp_path: Path, change: tuple[str, ...]
) -> None:
    """As where nothing is written."""
    made = update_of(grade, tmp_path, *change)
    assert (made.state, made.score, made.entries) == ("error", 0.0, ())


@pytest.mark.parametrize(
    "change",
    [
        # Two statements in one line cannot be left out one by one.
        ("    error = -2 * (y - y_hat)\n", "    error = -2 * (y - y_hat); print(x)\n"),
        # More statements than are left out.
        ("    error = -2", "    a\n    b\n    c\n    d\n    e\n    error = -2"),
    ],
)
def test_a_change_shows_that_all_else_is_right(
    grade, tmp_path: Path, change: tuple[str, ...]
) -> None:
    """Half of the points are lost, the price of a crash."""
    made = update_of(grade, tmp_path, *change)
    assert (made.state, made.score) == ("error", 3.0)


def test_a_crash_beside_a_named_mistake_has_only_its_price(grade, tmp_path: Path) -> None:
    """All entries are wrong without the factor 2: this costs a fifth, and the crash half."""
    made = update_of(grade, tmp_path, "-2 * (y", "-(y", "hidden.T", "hidden.t", diagnose=True)
    assert made.state == "error"
    assert made.score == pytest.approx(6 * (1 - 0.5 - 0.2), abs=0.25)


def test_what_is_wrong_besides_stays_wrong(grade, tmp_path: Path) -> None:
    """Entries are held to the same tolerance as ever."""
    made = update_of(
        grade, tmp_path, 'parameters["W1"] -=', 'parameters["w1"] -=', "-= 0.01 *", "-= 0.02 *"
    )
    assert sum(entry.state == "pass" for entry in made.entries) == 2
    assert "2 of 9 entries are right after one step" in made.notes[-1]


def test_a_function_of_one_number_given_an_array_is_told(grade, tmp_path: Path) -> None:
    """What to do is right for one entry and for several."""
    text = source("classification_numpy")
    path = tmp_path / "classification_numpy.py"
    assert "np.exp(-Z)" in text
    changed = text.replace("np.exp(-Z)", "math.exp(-Z)")
    path.write_text(changed.replace("import numpy", "import math\nimport numpy"), encoding="utf-8")
    (task,) = grade(path).tasks
    said = next(check.message for check in task.checks if check.check == "forward")
    assert "if it has several, use numpy's functions, such as np.exp for math.exp." in said


def test_what_is_no_python_is_no_text_to_look_at(grade, tmp_path: Path) -> None:
    """The rest of the file is graded, and what is wrong there diagnosed."""
    broken = "as np\n\n\ndef shown(:\n    pass"
    made = update_of(grade, tmp_path, "as np", broken, ".T @ X +", ".T @ X @ X +")
    assert (made.state, made.score) == ("error", 3)


def test_of_a_script_no_other_tasks_are_asked_for(grade, tmp_path: Path) -> None:
    """Of a folder all that count; a script is checked as it is being written."""
    mine = changed_assignment(tmp_path / "mine", 'schema = "', 'required = "all"\nschema = "')
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "regression_numpy.py"
    path.write_text(RIGHT, encoding="utf-8")
    assert [task.absent for task in grade(path, assignment=mine).tasks] == [False]
    made = grade(tmp_path / "in", assignment=mine)
    assert [task.absent for task in made.tasks] == [False, True, True, True]
    assert (made.score, made.max_score) == (20.0, 80.0)


def test_a_loop_of_ones_own_is_judged_as_it_was(grade, tmp_path: Path) -> None:
    """The model solution has nothing taken out."""
    path = tmp_path / "regression_numpy.py"
    path.write_text(source("regression_numpy"), encoding="utf-8")
    assert grade(path).score == 20.0


def test_arrays_of_another_shape_than_the_assignments_are_accounted_for(
    grade, tmp_path: Path
) -> None:
    """The line that stops is right for columns: what made them flat stands elsewhere."""
    flat = [('"b1": np.zeros((dim[1], 1))', '"b1": np.zeros(dim[1])')]
    flat += [('"b2": np.zeros((dim[2], 1))', '"b2": np.zeros(dim[2])')]
    found = update_of(grade, tmp_path, *(piece for change in flat for piece in change))
    assert found.state == "error"
    assert found.message.endswith(
        " It was called with X and the other vectors as flat arrays, because "
        "`initialise_parameters` (regression_numpy.py:5) gives b1 the shape (2,); the "
        "assignment uses columns, b1 of shape (2, 1)."
    )
    rows = [(old, new.replace("(dim", "((1, dim") + ")") for old, new in flat]
    pieces = [piece for change in rows for piece in change]
    # All else is made for columns, and right.
    assert update_of(grade, tmp_path, *pieces).state == "pass"
    found = update_of(grade, tmp_path, *pieces, 'parameters["W1"] -=', 'parameters["w1"] -=')
    assert "as rows, because" in found.message
    assert "gives b1 the shape (1, 2)" in found.message
    stopped = update_of(grade, tmp_path, 'parameters["W1"] -=', 'parameters["w1"] -=')
    assert stopped.state == "error"
    assert "was called with X" not in stopped.message
