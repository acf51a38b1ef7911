"""Train with recovered rules, to see whether a wrong trajectory follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.probes import Run
from gradkit.records.rule import Rule, Rules, UpdateInputs
from gradkit.records.task import Array, Parameters, Task
from gradkit.truth.rules import evaluate
from gradkit.truth.rules.evaluate import waiting_in_circles

CLOSE = 1e-9
"""Relative; how near a replay has to come to what was observed."""


def follows(
    task: Task,
    run: Run,
    observed: Mapping[str, NDArray[Any]],
    rules: Rules,
    forward: Callable[[Parameters, Array], tuple[Array, Array]],
) -> bool:
    """Whether a run with these update rules gives exactly the observed one.

    Parameters
    ----------
    task : Task
    run : Run
    observed : mapping of arrays
        ``y_hat`` of every step, and ``final/…`` parameters.
    rules : mapping
        What the student's update applies, for every entry.
    forward : callable
        The forward pass that the observed run had.
    """
    exact = {entry: rule for entry, rule in rules.items() if isinstance(rule, Rule)}
    y_hat = observed.get("y_hat")
    if len(exact) < len(rules) or y_hat is None or len(y_hat) != run.epochs * len(run.X):
        return False
    if waiting_in_circles(exact):
        return False
    parameters = {key: value[None] for key, value in run.parameters.items()}
    rate = None if run.rate is None else np.array([run.rate])
    with np.errstate(all="ignore"):
        for step, seen in enumerate(y_hat):
            X, y = run.X[None, step % len(run.X)], run.y[None, step % len(run.X)]
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
            parameters = evaluate(task, exact, inputs)
    return all(_near(value[0], observed[f"final/{key}"]) for key, value in parameters.items())


def _near(predicted: Array, seen: NDArray[Any]) -> bool:
    return bool(np.allclose(predicted, seen, rtol=CLOSE, atol=CLOSE * CLOSE))
