"""Slopes of the task's correct loss by finite differences, with a bound on their error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.plan import plan_ladder, read_ladder
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
    plan = plan_ladder(parameters)
    stacked = {key: value[:, None] for key, value in plan.parameters.items()}
    with np.errstate(all="ignore"):
        values = network.loss(task, stacked, X[None], y[None]).mean(axis=1)
    read = read_ladder(plan, values)
    return {
        key: Slope(read.estimate[key], np.where(read.status[key] == "ok", read.bound[key], np.inf))
        for key in parameters
    }
