"""Gradient descent on the loss of a forward pass that has mistakes in it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.forward import apply_forward, form_with
from gradkit.diagnosis.rules.columns import to_columns
from gradkit.diagnosis.rules.forward import activation_of
from gradkit.records.rule import ForwardForm, Slip, UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.activations import LOSSES
from gradkit.task.network import Dense, run, slopes_of
from gradkit.task.oracle import rate_of


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

    inputs = replace(inputs, y_hat=y_hat, A1=A1)
    columns = to_columns(inputs)
    stages = run(_layers_before_output(form_with(task, slips)), inputs.before, columns["X"])
    with np.errstate(all="ignore"):
        slope = LOSSES[task.loss].slope(columns["y"], columns["y_hat"])
        slopes = slopes_of(stages, inputs.before, slope)
    after = {
        key: value - rate_of(task, key, columns)[:, None, None] * slopes[key]
        for key, value in inputs.before.items()
    }
    if not all(np.isfinite(value).all() for value in after.values()):
        return None
    return inputs, after


def _layers_before_output(form: ForwardForm) -> tuple[Dense, ...]:
    """The layers that are run until there is what the pass returns: a stage of `run_stages`."""
    kind, places = form.output[:1], int(form.output[1:] or 0)
    layers = [
        Dense(
            number,
            (activation_of(layer.activation),) * layer.times,
            layer.sign,
            layer.bias,
            layer.transposed,
        )
        for number, layer in zip(form.order[:places], form.layers[:places], strict=True)
    ]
    if kind == "z":
        layers[-1] = replace(layers[-1], activations=(), sign=1)
    return tuple(layers)
