"""The tasks that rules are tested on: the two shipped, and exercises of other shapes."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from gradkit.records.task import Layer, Task
from gradkit.task.assignment import read_assignment

SHIPPED = {task.id: task for task in read_assignment().tasks}
REGRESSION = SHIPPED["regression-numpy"]
CLASSIFICATION = SHIPPED["classification-numpy"]


def exercise(name: str, features: int, layers: tuple[Layer, ...], loss: str) -> Task:
    """Return a task of another shape, with the rates of the shipped regression."""
    generator = np.random.default_rng(len(name))
    outputs = layers[-1].units
    X = np.round(generator.uniform(1, 9, (6, features)), 1)
    y = np.round(generator.uniform(1, 5, (6, outputs)), 1)
    if loss == "cross_entropy":
        y = np.eye(outputs)[generator.integers(0, outputs, 6)]
    columns = tuple(f"x{i}" for i in range(features))
    return replace(
        REGRESSION, id=name, columns=columns, X=X, y=y, layers=layers, loss=loss, starts=()
    )


TANH = exercise("tanh", 3, (Layer(4, "tanh"), Layer(1, "linear")), "squared_error")
RELU = exercise("relu", 3, (Layer(4, "relu"), Layer(1, "linear")), "squared_error")
SOFTMAX = exercise("softmax", 4, (Layer(5, "sigmoid"), Layer(3, "softmax")), "cross_entropy")
ALL = (REGRESSION, CLASSIFICATION, TANH, RELU, SOFTMAX)
