"""Generated updates with one, two and three mistakes, through the worker and the whole line."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from rules.generate import STYLES, sets_of, write
from said import alternatives, codes, named
from soak import SIZE
from written import homework

from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(54)

TASKS = ("regression-numpy", "classification-numpy")
LAYOUTS = {"scalar": "column", "vectorised": "column", "out_in": "out_in", "row": "row"}
QUICK = 6
SOAK = 40 * SIZE


@pytest.fixture(scope="module")
def tasks():
    """The public tasks by name."""
    return {task.id: task for task in read_assignment(None).tasks}


def sample(sets: list[frozenset[str]], seed: int):
    """All of them in an order of the seed's, each in one of the styles."""
    order = np.random.default_rng(seed).permutation(len(sets))
    return [(sets[number], STYLES[place % len(STYLES)]) for place, number in enumerate(order)]


def assert_named(diagnosed, task, made: frozenset[str], style: str, seed: int = 0) -> None:
    """Exactly this set, or one that is told to predict the same."""
    result = diagnosed(homework(task.id, write(made, task, style), LAYOUTS[style]), task.id, seed)
    if codes(result) == made:
        return
    assert made in alternatives(result), (sorted(made), style, sorted(codes(result)))
    assert len(named(result)) <= len(made)


@pytest.mark.sample(18)
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", TASKS)
def test_a_sample_of_sets_is_named(diagnosed, tasks, name: str, size: int) -> None:
    """A few of every size; in-process tests of the rules go through them all."""
    task = tasks[name]
    for made, style in islice(sample(sets_of(size, task), size), QUICK):
        assert_named(diagnosed, task, made, style)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", TASKS)
def test_a_large_sample_of_sets_is_named(diagnosed, tasks, name: str, size: int) -> None:
    """In every style, over several seeds."""
    task = tasks[name]
    for number, (made, style) in enumerate(islice(sample(sets_of(size, task), 10 + size), SOAK)):
        assert_named(diagnosed, task, made, style, number % 10)


def test_a_set_that_was_not_made_is_not_named(diagnosed, tasks) -> None:
    """The twin: with one mistake less the text is called another set."""
    task = tasks["regression-numpy"]
    text = write(frozenset({"updated-before-use"}), task, "vectorised")
    result = diagnosed(homework(task.id, text), task.id)
    both = frozenset({"updated-before-use", "wrong-sign"})
    assert both not in {frozenset(codes(result)), *alternatives(result)}
