"""Slopes of the task's correct loss, and where it has none because of a corner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.records.task import Array, Task
from gradkit.task import network

REACH = 16.0
"""So many times what rounding may take from a sum, it may be on the other side of a kink."""

LEAST = 1e-9
"""A jump at a kink that is smaller than this part of the largest slope does not matter."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Partial derivatives with respect to one parameter, and at which entries there are none."""

    value: Array
    corner: NDArray[np.bool_]


def slopes(
    task: Task, points: Mapping[str, Array], X: Array, y: Array, eps: float
) -> list[dict[str, Slope]]:
    """Differentiate the mean loss over some examples at each point.

    Parameters
    ----------
    task : Task
    points : mapping of arrays, (points, in, out) and (points, out, 1)
        Finite.
    X : array, (points, features, examples)
        Each point has examples of its own.
    y : array, (points, outputs, examples)
    eps : float
        The rounding unit of the arithmetic that the slopes are for: it may put a sum that is at
        a kink on either side of it, where slopes differ.

    Returns
    -------
    list of dict of str to Slope
        For each point, in canonical shapes.
    """
    examples = X.shape[-1]
    with np.errstate(all="ignore"):
        found = network.gradient(task, points, X, y)
        # Where no sum is at a kink, nothing is moved, and there is nothing between the sides.
        left, right = (
            found if moved is None else network.gradient(task, moved, X, y)
            for moved in (_aside(task, points, X, side * REACH * eps) for side in (-1, 1))
        )
        corner = {key: _jumps(left[key], right[key], eps) for key in found}
    return [
        {key: Slope(value[point] / examples, corner[key][point]) for key, value in found.items()}
        for point in range(len(X))
    ]


def _jumps(left: Array, right: Array, eps: float) -> NDArray[np.bool_]:
    largest = np.abs(left).max(axis=(-2, -1), keepdims=True)
    jumps: NDArray[np.bool_] = np.abs(right - left) > max(10 * REACH * eps, LEAST) * largest
    return jumps


def _aside(
    task: Task, points: Mapping[str, Array], X: Array, reach: float
) -> dict[str, Array] | None:
    """Parameters with which every sum at a kink is on one side of it; None where none is at one.

    Biases do it, with one for each example.
    """
    moved, at_kink = dict(points), False
    for number, (activation, z, lost) in enumerate(network.sums(task.layers, points, X), 1):
        if activation.kink is None:
            continue
        near = np.abs(z - activation.kink) <= abs(reach) * lost
        at_kink = at_kink or bool(near.any())
        to_side = np.where(near, activation.kink - z + reach * lost, 0.0)
        moved[f"b{number}"] = points[f"b{number}"] + to_side
    return moved if at_kink else None
