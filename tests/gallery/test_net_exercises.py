"""Exercises of nets: right answers have full marks, wrong ones fail in what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest
from marked import (
    QUICK,
    SEEDS,
    Exercise,
    answers,
    claims,
    edited,
    fails,
    has_full_marks,
    is_to_be_written,
    opened,
    solution,
)

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import GradingError, Settings
from gradkit.sandbox import Workshop

EXERCISES = (
    "logistic-regression",
    "one-hidden-layer",
    "deep-net",
    "softmax-loss",
    "two-layer-net",
)

ANSWERS = [(name, answer) for name in EXERCISES for answer in answers(name)]

TABLES = {name: import_module(f"wrong_{name.replace('-', '_')}") for name in EXERCISES}
WRONG = [(name, label) for name, table in TABLES.items() for label in table.WRONG]
STARTERS = [(name, kind) for name, table in TABLES.items() for kind in table.STARTERS]

Exercises = Callable[[str], Exercise]


@pytest.fixture(scope="module")
def exercises(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exercises]:
    """``exercises(name)``: one of them, with its session."""
    known: dict[str, Exercise] = {}
    with ExitStack() as stack:

        def exercise(name: str) -> Exercise:
            if name not in known:
                folder = tmp_path_factory.mktemp(name)
                known[name] = stack.enter_context(opened(name, workshop, folder))
            return known[name]

        yield exercise


@pytest.mark.sample(12)
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_a_right_answer_has_full_marks(
    exercises: Exercises, name: str, answer: str, seeds: Iterable[int]
) -> None:
    """And nothing is said of it."""
    has_full_marks(exercises(name), answers(name)[answer], seeds)


@pytest.mark.sample(9)
@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_it_is_recognised(workshop: Workshop, tmp_path: Path, name: str, answer: str) -> None:
    """Without an option, whatever the file is called."""
    assert claims(answers(name)[answer], tmp_path, workshop) == [name]


@pytest.mark.sample(30)
@pytest.mark.parametrize(("name", "label"), WRONG)
def test_a_wrong_answer_fails_in_what_is_wrong(exercises: Exercises, name: str, label: str) -> None:
    """Only the wrong outputs are named."""
    edits, outputs, sentence = TABLES[name].WRONG[label]
    assert sentence in fails(exercises(name), edited(solution(name), edits), outputs, QUICK)


@pytest.mark.sample(4)
@pytest.mark.parametrize(("name", "kind"), STARTERS)
def test_the_starter_of_the_course_has_no_points(
    exercises: Exercises, name: str, kind: str
) -> None:
    """It says of each function that it is to be written."""
    table = TABLES[name]
    is_to_be_written(exercises(name), table.STARTERS[kind], table.FUNCTIONS)


def test_each_function_has_a_penalty_of_its_own(exercises: Exercises) -> None:
    """Half of the penalty in one of two functions: loss and gradient of each agree."""
    head, name, tail = solution("softmax-loss").partition("def softmax_loss_vectorized")
    half = tail.replace("):\n", "):\n    reg = reg / 2\n", 1)
    assert half != tail
    has_full_marks(exercises("softmax-loss"), head + name + half, QUICK)


MODULAR = """
import numpy as np


class TwoLayerNet:
    def __init__(self, input_dim=3072, hidden_dim=100, num_classes=10, weight_scale=1e-3, reg=0.0):
        self.params = {"W1": weight_scale * np.random.randn(input_dim, hidden_dim)}
        self.reg = reg

    def loss(self, X, y=None):
        return 0.0, {}

    def predict(self, X):
        return X
"""


def test_a_net_of_another_course_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    """Its class has the same name, and its loss takes no penalty."""
    path = tmp_path / "fc_net.py"
    path.write_text(MODULAR, encoding="utf-8")
    with (
        Session(Settings(), workshop) as session,
        pytest.raises(GradingError, match=r"`TwoLayerNet\.loss` does not take 3 arguments"),
    ):
        session.grade(read_submission(path))
