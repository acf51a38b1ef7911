"""The correct update step on inputs that come from no forward pass, and its rules."""

from __future__ import annotations

from gradkit.diagnosis.rules.draw import FRESH, draw, with_rate
from gradkit.diagnosis.rules.recover import recover
from gradkit.language import say
from gradkit.records.finding import NoDiagnosisError
from gradkit.records.rule import Entry, Rule, UpdateInputs, UpdateProbes
from gradkit.records.task import Array, Rates, Task
from gradkit.task.activations import ACTIVATIONS, LOSSES
from gradkit.task.network import Stage, before_activation, slopes_of, stack


def step(task: Task, inputs: UpdateInputs) -> dict[str, Array]:
    """Gradient descent for two layers, all gradients at the parameters ``before``.

    With ``δ = ∂L/∂z₂`` (``−2(y−ŷ)·act'`` for the squared error, ``ŷ−y`` where loss and
    activation belong together) the changes are minus the rate times

        ``W2: A1 δᵀ,  b2: δ,  W1: X (W2 δ ∘ act'(A1))ᵀ,  b1: W2 δ ∘ act'(A1)``.

    It is what `gradkit.task.network` pulls back, at values that come from no forward pass.

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
    NoDiagnosisError
        The task does not have two layers, or an activation's slope is not written in its value.
    """
    if len(task.layers) != 2:
        raise NoDiagnosisError(
            say(
                "rules are known for nets of 2 layers, and this one has {count}",
                count=len(task.layers),
            )
        )
    loss, (hidden, output) = LOSSES[task.loss], stack(task.layers)
    natural = task.layers[-1].activation == loss.natural
    for layer, given in zip(task.layers, (False, natural), strict=True):
        if ACTIVATIONS[layer.activation].slope is None and not given:
            raise NoDiagnosisError(
                say(
                    "the slope of {activation} does not follow from what an update is handed here",
                    activation=layer.activation,
                )
            )
    y, y_hat, A1, X = (v[:, :, None] for v in (inputs.y, inputs.y_hat, inputs.A1, inputs.X))
    last, slope = Stage(output, A1, (y_hat, y_hat)), loss.slope(y, y_hat)
    if natural:
        # Targets that are drawn do not add up to 1, as those of classes do.
        last, slope = before_activation(last), y_hat - y
    slopes = slopes_of((Stage(hidden, X, (A1, A1)), last), inputs.before, slope)
    return {
        key: value - rate_of(task.rates, key, inputs) * slopes[key]
        for key, value in inputs.before.items()
    }


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
        raise NoDiagnosisError(
            say("no rule is known for {entry} of the right step", entry=lost[0][0])
        )
    return rules
