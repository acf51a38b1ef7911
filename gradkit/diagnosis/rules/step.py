"""Compute the correct update step at random inputs, and write its rules."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.draw import draw_update, to_columns, with_rate
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.forms import normalize_rule, value_before
from gradkit.diagnosis.rules.symbols import W1, W2, Shape, combine_factors, shape_of
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import Entry, Factor, Rule, Term, UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.network import ACTIVATIONS, LOSSES, Stage, before_activation, slopes_of, stack
from gradkit.task.oracle import descended
from gradkit.text import format_text


def correct_step(task: Task, inputs: UpdateInputs) -> dict[str, Array]:
    """Compute a step of gradient descent for two layers, with all gradients taken at ``before``.

    With ``δ = ∂L/∂z₂`` (``−2(y−ŷ)·act'`` for the squared error, ``ŷ−y`` where loss and activation
    belong together) the changes are minus the learning rate times

        ``W2: A1 δᵀ,  b2: δ,  W1: X (W2 δ ∘ act'(A1))ᵀ,  b1: W2 δ ∘ act'(A1)``.

    The formulas are those of `gradkit.task.network`, but ŷ and A1 are random and need not come from
    a forward pass.

    Parameters
    ----------
    task : Task
    inputs : UpdateInputs
        A rate, if given, replaces both rates of the task.

    Returns
    -------
    dict
        Each parameter after the step, shapes as in ``inputs.before``.

    Raises
    ------
    NoDiagnosisError
        The task does not have two layers, or an activation's derivative cannot be computed from its
        output.
    """
    if len(task.layers) != 2:
        raise NoDiagnosisError(
            format_text(
                "rules are known for nets of 2 layers, and this one has {count}",
                count=len(task.layers),
            )
        )
    loss, (hidden, output) = LOSSES[task.loss], stack(task.layers)
    natural = task.layers[-1].activation == loss.natural
    for layer, given in zip(task.layers, (False, natural), strict=True):
        if ACTIVATIONS[layer.activation].slope is None and not given:
            raise NoDiagnosisError(
                format_text(
                    "the derivative of {activation} cannot be computed from the inputs of an "
                    "update step",
                    activation=layer.activation,
                )
            )
    columns = to_columns(inputs)
    y, y_hat, A1, X = (columns[name] for name in ("y", "y_hat", "A1", "X"))
    last, slope = Stage(output, A1, (y_hat, y_hat)), loss.slope(y, y_hat)
    if natural:
        # Random targets do not add up to 1, so the softmax formula is taken as ŷ − y directly.
        last, slope = before_activation(last), y_hat - y
    slopes = slopes_of((Stage(hidden, X, (A1, A1)), last), inputs.before, slope)
    return descended(task, columns, slopes)


def correct_rules(task: Task, *, rate: bool = False) -> dict[Entry, Rule]:
    """Return the rules of `correct_step`, verified against its numbers; cached per task.

    With ``δ = ∂L/∂z₂`` each change is a product: ``W2[j,k]: δ[k]·A1[j]``, ``b2[k]: δ[k]``, ``b1[j]:
    Σₖ δ[k]·W2[j,k]·act'(A1[j])``, and ``W1[i,j]`` is that of ``b1[j]`` times ``X[i]``.

    Parameters
    ----------
    rate : bool
        The update function takes a learning rate, which becomes a factor of each rule.

    Raises
    ------
    NoDiagnosisError
        These rules do not give the numbers of `correct_step`, or it is not defined for the task.
    """
    key = (task.id, task.X.shape[1], task.layers, task.loss, task.rates, rate)
    if key not in _CACHE:
        inputs = draw_update(task, 12)
        inputs = with_rate(inputs, 12) if rate else inputs
        after, shape = correct_step(task, inputs), shape_of(task)
        rules = {entry: _correct_rule(task, shape, entry, rate=rate) for entry in shape.entries}
        with np.errstate(all="ignore"):
            found = evaluate(task, rules, inputs)
        for name, index in rules:
            right = after[name][:, *index]
            if not np.abs(found[name][:, *index] - right).max() <= EXACT * np.abs(right).max():
                raise NoDiagnosisError(
                    format_text("no rule is known for {entry} of the correct step", entry=name)
                )
        _CACHE[key] = rules
    return _CACHE[key]


_CACHE: dict[object, dict[Entry, Rule]] = {}

EXACT = 1e-12
"""Relative tolerance between the correct rules and the numbers of `correct_step`."""


def _correct_rule(task: Task, shape: Shape, entry: Entry, *, rate: bool) -> Rule:
    """Return the correct rule of one entry, by the formulas in `correct_rules`.

    ``task`` has the loss and the learning rates, and ``shape`` the sizes and activations of its
    net. With ``rate``, the update takes the learning rate, which becomes a factor in place of a
    number.
    """
    (parameter, (i, j)), layer = entry, int(entry[0][1])
    k: int | str = (j if parameter == W2 else i) if layer == 2 else "k"
    k = k if shape.outputs > 1 else 0
    size, factors = _output_error(task, shape, k)
    if layer == 1:
        unit = j if parameter == W1 else i
        slope = ACTIVATIONS[shape.activation].factors
        names = ("hidden_derivative",) if slope is None else slope
        factors = (*factors, Factor(W2, (unit, k), "before"))
        factors = (*factors, *(Factor(name, (unit,)) for name in names))
    if parameter[0] == "W":
        factors = (*factors, Factor("input" if layer == 1 else "hidden", (i,)))
    own = task.rates.weight if parameter[0] == "W" else task.rates.bias
    term = Term(size * (1.0 if rate else own), (*factors, *((Factor("rate"),) if rate else ())))
    return normalize_rule(Rule(*entry, value_before(entry), (term,)))


def _output_error(task: Task, shape: Shape, k: int | str) -> tuple[float, tuple[Factor, ...]]:
    """Return −∂L/∂z₂ of output ``k`` as a coefficient and factors.

    ``k`` is an index, or the letter of a sum. For a loss of ``task`` that belongs together with the
    last activation, the result is y − ŷ; otherwise it is the loss's derivative times that of the
    activation, which ``shape`` names.
    """
    error = Factor("error", (k,))
    if shape.last == LOSSES[task.loss].natural:
        return 1.0, (error,)
    output, complement = Factor("output", (k,)), Factor("output_complement", (k,))
    own = ACTIVATIONS[shape.last].factors
    slope: tuple[Factor, ...] = (Factor("output_derivative", (k,)),)
    if own is not None:
        slope = {(): (), ("hidden", "hidden_complement"): (output, complement)}.get(own, slope)
    below = (replace(output, power=-1), replace(complement, power=-1))
    return {
        "squared_error": (2.0, (error, *slope)),
        "binary_cross_entropy": (1.0, combine_factors((error, *below, *slope))),
        "cross_entropy": (1.0, combine_factors((Factor("target", (k,)), below[0], *slope))),
    }[task.loss]
