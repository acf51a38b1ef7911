"""Slopes of the task's correct loss by finite differences, with a bound on their error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.differences import plan_abreast, read_abreast
from gradkit.records.task import Array, Task
from gradkit.truth import network


@dataclass(frozen=True, slots=True)
class Slope:
    """Partial derivatives with respect to one parameter, and absolute bounds on their error.

    A bound is infinite where finite differences cannot tell, as at a corner of the loss.
    """

    value: Array
    bound: Array


def slopes(task: Task, points: Mapping[str, Array], X: Array, y: Array) -> list[dict[str, Slope]]:
    """Differentiate the mean loss over some examples at each point, on ladders planned ahead.

    Parameters
    ----------
    task : Task
    points : mapping of arrays, (points, in, out) and (points, out, 1)
        Finite.
    X : array, (points, examples, features, 1)
        Each point has examples of its own.
    y : array, (points, examples, outputs, 1)

    Returns
    -------
    list of dict of str to Slope
        For each point, in canonical shapes.
    """
    rows = plan_abreast(points)
    stacked = {key: value[:, :, None] for key, value in rows.parameters.items()}
    with np.errstate(all="ignore"):
        values = network.loss(task, stacked, X, y).mean(axis=-1)
    found = read_abreast(rows, values)
    return [
        {key: Slope(value[point], bound[point]) for key, (value, bound) in found.items()}
        for point in range(len(X))
    ]
