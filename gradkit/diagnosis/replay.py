"""Train with what was found of an update, to see whether a wrong trajectory follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.mistakes import apply
from gradkit.diagnosis.rules import evaluate
from gradkit.diagnosis.rules.columns import from_columns
from gradkit.diagnosis.rules.evaluate import waiting_in_circles
from gradkit.records.rule import Rule, Rules, Slip, UpdateInputs
from gradkit.records.task import Array, Run, Task
from gradkit.task.oracle import Forward, train_by_example

CLOSE = 1e-9
"""Relative; how near a replay has to come to what was observed."""

ENDLESS = 1e150
"""What is larger has no square, and whether a sum of such overflows depends on its order."""

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


def follow(
    runs: Sequence[Run],
    outcomes: Sequence[Mapping[str, NDArray[Any]]],
    step: Step,
    forward: Forward,
) -> bool:
    """Whether runs with this update, side by side, give exactly the observed ones.

    Parameters
    ----------
    runs : sequence of Run
        On as many examples, for the same number of epochs.
    outcomes : sequence of mappings of arrays
        For each run ``y_hat`` of every step, and ``final/…`` parameters.
    step : callable
        The update, see `step_of`.
    forward : callable
        The forward pass that the observed runs had.
    """
    first, steps = runs[0], runs[0].epochs * len(runs[0].X)
    finals = [f"final/{key}" for key in first.parameters]
    for outputs in outcomes:
        if len(outputs.get("y_hat", ())) != steps or not outputs.keys() >= set(finals):
            return False
    seen = np.stack([outputs["y_hat"] for outputs in outcomes], axis=1)
    with np.errstate(all="ignore"):
        found, _, parameters = train_by_example(forward, lambda now: step(from_columns(now)), runs)
    return _near(found, seen) and all(
        _near(value, np.stack([outputs[f"final/{key}"] for outputs in outcomes]))
        for key, value in parameters.items()
    )


def _near(predicted: Array, seen: NDArray[Any]) -> bool:
    ours, theirs = (_without_end(values) for values in (predicted, seen))
    return bool(np.allclose(ours, theirs, rtol=CLOSE, atol=CLOSE * CLOSE, equal_nan=True))


def _without_end(values: NDArray[Any]) -> Array:
    """Return the values with NaN for all that has run away, infinite or nearly so."""
    with np.errstate(invalid="ignore"):
        kept: Array = np.where(np.abs(values) < ENDLESS, values, np.nan)
    return kept
