"""A file whose name says one task and whose code is another task."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import source
from told import full, not_passed, script, states

pytestmark = pytest.mark.sample(6)

OTHERS = {"regression": "classification", "classification": "regression"}
DATA = {
    "regression": "data = [[8, 8, 4], [6, 10, 6], [7, 9, 5], [5, 12, 7]]\n",
    "classification": "placed = [1, 1, 0, 0]\n",
}


def without_title(problem: str) -> str:
    """Return a model solution with data, but without the docstring that names the task."""
    text = source(f"{problem}_numpy")
    return DATA[problem] + text[text.index("import numpy") :].split("if __name__")[0]


@pytest.mark.parametrize("problem", OTHERS)
def test_the_code_counts_and_not_the_name_of_the_file(grade, tmp_path: Path, problem: str) -> None:
    """Its forward pass and its targets are those of one task."""
    path = script(tmp_path, without_title(problem), f"{OTHERS[problem]}.py")
    for seed in (1, 2, 3):
        result = grade(path, seed=seed)
        assert [task.task for task in result.tasks] == [f"{problem}-numpy"]
        assert full(result), not_passed(result)


def test_a_wrong_step_in_a_misnamed_file_fails(grade, tmp_path: Path) -> None:
    """It is graded as the task that it is, with its mistake."""
    text = without_title("regression").replace("-= WEIGHT_RATE", "+= WEIGHT_RATE")
    assert text != without_title("regression")
    result = grade(script(tmp_path, text, "classification.py"))
    assert [task.task for task in result.tasks] == ["regression-numpy"]
    assert states(result)["update"] == "fail"


def test_a_missing_activation_does_not_change_the_task(grade, tmp_path: Path) -> None:
    """The forward pass is that of the regression, and the targets are classes."""
    text = without_title("classification").replace("sigmoid(W.T @ A_prev + b)", "W.T @ A_prev + b")
    assert text != without_title("classification")
    result = grade(script(tmp_path, text, "classification.py"))
    assert [task.task for task in result.tasks] == ["classification-numpy"]
    assert states(result)["forward"] == "fail"


def test_an_activation_too_many_does_not_change_the_task(grade, tmp_path: Path) -> None:
    """The forward pass is that of the classification, and the targets are salaries."""
    line = "return W.T @ A_prev + b"
    text = without_title("regression")
    assert line in text
    text = text.replace(line, "return 1 / (1 + np.exp(-(W.T @ A_prev + b)))")
    result = grade(script(tmp_path, text, "regression.py"))
    assert [task.task for task in result.tasks] == ["regression-numpy"]
    assert states(result)["forward"] == "fail"
    assert states(result)["update"] == "pass"


def test_a_named_task_counts_more_than_the_code(grade, tmp_path: Path) -> None:
    """Whoever names the task is asked for that."""
    path = script(tmp_path, without_title("regression"), "classification.py")
    result = grade(path, "classification-numpy")
    assert [task.task for task in result.tasks] == ["classification-numpy"]
    assert states(result)["forward"] == "fail"
