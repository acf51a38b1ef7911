"""Train with what was found of an update, to see whether a wrong trajectory follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.probes import Run
from gradkit.records.rule import Rule, Rules, Slip, UpdateInputs
from gradkit.records.task import Array, Parameters, Task
from gradkit.truth.mistakes import apply
from gradkit.truth.rules import evaluate
from gradkit.truth.rules.evaluate import waiting_in_circles

CLOSE = 1e-9
"""Relative; how near a replay has to come to what was observed."""

Step = Callable[[UpdateInputs], Mapping[str, Array]]


def step_of(task: Task, rules: Rules, slips: Sequence[Slip]) -> Step | None:
    """What the student's code does in one step.

    Parameters
    ----------
    task : Task
    rules : mapping
        What it applies, for every entry.
    slips : sequence of Slip
        The mistakes that explain it. They are run where an entry has no rule, as what
        integers cut off has none.

    Returns
    -------
    callable or None
        From inputs to the parameters afterwards; None where no order of statements gives
        the rules.
    """
    exact = {entry: rule for entry, rule in rules.items() if isinstance(rule, Rule)}
    if len(exact) < len(rules):
        return partial(apply, task, slips)
    return None if waiting_in_circles(exact) else partial(evaluate, task, exact)


def follows(
    run: Run,
    observed: Mapping[str, NDArray[Any]],
    step: Step,
    forward: Callable[[Parameters, Array], tuple[Array, Array]],
) -> bool:
    """Whether a run with this update gives exactly the observed one.

    Parameters
    ----------
    run : Run
    observed : mapping of arrays
        ``y_hat`` of every step, and ``final/…`` parameters.
    step : callable
        The update, see `step_of`.
    forward : callable
        The forward pass that the observed run had.
    """
    y_hat = observed.get("y_hat")
    if y_hat is None or len(y_hat) != run.epochs * len(run.X):
        return False
    parameters: Parameters = {key: value[None] for key, value in run.parameters.items()}
    rate = None if run.rate is None else np.array([run.rate])
    with np.errstate(all="ignore"):
        for place, seen in enumerate(y_hat):
            X, y = run.X[None, place % len(run.X)], run.y[None, place % len(run.X)]
            predicted, hidden = forward(parameters, X[:, :, None].astype(float))
            if not _near(predicted[0], seen):
                return False
            inputs = UpdateInputs(
                y.astype(float),
                predicted[:, :, 0],
                hidden[:, :, 0],
                X.astype(float),
                parameters,
                rate,
            )
            parameters = step(inputs)
    return all(_near(value[0], observed[f"final/{key}"]) for key, value in parameters.items())


def _near(predicted: Array, seen: NDArray[Any]) -> bool:
    return bool(np.allclose(predicted, seen, rtol=CLOSE, atol=CLOSE * CLOSE, equal_nan=True))
