"""Slopes of the mean loss, and where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.judge.gradient import slopes
from gradkit.judge.tolerances import DOUBLE, SINGLE
from gradkit.records.task import Layer
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.network import parameter_shapes

TASKS = {task.id: task for task in read_assignment().tasks}


@pytest.mark.parametrize("name", ["regression-numpy", "classification-numpy"])
@pytest.mark.parametrize("rows", [1, 4])
def test_slopes_are_those_of_the_mean_loss(name: str, rows: int) -> None:
    """Against central differences; there is no corner in it."""
    task = TASKS[name]
    for seed in range(5):
        rng = np.random.default_rng(seed)
        shapes = parameter_shapes(2, task.layers)
        point = {key: rng.normal(size=(1, *shape)) for key, shape in shapes.items()}
        X = rng.normal(size=(1, 2, rows))
        y = rng.integers(0, 2, size=(1, 1, rows)).astype(float)
        found = slopes(task, point, X, y, DOUBLE)
        for key, slope in found.items():
            assert slope.value.shape == (1, *shapes[key])
            assert not slope.corner.any()
            for index in np.ndindex(shapes[key]):
                ends = []
                for side in (1e-5, -1e-5):
                    moved = {k: v.copy() for k, v in point.items()}
                    moved[key][(0, *index)] += side
                    ends.append(network.loss(task, moved, X, y)[0] / rows)
                assert np.isclose(slope.value[(0, *index)], (ends[0] - ends[1]) / 2e-5, 1e-6, 1e-8)


@pytest.mark.parametrize(
    ("activation", "off", "eps", "corner"),
    [
        ("relu", 0.0, DOUBLE, True),
        ("leaky_relu", 0.0, DOUBLE, True),
        ("relu", 1e-9, DOUBLE, False),
        ("relu", -1e-9, DOUBLE, False),
        ("relu", 1e-7, SINGLE, True),
        ("relu", 1e-3, SINGLE, False),
        ("softplus", 0.0, DOUBLE, False),
    ],
)
def test_a_sum_at_a_kink_has_no_slope(
    activation: str, off: float, eps: float, corner: bool
) -> None:
    """What is behind that unit has none either, for all examples; what is beside it has one.

    How near is at it depends on the precision: rounding may put it on the other side.
    """
    layers = (Layer(2, activation), Layer(1, "linear"))
    task = replace(TASKS["regression-numpy"], layers=layers)
    point = {
        "W1": np.array([[[0.5, 0.3], [0.25, -0.7]]]),
        "b1": np.array([[[-1.0 + off], [0.4]]]),
        "W2": np.array([[[1.5], [-0.5]]]),
        "b2": np.array([[[0.1]]]),
    }
    X = np.array([[[1.0, 0.3], [2.0, -0.8]]])  # of the first example, unit 0 sums to ``off``
    y = np.array([[[3.0, 1.0]]])
    found = slopes(task, point, X, y, eps)
    assert found["W1"].corner.tolist() == [[[corner, False], [corner, False]]]
    assert found["b1"].corner.tolist() == [[[corner], [False]]]
    assert not found["W2"].corner.any()
    assert not found["b2"].corner.any()


def test_a_flat_loss_has_a_slope() -> None:
    """Of zero, as where all outputs are right."""
    task, rng = TASKS["regression-numpy"], np.random.default_rng(0)
    point = {
        key: rng.normal(size=(1, *shape)) for key, shape in parameter_shapes(2, task.layers).items()
    }
    X = rng.normal(size=(1, 2, 3))
    found = slopes(task, point, X, network.forward(task.layers, point, X)[0], DOUBLE)
    assert not any(slope.value.any() or slope.corner.any() for slope in found.values())
