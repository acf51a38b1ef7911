"""A right part loses nothing beside a wrong one; a crash and a rate are told at their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import REFERENCE

from gradkit.records.result import CheckResult, Result, TaskResult

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

REGRESSION = """import numpy as np


def initialise_parameters(dim):
    return {
        "W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
        "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1)),
    }


def L_layer_forward(X, p):
    A1 = p["W1"].T @ X + p["b1"]
    return p["W2"].T @ A1 + p["b2"], A1


def update_parameters(p, y, y_hat, A1, X):
    rate, rate_bias = 0.001, 0.01
    d = -2 * (y - y_hat)
    h = p["W2"] * d
    p["W1"] = p["W1"] - rate * np.dot(X, h.T)
    p["b1"] = p["b1"] - rate_bias * h
    p["W2"] = p["W2"] - rate * A1 * d
    p["b2"] = p["b2"] - rate_bias * d
"""

CLASSIFICATION = (REFERENCE / "classification_numpy.py").read_text("utf-8")

WRONG = {
    "sign": ("-2 * (y - y_hat)", "2 * (y - y_hat)"),
    "factor": ("-2 * (y - y_hat)", "-(y - y_hat)"),
    "used after its update": (
        '    h = p["W2"]',
        '    p["W2"] = p["W2"] - rate * A1 * d\n    h = p["W2"]',
    ),
    "no bias": (' + p["b2"], A1', ", A1"),
    "no Python": ("np.dot(X, h.T)", "np.dot(X, h.T"),
    "crash": ("np.dot(X, h.T)", "np.dot(X, h)"),
}


def changed(old: str, new: str) -> str:
    """Return the regression with one change."""
    assert REGRESSION.count(old) == 1
    return REGRESSION.replace(old, new)


def graded(grade, tmp_path: Path, **texts: str) -> dict[str, TaskResult]:
    """Return the results by task of a folder with these scripts."""
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    result: Result = grade(tmp_path)
    return {task.task: task for task in result.tasks}


def by_name(task: TaskResult) -> dict[str, CheckResult]:
    """Return the checks of a task by name."""
    return {check.check: check for check in task.checks}


@pytest.mark.parametrize("what", WRONG)
def test_a_right_task_has_full_marks_beside_a_wrong_one(grade, tmp_path: Path, what: str) -> None:
    """Whatever is wrong in the other file of the submission."""
    found = graded(
        grade,
        tmp_path,
        regression_numpy=changed(*WRONG[what]),
        classification_numpy=CLASSIFICATION,
    )
    assert found["classification-numpy"].score == found["classification-numpy"].max_score
    assert found["regression-numpy"].score < found["regression-numpy"].max_score


def test_a_crash_is_told_with_its_exception_and_line(grade, tmp_path: Path) -> None:
    """The product of two columns raises; the functions that do not stop keep their points."""
    text = changed(*WRONG["crash"])
    found = graded(grade, tmp_path, regression_numpy=text)["regression-numpy"]
    checks = by_name(found)
    assert [checks[name].state for name in ("interface", "forward")] == ["pass", "pass"]
    crash = next(finding for finding in found.findings if finding.mistake == "crash")
    line = text[: text.index("np.dot(X, h)")].count("\n") + 1
    assert crash.title == "The code stops with ValueError"
    assert crash.place is not None
    assert crash.place.line == line
    assert checks["gradient"].message == "Not checked, because `update` stops with ValueError."


HALF = changed("-2 * (y - y_hat)", "y_hat - y")
"""Without the 2, so that the rates have to be twice as large."""


def test_a_factor_may_stand_in_the_rate(grade, tmp_path: Path) -> None:
    """The step is the expected one, and divided by the assignment's rate it is the gradient."""
    text = HALF.replace("0.001, 0.01", "0.002, 0.02")
    found = graded(grade, tmp_path, regression_numpy=text)["regression-numpy"]
    assert found.score == found.max_score


def test_a_wrong_rate_without_the_factor_is_one_mistake(grade, tmp_path: Path) -> None:
    """All checks fail for it, with the factor of the claim and the line of the rate."""
    text = HALF.replace("0.001, 0.01", "0.004, 0.02")
    found = graded(grade, tmp_path, regression_numpy=text)["regression-numpy"]
    (finding,) = found.findings
    assert {*finding.costs} == {"update", "gradient", "trajectory"}
    assert finding.place is not None
    assert finding.place.line == text[: text.index("0.004")].count("\n") + 1
    gradient = by_name(found)["gradient"]
    assert "claimed = 2 × estimate" in gradient.message
