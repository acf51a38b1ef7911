"""Right answers to exercises of the gallery have full marks, in any style and on every seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from marked import SEEDS, Exercise, answers, claims, has_full_marks, opened

from gradkit.sandbox import Workshop

EXERCISES = (
    "logistic-regression",
    "one-hidden-layer",
    "deep-net",
    "softmax-loss",
    "two-layer-net",
)

ANSWERS = [(name, answer) for name in EXERCISES for answer in answers(name)]

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
