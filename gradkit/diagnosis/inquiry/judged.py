"""Whether what was found holds for the answers that were judged, and accounts for their runs.

An inquiry puts questions of its own, later. Code that then plays another part than it did before
would be forgiven for a mistake that it did not make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.mistakes.apply import apply
from gradkit.diagnosis.mistakes.forward import apply_forward
from gradkit.diagnosis.rules.draw import from_columns
from gradkit.diagnosis.rules.evaluate import DOUBLE, Precision, entries_in_cycles, evaluate
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.judge import tolerances
from gradkit.judge.case import Examined, came_back
from gradkit.records.rule import Rules, Slip, UpdateInputs
from gradkit.records.task import Array, Batch, Run, Task
from gradkit.task.oracle import Forward, train_by_example

CLOSE, CLOSE_SINGLE = 1e-6, 1e-3
"""Relative to the largest value."""


def forward_holds(task: Task, examined: Examined, slips: Iterable[Slip]) -> bool:
    """Whether a forward pass with these mistakes gives the judged outputs."""
    slips = tuple(slips)
    for batch, outputs in _answers(examined, examined.case.probes.forward):
        before = {key: batch.inputs[key] for key in task.starts[0].parameters}
        with np.errstate(all="ignore"):
            pair = apply_forward(task, slips, batch.inputs["X"][:, :, 0], before)
        for name, predicted in zip(("y_hat", "A1"), pair, strict=True):
            found = outputs.get(name)
            if found is None or found.size != predicted.size:
                continue
            if not _near(found, predicted, tolerances.epsilon(found)):
                return False
    return True


def update_holds(task: Task, examined: Examined, rules: Rules, precision: Precision) -> bool:
    """Whether rules of single entries, found in this precision, give the judged parameters."""
    if entries_in_cycles(rules):
        return True
    for batch, outputs in _answers(examined, examined.case.probes.update):
        with np.errstate(all="ignore"):
            after = evaluate(task, rules, from_columns(batch.inputs))
        for key, index in rules:
            found, old = outputs.get(key), batch.inputs[key][:, *index]
            if found is None or found.shape != after[key].shape:
                continue
            unit = tolerances.DOUBLE if precision is DOUBLE else tolerances.SINGLE
            change, predicted = found[:, *index] - old, after[key][:, *index] - old
            if not _near(
                change, predicted, max(unit, tolerances.epsilon(found)), np.abs(old).max()
            ):
                return False
    return True


def _answers(
    examined: Examined, batches: Iterable[Batch]
) -> Iterator[tuple[Batch, Mapping[str, NDArray[Any]]]]:
    """What came back of the calls that came to an end."""
    for batch in batches:
        outcome = examined.case.observations.outcomes.get(batch.name)
        if came_back(outcome):
            yield batch, outcome.outputs


def _near(found: NDArray[Any], predicted: Array, unit: float, size: float = 0.0) -> bool:
    """Whether values in arithmetic of this unit are as predicted.

    ``size`` is of what was subtracted from both, whose rounding they carry.
    """
    found, predicted = found.reshape(-1), predicted.reshape(-1)
    usable = np.isfinite(found) & np.isfinite(predicted)
    if not usable.any():
        return True
    gap, largest = np.abs(found - predicted)[usable].max(), np.abs(predicted[usable]).max()
    relative = CLOSE if unit == tolerances.DOUBLE else CLOSE_SINGLE
    return bool(gap <= relative * largest + 64 * unit * size)


# --- runs ------------------------------------------------------------------------------------

REPLAYED = 1e-9
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
        What it applies, as far as it is known.
    slips : sequence of Slip
        The mistakes that explain it. They are run where an entry has no rule, as what
        integers cut off has none.

    Returns
    -------
    callable or None
        From inputs to the parameters afterwards; None where no order of statements gives
        the rules.
    """
    if len(rules) < len(shape_of(task).entries):
        return partial(apply, task, slips)
    return None if entries_in_cycles(rules) else partial(evaluate, task, rules)


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
    return _is_replayed(found, seen) and all(
        _is_replayed(value, np.stack([outputs[f"final/{key}"] for outputs in outcomes]))
        for key, value in parameters.items()
    )


def _is_replayed(predicted: Array, seen: NDArray[Any]) -> bool:
    ours, theirs = (_without_end(values) for values in (predicted, seen))
    return bool(np.allclose(ours, theirs, rtol=REPLAYED, atol=REPLAYED**2, equal_nan=True))


def _without_end(values: NDArray[Any]) -> Array:
    """Return the values with NaN for all that has run away, infinite or nearly so."""
    with np.errstate(invalid="ignore"):
        kept: Array = np.where(np.abs(values) < ENDLESS, values, np.nan)
    return kept
