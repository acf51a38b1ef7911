"""Runs that have been asked for before are not made again, and are no different."""

from typing import ClassVar

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.records.task import Run
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import KEPT, CachedOracle, Derived
from gradkit.task.probes import draw

TASKS = {task.id: task for task in read_assignment().tasks}


class Counting(Derived):
    """The task's own oracle, counting."""

    asked: ClassVar[list[str]] = []

    def train(self, run: Run) -> dict:
        """Note the run."""
        self.asked.append(run.name)
        return super().train(run)


@pytest.mark.parametrize("name", ["regression-numpy", "regression-torch"])
def test_a_run_is_made_once(name: str) -> None:
    """Whatever it is called; another rate, start, length or row makes another one."""
    task = TASKS[name]
    Counting.asked.clear()
    oracle = CachedOracle(Counting(task))
    run = draw(task, 1, oracle.forward, takes_rate=True).runs[0]
    for _ in range(2):
        for same in (run, replace(run, name="other")):
            expected = Derived(task).train(same)
            found = oracle.train(same)
            assert found.keys() == expected.keys()
            assert all(np.array_equal(found[key], value) for key, value in expected.items())
    assert len(Counting.asked) == 1
    moved = {key: value + 0.1 for key, value in run.parameters.items()}
    others = [
        replace(run, epochs=run.epochs + 1),
        replace(run, rate=0.002),
        replace(run, parameters=moved),
        replace(run, X=run.X[::-1]),
    ]
    for other in others:
        oracle.train(other)
    assert len(Counting.asked) == 5


def test_what_is_remembered_is_bounded_and_cannot_be_changed() -> None:
    """The oldest run is forgotten first."""
    task = TASKS["regression-numpy"]
    Counting.asked.clear()
    oracle = CachedOracle(Counting(task))
    run = draw(task, 1, oracle.forward, takes_rate=True).runs[0]
    for number in range(KEPT + 1):
        oracle.train(replace(run, epochs=1, rate=number / 100))
    answer = oracle.train(replace(run, epochs=1, rate=KEPT / 100))
    assert len(Counting.asked) == KEPT + 1
    oracle.train(replace(run, epochs=1, rate=0.0))
    assert len(Counting.asked) == KEPT + 2
    with pytest.raises(ValueError, match="read-only"):
        next(iter(answer.values()))[...] = 0.0
