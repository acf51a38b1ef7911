"""The correct update step on inputs that come from no forward pass, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gradkit.records.rule import Entry, Rule, UpdateInputs, UpdateProbes
from gradkit.records.task import Array, Rates, Task
from gradkit.truth.rules.draw import FRESH, draw, with_rate
from gradkit.truth.rules.recover import recover

SLOPES: Mapping[str, Callable[[Array], Array]] = {
    "linear": np.ones_like,
    "sigmoid": lambda A: A * (1 - A),
    "tanh": lambda A: 1 - A**2,
    "relu": lambda A: (A > 0).astype(float),
}
"""An activation's derivative, written in terms of its value."""

# For these the loss's derivative and the activation's cancel to y − ŷ.
NATURAL = {("binary_cross_entropy", "sigmoid"), ("cross_entropy", "softmax")}


def step(task: Task, inputs: UpdateInputs) -> dict[str, Array]:
    """Gradient descent for two layers, all gradients at the parameters ``before``.

    With ``δ = −∂L/∂z₂`` (``2(y−ŷ)·act'`` for the squared error, ``y−ŷ`` where loss and
    activation belong together) the changes are the rate times

        ``W2 += A1 δᵀ,  b2 += δ,  W1 += X (W2 δ ∘ act'(A1))ᵀ,  b1 += W2 δ ∘ act'(A1)``.

    Parameters
    ----------
    task : Task
    inputs : UpdateInputs
        A rate, where given, replaces both of the task's.

    Returns
    -------
    dict
        Each parameter after the step, shapes as in ``inputs.before``.

    Raises
    ------
    ValueError
        The task does not have two layers, or its loss and output do not go together here.
    """
    if len(task.layers) != 2:
        raise ValueError(
            f"{task.id}: rules are known for nets of 2 layers, and this task has "
            f"{len(task.layers)}; its updates are judged without a diagnosis."
        )
    delta = _output_delta(task, inputs.y, inputs.y_hat)
    before = inputs.before
    back = np.einsum("njk,nk->nj", before["W2"], delta) * SLOPES[task.layers[0].activation](
        inputs.A1
    )
    change = {
        "W1": inputs.X[:, :, None] * back[:, None, :],
        "b1": back[:, :, None],
        "W2": inputs.A1[:, :, None] * delta[:, None, :],
        "b2": delta[:, :, None],
    }
    return {
        key: value + rate_of(task.rates, key, inputs) * change[key] for key, value in before.items()
    }


def _output_delta(task: Task, y: Array, y_hat: Array) -> Array:
    pair = task.loss, task.layers[-1].activation
    if pair in NATURAL:
        return y - y_hat
    if task.loss == "squared_error" and pair[1] in SLOPES:
        return 2 * (y - y_hat) * SLOPES[pair[1]](y_hat)
    raise ValueError(
        f"{task.id}: loss {pair[0]!r} after activation {pair[1]!r} has no update rule in y, ŷ, "
        f"A1 and X; give squared_error, or one of {sorted(NATURAL)}."
    )


def rate_of(rates: Rates, key: str, inputs: UpdateInputs) -> Array | float:
    """The learning rate of parameter ``key``, broadcasting over (n, rows, columns)."""
    if inputs.rate is not None:
        return inputs.rate[:, None, None]
    return rates.weight if key[0] == "W" else rates.bias


def correct_rules(task: Task, *, rate: bool = False) -> dict[Entry, Rule]:
    """The rules of `step`, recovered from its numbers like anybody's; cached per task.

    Parameters
    ----------
    rate : bool
        For a function that takes a learning rate.
    """
    key = (task.id, task.X.shape[1], task.layers, task.loss, task.rates, rate)
    if key not in _CACHE:
        _CACHE[key] = _recover_correct(task, rate)
    return _CACHE[key]


_CACHE: dict[object, dict[Entry, Rule]] = {}


def _recover_correct(task: Task, rate: bool) -> dict[Entry, Rule]:
    fit, fresh = draw(task, 11), draw(task, 12, FRESH, vary=False)
    if rate:
        fit, fresh = with_rate(fit, 11), with_rate(fresh, 12)
    found = recover(
        task,
        UpdateProbes(fit, step(task, fit)),
        UpdateProbes(fresh, step(task, fresh)),
    )
    rules = {entry: rule for entry, rule in found.items() if isinstance(rule, Rule)}
    if len(rules) != len(found):
        lost = sorted(set(found) - set(rules))
        raise ValueError(f"{task.id}: the correct step has no rule in the library for {lost[0]}.")
    return rules
