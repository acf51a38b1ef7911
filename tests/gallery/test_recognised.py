"""Right answers are recognised without an option, as their own exercise and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from shipped import FUNCTION_EXERCISES, assignment

from gradkit.grading.recognise import claim_functions
from gradkit.grading.session import read_submission
from gradkit.task.assignment import BESIDE, read_assignment

HERE = Path(__file__).parent

ANSWERS = [
    pytest.param(name, path, id=f"{name} {path.stem}")
    for name in FUNCTION_EXERCISES
    for path in (BESIDE / name, *sorted((HERE / name).glob("*.py")))
]

NAMED_ONLY = {"hinge-scores"}
"""Tasks whose functions other exercises hand out: they are graded if the exercise is named."""


@pytest.mark.parametrize(("name", "path"), ANSWERS)
def test_a_right_answer_is_recognised_as_its_own_exercise(name: str, path: Path) -> None:
    """It has tasks of that exercise, the model solution all of them, and no task of another."""
    claims = claim_functions(read_submission(path), read_assignment(), ())
    expected = {task.id for task in assignment(name).functions} - NAMED_ONLY
    assert {*claims} == expected if path.is_dir() else set() < {*claims} <= expected


@pytest.mark.parametrize("task", sorted(NAMED_ONLY))
def test_a_task_of_shared_functions_is_claimed_if_its_exercise_is_named(task: str) -> None:
    """Its functions alone do not show which exercise it is."""
    (name,) = (
        name
        for name in FUNCTION_EXERCISES
        if task in {each.id for each in assignment(name).functions}
    )
    claims = claim_functions(read_submission(BESIDE / name), assignment(name), ())
    assert task in claims


def test_a_shared_function_that_is_not_there_is_no_task(tmp_path: Path) -> None:
    """A file without `svm_loss` has no task of scores, even if the exercise is named."""
    path = tmp_path / "linear_svm.py"
    path.write_text((BESIDE / "hinge-loss" / path.name).read_text("utf-8"), "utf-8")
    claims = claim_functions(read_submission(path), assignment("hinge-loss"), ())
    assert {*claims} == {"hinge-loss"}


def test_imported_helpers_are_no_functions_of_another_exercise(tmp_path: Path) -> None:
    """The course hands out helpers that have the names of functions of `one-hidden-layer`."""
    text = (HERE / "parameter-updates" / "course_style.py").read_text("utf-8")
    assert "import backward_propagation" in text
    path = tmp_path / "optimization.py"
    path.write_text(text[: text.index("def update_lr")], "utf-8")
    claims = claim_functions(read_submission(path), read_assignment(), ())
    assert {*claims} == {"parameter-updates"}
