"""Runs that are drawn: another for each seed, the same for one, and fit to tell right code."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from soak import SIZE

from gradkit.records.task import Layer, Run, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, course_of
from gradkit.task.probes import GROWS, LEARNS, MOVES, draw, draw_run
from gradkit.text import DRAWN

TASKS = {task.id: task for task in read_assignment().tasks}


def runs(task: Task, seed: int) -> list[Run]:
    """All that start where the drawn run does."""
    probes = draw(task, seed, Derived(task).forward, takes_rate=False)
    return [run for run in probes.runs if run.start == DRAWN]


def drawn(task: Task, seed: int) -> Run:
    """The whole run."""
    return next(run for run in runs(task, seed) if run.check == "trajectory")


def told(run: Run) -> bytes:
    """All that is drawn, as bytes."""
    return b"".join(np.ascontiguousarray(v) for v in (*run.parameters.values(), run.X, run.y))


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_another_run_for_each_seed_and_the_same_for_one(task: Task) -> None:
    """A result is graded again from its seed; two submissions share nothing."""
    found = [told(drawn(task, seed)) for seed in range(6)]
    assert len(set(found)) == 6
    assert found == [told(drawn(task, seed)) for seed in range(6)]
    assert {told(run) for run in runs(task, 3)} == {found[3]}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_drawn_run_is_none_of_the_tasks_own(task: Task) -> None:
    """Neither its start nor its rows; there are as many of these, and targets suit the loss."""
    for seed in range(6):
        run = drawn(task, seed)
        assert (run.X.shape, run.y.shape, run.epochs) == (task.X.shape, task.y.shape, task.epochs)
        assert not np.isclose(run.X, task.X, rtol=1e-3).all()
        for start in task.starts:
            gaps = [np.abs(run.parameters[k] - v).max() for k, v in start.parameters.items()]
            assert max(gaps) > 0.01
        if task.loss != "squared_error":
            assert sorted(run.y.ravel()) == sorted(task.y.ravel())


def _check(task: Task, seeds: range) -> None:
    for seed in seeds:
        run = drawn(task, seed)
        after = Derived(task).train(run)
        losses = course_of(task, run, after).reshape(run.epochs, -1).mean(axis=1)
        assert losses.max() <= GROWS * losses[0]
        assert np.ptp(losses) >= LEARNS * losses.max()
        moved = [np.abs(after[f"final/{k}"] - v).max() for k, v in run.parameters.items()]
        assert min(moved) >= MOVES * max(moved)


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_drawn_run_trains(task: Task) -> None:
    """It learns, every array moves, and nothing runs away."""
    _check(task, range(5))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_drawn_run_trains_on_many_seeds(task: Task) -> None:
    """The same."""
    _check(task, range(40 * SIZE))


def test_what_cannot_be_drawn_well_stays_near_the_tasks_own() -> None:
    """At a rate at which everything runs away there is a run nevertheless."""
    task = TASKS["regression-torch"]
    task = replace(task, rates=replace(task.rates, weight=1e3, bias=1e3))
    with np.errstate(all="ignore"):
        run = drawn(task, 0)
    gaps = [np.abs(run.parameters[k] - v).max() for k, v in task.starts[-1].parameters.items()]
    assert max(gaps) < 0.05


def test_runs_keep_off_corners() -> None:
    """In a net of relus, a start beside the drawn one ends beside its end."""
    task = TASKS["regression-numpy"]
    task = replace(task, layers=(Layer(2, "relu"), Layer(1, "linear")))
    for seed in range(5):
        generator = np.random.default_rng(seed)
        own = drawn(task, seed)
        run = draw_run(task, generator, own)
        nudged = replace(run, parameters={k: v * (1 + 1e-7) for k, v in run.parameters.items()})
        ends = [Derived(task).train(each) for each in (run, nudged)]
        for key in run.parameters:
            np.testing.assert_allclose(ends[0][f"final/{key}"], ends[1][f"final/{key}"], atol=1e-4)
