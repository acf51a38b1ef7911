"""Exercises of layers: right answers have all points, wrong ones fail in what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from layers_helpers import (
    MANY,
    QUICK,
    SEEDS,
    Exercise,
    Wrong,
    answers,
    assert_right,
    assert_starter,
    assert_wrong,
)
from wrong_convolution import PADDED, PADDED_AGAIN
from wrong_layers import DW, DX, OUT

from gradkit.sandbox import Workshop

NAMES = (
    "layers",
    "batchnorm",
    "convolution",
    "epochs",
    "linear-class",
    "hinge-loss",
    "dropout",
    "layernorm",
    "optimizers",
    "rnn",
    "lstm",
    "attention",
    "autograd",
    "parameter-updates",
    "regularisation",
    "recurrent-cells",
)
TABLES = {name: import_module(f"wrong_{name.replace('-', '_')}") for name in NAMES}
ANSWERS = [(name, style) for name in NAMES for style in answers(name)]
WRONG = [
    pytest.param(name, case, id=f"{name} {case.name}")
    for name, table in TABLES.items()
    for case in table.WRONG
]

Exercises = Callable[[str], Exercise]


@pytest.fixture(scope="module")
def exercises(workshop: Workshop) -> Exercises:
    """Return ``exercises(name)``, which gives an exercise with its session."""
    return cache(lambda name: Exercise(name, workshop))


@pytest.mark.sample(9)
@pytest.mark.parametrize(("name", "style"), ANSWERS)
def test_right_answers_have_full_marks(exercises: Exercises, name: str, style: str) -> None:
    """The model solution is one of them; the others are in other styles."""
    assert_right(exercises(name), style, range(QUICK))


@pytest.mark.slow
@pytest.mark.sample(9)
@pytest.mark.parametrize(("name", "style"), ANSWERS)
def test_right_answers_have_full_marks_at_every_seed(
    exercises: Exercises, name: str, style: str
) -> None:
    """Marks do not depend on the inputs that are drawn."""
    assert_right(exercises(name), style, range(QUICK, SEEDS))


@pytest.mark.sample(30)
@pytest.mark.parametrize(("name", "case"), WRONG)
def test_wrong_answers_fail_in_what_is_wrong(
    exercises: Exercises, name: str, case: Wrong, tmp_path: Path
) -> None:
    """Only the wrong outputs are named."""
    assert_wrong(exercises(name), case, tmp_path, range(1))


@pytest.mark.slow
@pytest.mark.sample(30)
@pytest.mark.parametrize(("name", "case"), WRONG)
def test_wrong_answers_fail_at_every_seed(
    exercises: Exercises, name: str, case: Wrong, tmp_path: Path
) -> None:
    """Marks do not depend on the inputs that are drawn."""
    assert_wrong(exercises(name), case, tmp_path, range(1, MANY))


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", NAMES)
def test_the_starter_of_the_course_has_no_points(
    exercises: Exercises, name: str, tmp_path: Path
) -> None:
    """Each check says what is missing."""
    file = next(exercises(name).model.glob("*.py")).name
    assert_starter(exercises(name), TABLES[name].STARTER, tmp_path / file)


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", NAMES)
def test_a_constant_forward_with_a_zero_backward_earns_nothing(
    exercises: Exercises, name: str, tmp_path: Path
) -> None:
    """The gradient is right for this forward pass, which does not depend on its inputs.

    Only functions that call the constant ones pass: they are judged with right helpers.
    """
    exercise = exercises(name)
    edits = list(TABLES[name].CONSTANT.items())
    tasks = exercise.grade(exercise.edited(tmp_path, edits), 0).tasks
    checks = [check for task in tasks for check in task.checks]
    passed = {check.check for check in checks if check.state == "pass"}
    assert passed <= {*getattr(TABLES[name], "CALLERS", ())}
    assert sum(check.score for check in checks if check.state != "pass") == 0


def test_gradients_of_a_wrong_forward_pass_are_wrong(exercises: Exercises, tmp_path: Path) -> None:
    """Only the gradient of the bias is right for the right and for the wrong forward pass."""
    edits = {OUT: "2 * (x.reshape(len(x), -1) @ w) + b", DX: f"{DX} * 2", DW: f"{DW} * 2"}
    case = Wrong(
        "doubled",
        tuple(edits.items()),
        {"affine_forward": ["out"], "affine_backward": ["dx", "dw"]},
    )
    assert_wrong(exercises("layers"), case, tmp_path, range(1))


@pytest.mark.slow
def test_without_padding_only_a_sum_is_right(exercises: Exercises, tmp_path: Path) -> None:
    """Outputs are too small, and there are none where the filter is larger than the image.

    Where there are outputs, the gradient of the bias is the sum of the given gradient.
    """
    exercise = exercises("convolution")
    path = exercise.edited(tmp_path, [(PADDED, "padded = x"), (PADDED_AGAIN, "padded = x")])
    for seed in range(4):
        task = exercise.grade(path, seed).tasks[0]
        states = {check.check: check.state for check in task.checks}
        assert states["forward"] in ("fail", "error")
        assert states["backward"] in ("error", "blocked")
        right = [each for check in task.checks for each in check.entries if each.state == "pass"]
        assert [each.parameter for each in right] == ["db"] * (task.score == 3)


BARE = """\
from dataclasses import dataclass


class Linear:
    def forward(self, A):
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        self.dLdW, self.dLdb = dLdZ.T @ self.A, dLdZ.sum(axis=0, keepdims=True).T
        return dLdZ @ self.W
"""
FIELDS = ("class Linear:", "@dataclass\nclass Linear:\n    D: int\n    M: int\n    W: object = 0.0")


def test_a_class_without_a_constructor_takes_no_arguments(
    exercises: Exercises, tmp_path: Path
) -> None:
    """A decorator may give it a constructor."""
    path = tmp_path / "answer.py"
    path.write_text(BARE, "utf-8")
    (task,) = exercises("linear-class").grade(path, 3).tasks
    said = "`Linear()` cannot be called as in `layer = Linear(D, M)`."
    assert (task.score, task.checks[0].message) == (0, said)
    path.write_text(BARE.replace(*FIELDS), "utf-8")
    (task,) = exercises("linear-class").grade(path, 3).tasks
    assert [check.state for check in task.checks] == ["fail", "pass", "pass"]
