"""Slopes of the task's correct loss by finite differences, with a bound on their error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.plan import plan_ladder, read_ladders
from gradkit.records.task import Array, Parameters, Task
from gradkit.truth import network


@dataclass(frozen=True, slots=True)
class Slope:
    """Partial derivatives with respect to one parameter, and absolute bounds on their error.

    A bound is infinite where finite differences cannot tell, as at a corner of the loss.
    """

    value: Array
    bound: Array


def slopes(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Slope]:
    """Differentiate the mean loss over some examples, on a ladder planned ahead.

    Parameters
    ----------
    task : Task
    parameters : mapping of arrays
        One point, in canonical shapes.
    X : array, (examples, features, 1)
    y : array, (examples, outputs, 1)

    Returns
    -------
    dict of str to Slope
    """
    return slopes_at(task, [(parameters, X, y)])[0]


def slopes_at(
    task: Task, points: Sequence[tuple[Parameters, Array, Array]]
) -> list[dict[str, Slope]]:
    """The `slopes` at several points, each with examples of its own."""
    if not points:
        return []
    plans, values = [], []
    for parameters, X, y in points:
        plan = plan_ladder(parameters)
        stacked = {key: value[:, None] for key, value in plan.parameters.items()}
        with np.errstate(all="ignore"):
            values.append(network.loss(task, stacked, X[None], y[None]).mean(axis=1))
        plans.append(plan)
    return [
        {
            key: Slope(value, np.where(read.status[key] == "ok", read.bound[key], np.inf))
            for key, value in read.estimate.items()
        }
        for read in read_ladders(plans, values)
    ]
