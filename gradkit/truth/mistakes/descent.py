"""Gradient descent on the loss of a forward pass that has mistakes in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.rule import Slip, UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.truth.mistakes.forward import apply_forward
from gradkit.truth.network import LOSSES, complex_step
from gradkit.truth.oracle import rate_of
from gradkit.truth.rules.columns import to_columns


def descent_after(
    task: Task, slips: Iterable[Slip], inputs: UpdateInputs
) -> tuple[UpdateInputs, dict[str, Array]] | None:
    """What an update is called with after a wrong forward pass, and the right step from there.

    Parameters
    ----------
    task : Task
    slips : iterable of Slip
        The mistakes of the forward pass, which alone are in it.
    inputs : UpdateInputs
        Parameters, X, y and rates; ``y_hat`` and ``A1`` are those of the wrong forward pass in
        what is returned.

    Returns
    -------
    inputs, after : UpdateInputs and dict of arrays (n, …), or None
        None where the pass gives no output that the loss is defined for.
    """
    slips = tuple(slips)
    y_hat, A1 = apply_forward(task, slips, inputs.X, inputs.before)
    if y_hat.shape != inputs.y.shape or A1.shape != inputs.A1.shape:
        return None

    def loss(moved: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        n, moves = next(iter(moved.values())).shape[:2]
        stacked = {key: value.reshape(-1, *value.shape[2:]) for key, value in moved.items()}
        X, y = (np.repeat(value, moves, axis=0) for value in (inputs.X, inputs.y))
        output = apply_forward(task, slips, X, stacked)[0]
        return LOSSES[task.loss](y[:, :, None], output[:, :, None]).reshape(n, moves)

    inputs = replace(inputs, y_hat=y_hat, A1=A1)
    columns = to_columns(inputs)
    with np.errstate(all="ignore"):
        slopes = complex_step(loss, inputs.before)
    after = {
        key: value - rate_of(task, key, columns)[:, None, None] * slopes[key]
        for key, value in inputs.before.items()
    }
    if not all(np.isfinite(value).all() for value in after.values()):
        return None
    return inputs, after
