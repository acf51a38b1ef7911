"""The interface of the first years of the course of linear-class: recognised, judged, explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")

RIGHT = (Path(__file__).parent / "linear-class" / "first_years.py").read_text(encoding="utf-8")

WRONG = {
    "no bias": ("x @ self.W + self.b", "x @ self.W", "linear-class/forward"),
    "b alone is summed": ("delta.mean(axis=0", "delta.sum(axis=0", "linear-class/backward"),
    "W not transposed in dx": ("delta @ self.W.T", "delta @ self.W", "linear-class/backward"),
    "slope of the logistic": (
        "self.state - self.state**2",
        "self.state + self.state**2",
        "sigmoid-class/backward",
    ),
    "slope of tanh": ("1 - self.state**2", "1 - self.state", "tanh-class/backward"),
    "sign of the loss": ("-(y * logs)", "(y * logs)", "cross-entropy-class/forward"),
    "softmax alone": (
        "self.softmax - self.labels",
        "self.softmax + self.labels",
        "cross-entropy-class/backward",
    ),
    "dbeta is a mean": ("delta.sum(axis=0)", "delta.mean(axis=0)", "batchnorm-class/backward"),
    "running mean": (
        "self.alpha * self.running_mean + (1 - self.alpha) * self.mean",
        "(1 - self.alpha) * self.running_mean + self.alpha * self.mean",
        "batchnorm-class/forward",
    ),
}
"""Parts of the right answer, what replaces them, and the check that fails."""

OTHER_COURSE = """
import numpy as np

class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.zeros((in_features, out_features))
        self.b = np.zeros((1, out_features))
        self.dW = None
        self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta
        self.db = delta.sum(axis=0)
        return delta @ self.W.T
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """A session that recognises every shipped exercise."""
    with Workshop() as workshop, Session(Settings(), workshop) as opened:
        yield opened


def graded(session: Session, text: str, folder: Path) -> Result:
    """Grade a submission at one seed."""
    path = folder / "mytorch.py"
    path.write_text(text, encoding="utf-8")
    return session.grade(read_submission(path), 1).result


def test_the_right_answer_has_full_marks(session: Session, tmp_path: Path) -> None:
    """Six of the seven tasks: the course had no squared error then."""
    result = graded(session, RIGHT, tmp_path)
    assert result.score == result.max_score
    assert {task.task for task in result.tasks} == {
        "linear-class",
        "relu-class",
        "sigmoid-class",
        "tanh-class",
        "cross-entropy-class",
        "batchnorm-class",
    }


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails_at_its_check(session: Session, tmp_path: Path, name: str) -> None:
    """No other check of the file fails, and the finding has a place in the class."""
    right, wrong, check = WRONG[name]
    assert RIGHT.count(right) == 1
    result = graded(session, RIGHT.replace(right, wrong), tmp_path)
    states = {
        f"{task.task}/{each.check}": each.state for task in result.tasks for each in task.checks
    }
    assert states.pop(check) in ("fail", "error")
    if name == "running mean":  # what is wrong there is used in the test mode
        assert states.pop("batchnorm-class/eval") == "fail"
    assert set(states.values()) <= {"pass", "blocked"}


def test_a_class_of_another_course_is_not_graded(session: Session, tmp_path: Path) -> None:
    """It has the methods, but neither the arguments nor the attributes of one year."""
    with pytest.raises(GradingError) as caught:
        graded(session, OTHER_COURSE, tmp_path)
    assert str(caught.value) == (
        "mytorch: `Linear` looks like the exercise “A linear layer as a class”, but cannot be "
        "graded: the attribute `Linear.dLdW` is missing; the attribute `Linear.dLdb` is missing. "
        "Use the names and arguments of the handout, or ask the instructor which exercise this is."
    )


OWN = """
schema = "gradkit/assignment/v1"
id = "own"
title = "A layer of one's own"

[[tasks]]
id = "own"
title = "A layer"
kind = "functions"
solution = "layer.py"
sizes = { N = [2, 3], D = [4, 5] }
inputs = { x = "normal(N, D)" }

[[tasks.checks]]
name = "all"
points = 1
call = "layer = Linear(D, N); out = layer.forward(x); back = layer.backward(x); layer.step()"
compare = ["out", "back"]
"""


def test_a_refusal_names_other_arguments_and_missing_methods(tmp_path: Path) -> None:
    """A class whose constructor takes one argument, and that has no third method."""
    text = OTHER_COURSE.replace("(self, in_features, out_features)", "(self, shape)")
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    settings = Settings(assignment=tmp_path / "own.toml", no_reference=True)
    with Session(settings) as session, pytest.raises(GradingError) as caught:
        graded(session, text, tmp_path)
    assert "`Linear` does not take 2 arguments; `Linear.step` is missing." in str(caught.value)
