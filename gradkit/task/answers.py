"""The right answers for one example at a time, for an instructor's own tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gradkit.records.task import Array, Parameters, Task
from gradkit.task import network
from gradkit.task.oracle import Oracle


@dataclass(frozen=True, slots=True)
class Answers:
    """What is right for one task, in canonical form: W (in, out), everything else a column.

    ``parameters`` maps ``W1`` (in, out), ``b1`` (out, 1) and so on to float64 arrays. ``X`` is
    one example, (features, 1), ``y`` its target, (outputs, 1); both may be given in any shape
    of that size. Nothing that is given is changed.
    """

    task: Task
    oracle: Oracle

    def forward(self, parameters: Parameters, X: ArrayLike) -> tuple[Array, Array]:
        """The prediction, (outputs, 1), and the input of the last layer, (units, 1)."""
        y_hat, A1 = self.oracle.forward(_stacked(parameters), _column(X))
        return y_hat[0], A1[0]

    def update(
        self, parameters: Parameters, X: ArrayLike, y: ArrayLike, rate: float | None = None
    ) -> dict[str, Array]:
        """Parameters after one step at the task's own rates, or at ``rate``."""
        stacked, column = _stacked(parameters), _column(X)
        y_hat, A1 = self.oracle.forward(stacked, column)
        given = {"X": column, "y": _column(y), "y_hat": y_hat, "A1": A1}
        handed = {} if rate is None else {"rate": np.array([rate])}
        after = self.oracle.update({**stacked, **given, **handed})
        return {key: value[0] for key, value in after.items()}

    def gradient(self, parameters: Parameters, X: ArrayLike, y: ArrayLike) -> dict[str, Array]:
        """The gradient of the task's loss, from its layers alone, in the parameters' shapes."""
        slopes = network.gradient(self.task, _stacked(parameters), _column(X), _column(y))
        return {key: value[0] for key, value in slopes.items()}


def _stacked(parameters: Mapping[str, ArrayLike]) -> dict[str, Array]:
    return {key: np.array(value, dtype=np.float64)[None] for key, value in parameters.items()}


def _column(value: ArrayLike) -> Array:
    return np.array(value, dtype=np.float64).reshape(1, -1, 1)
