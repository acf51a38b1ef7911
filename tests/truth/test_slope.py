"""Slopes by finite differences agree with the exact gradient, within their own bound."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.truth import network
from gradkit.truth.assignment import read_assignment
from gradkit.truth.network import parameter_shapes
from gradkit.truth.slope import slopes

TASKS = {task.id: task for task in read_assignment().tasks}


@pytest.mark.parametrize("name", ["regression-numpy", "classification-numpy"])
@pytest.mark.parametrize("rows", [1, 4])
def test_slopes_are_the_gradient_of_the_mean_loss(name: str, rows: int) -> None:
    """The bound holds, and it is small enough to tell a wrong gradient."""
    task = TASKS[name]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        shapes = parameter_shapes(2, task.layers)
        parameters = {key: rng.normal(size=shape) for key, shape in shapes.items()}
        X = rng.normal(size=(rows, 2, 1))
        y = rng.integers(0, 2, size=(rows, 1, 1)).astype(float)
        point = {key: value[None] for key, value in parameters.items()}
        found = slopes(task, point, X[None], y[None])[0]
        stacked = {key: np.repeat(value[None], rows, 0) for key, value in parameters.items()}
        exact = network.gradient(task, stacked, X, y)
        for key, slope in found.items():
            right = exact[key].mean(axis=0)
            assert slope.value.shape == right.shape
            assert (np.abs(slope.value - right) <= slope.bound + 1e-15).all()
            assert (slope.bound <= 1e-5 * max(1, np.abs(right).max())).all()
