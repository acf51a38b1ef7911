"""The derived oracle descends, scales and counts as the task file says."""

from __future__ import annotations

import numpy as np
from model_solutions import REFERENCE
from msgspec.structs import replace

from gradkit.records.task import Layer
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, course_of, load_reference, mean_scale
from gradkit.task.probes import draw

TASKS = {task.id: task for task in read_assignment().tasks}
KEYS = ("W1", "b1", "W2", "b2")


def test_derived_update_descends() -> None:
    """A small step lowers the loss of its own example, at every probe."""
    for name in ("regression-numpy", "classification-numpy"):
        task, oracle = TASKS[name], Derived(TASKS[name])
        inputs = draw(task, 3, oracle.forward, takes_rate=False).update[0].inputs
        before = {key: inputs[key] for key in KEYS}
        after = oracle.update(inputs)
        X, y = inputs["X"], inputs["y"]
        assert (network.loss(task, after, X, y) < network.loss(task, before, X, y)).all()


def test_a_handed_rate_scales_the_change() -> None:
    """In both oracles: twice the rate moves twice as far, biases as well as weights."""
    task = TASKS["classification-numpy"]
    for oracle in (Derived(task), load_reference(task, REFERENCE, "correct")):
        inputs = dict(draw(task, 0, oracle.forward, takes_rate=True).update[0].inputs)
        once = oracle.update(inputs)
        twice = oracle.update({**inputs, "rate": 2 * inputs["rate"]})
        for key in KEYS:
            moved, moved_twice = once[key] - inputs[key], twice[key] - inputs[key]
            assert np.allclose(2 * moved, moved_twice, rtol=1e-9, atol=1e-15)


def test_course_of_predictions_is_the_loss() -> None:
    """From ŷ of every step, in the task's loss; complex or missing predictions have none."""
    task = TASKS["regression-numpy"]
    run = draw(task, 0, Derived(task).forward, takes_rate=False).runs[0]
    trained = Derived(task).train(run)
    course = course_of(task, run, trained)
    assert course.shape == (20,)
    assert np.isclose(course[0], (4 - trained["y_hat"][0, 0, 0]) ** 2)
    assert not course_of(task, run, {}).size
    assert not course_of(task, run, {"y_hat": np.ones((20, 1, 1), complex)}).size


def test_mean_reduction_divides_by_outputs_but_not_by_classes() -> None:
    """As torch's MSELoss and BCELoss do, and its CrossEntropyLoss does not."""
    task = TASKS["regression-torch"]
    two = replace(task, layers=(Layer(2, "linear"),))
    assert mean_scale(task) == 1.0
    assert mean_scale(two) == 0.5
    assert mean_scale(replace(two, loss="cross_entropy")) == 1.0
