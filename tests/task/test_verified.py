"""A model solution that its own checks contradict is refused before anybody is graded by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gradkit.cli import main
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import OracleError
from gradkit.task.solution import Solution
from gradkit.task.verified import load_verified

TOML = """
schema = "gradkit/assignment/v1"
id = "ridge"
title = "A layer with a ridge penalty"

[[tasks]]
id = "ridge"
title = "A layer"
kind = "functions"
solution = "ridge.py"
sizes = { N = [2, 3, 5], D = [4, 6] }
inputs = { X = "normal(N, D)", w = "normal(D)", y = "normal(N)", lam = "uniform(0.1, 0.9)" }
hard = [{ X = "9000 * distinct(N, D)" }]

[[tasks.checks]]
name = "loss"
points = 2
call = "L, cache = loss(X, w, y, lam)"
compare = ["L"]

[[tasks.checks]]
name = "backward"
points = 4
call = "dw = backward(X, y, cache, lam)"
compare = ["dw"]
gradient = { of = "L", dw = "w" }
untouched = ["X"]
"""

MODEL = '''
import numpy as np


def loss(X, w, y, lam):
    """Return the mean squared error with a penalty of lam / 2 * sum(w²), and a cache."""
    z = X @ w
    return np.mean((z - y) ** 2) + lam / 2 * np.sum(w**2), (w, z)


def backward(X, y, cache, lam):
    """Return the gradient of w."""
    w, z = cache
    return 2 / len(X) * X.T @ (z - y) + lam * w
'''

WRONG = {
    "a factor": (
        "2 / len(X)",
        "1 / len(X)",
        "backward: `dw` is not the gradient of L in `w`: 6 of 6 differ, the first is `dw[0]` = ",
    ),
    "a shape": (
        "+ lam * w",
        "+ lam * w[:, None]",
        "backward: `dw` has shape (6, 6), and `w` has (6,).",
    ),
    "a large number": (
        "np.mean((z - y) ** 2)",
        "np.log(np.mean(np.exp((z - y) ** 2)))",
        "loss: `L` is not finite with X = 9000 * distinct(N, D).",
    ),
    "a change in place": (
        "    w, z = cache",
        "    w, z = cache\n    X *= 1.5",
        "backward: `X` is changed in place at N = 5, D = 6.",
    ),
    "a memory": (
        "    z = X @ w",
        "    COUNT.append(1)\n    z = len(COUNT) * X @ w",
        "loss: `L` has another value when the call is repeated, at N = 5, D = 6.",
    ),
}


def write(folder: Path, right: str = "", wrong: str = "") -> Path:
    """Write the exercise, with its model solution changed at one place, and return its file."""
    assert right in MODEL
    model = MODEL.replace(right, wrong, 1)
    (folder / "reference").mkdir()
    (folder / "reference" / "ridge.py").write_text(f"COUNT = []\n{model}", encoding="utf-8")
    path = folder / "assignment.toml"
    path.write_text(TOML, encoding="utf-8")
    return path


def load(path: Path) -> Solution:
    """Load and verify the model solution of an exercise."""
    (task,) = read_assignment(path).functions
    return load_verified(task, path.parent / "reference")


def test_a_right_model_solution_is_loaded(tmp_path: Path) -> None:
    """All checks hold for it."""
    assert callable(load(write(tmp_path)).names["backward"])


@pytest.mark.parametrize("kind", WRONG)
def test_a_contradicted_model_solution_is_refused(tmp_path: Path, kind: str) -> None:
    """The message names the check, the output and the file."""
    right, wrong, message = WRONG[kind]
    with pytest.raises(OracleError) as caught:
        load(write(tmp_path, right, wrong))
    assert str(caught.value).startswith(f"ridge/{message}")
    assert str(caught.value).endswith(
        ". Correct the model solution ridge.py, or the assignment file."
    )


def invoke(*arguments: object) -> Result:
    """Call gradkit."""
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.slow
@pytest.mark.parametrize("is_right", [True, False])
def test_nobody_is_graded_by_a_wrong_gradient(tmp_path: Path, is_right: bool) -> None:
    """A class, a file, the students' folder and an export are refused, with one sentence."""
    path = write(tmp_path, *(() if is_right else ("2 / len(X)", "1 / len(X)")))
    students = tmp_path / "students"
    for name in ("Ann Lee", "Ben Ost"):
        (students / name).mkdir(parents=True)
        (students / name / "ridge.py").write_text(MODEL, encoding="utf-8")
    by = ("--assignment", path)
    for done in (
        invoke("grade", students, *by, "--out", tmp_path / "results"),
        invoke("check", students / "Ann Lee" / "ridge.py", *by),
        invoke("new", tmp_path / "hw", "--exercise", path),
        invoke("export", "gradescope", "--out", tmp_path / "grader.zip", *by),
    ):
        assert done.exit_code == (0 if is_right else 2), done.output
        assert done.stderr.count("is not the gradient of L in `w`") == (not is_right)
    assert (tmp_path / "hw").exists() == (tmp_path / "grader.zip").exists() == is_right
