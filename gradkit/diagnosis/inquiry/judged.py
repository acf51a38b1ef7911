"""Verify that explanations also hold for the answers that were judged, and replay training runs.

The diagnosis makes calls of its own, later. Code that behaves differently then must not get an
explanation for a mistake that it did not make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.formulas.records import Diagnosis
from gradkit.diagnosis.formulas.truncation import truncate, truncated_parts
from gradkit.diagnosis.mistakes.forward import apply_forward
from gradkit.diagnosis.rules.draw import from_columns
from gradkit.diagnosis.rules.evaluate import DOUBLE, Precision, entries_in_cycles, evaluate
from gradkit.judge import tolerances
from gradkit.judge.comparison import Examined, came_back
from gradkit.records.rule import Rules, Slip, UpdateInputs
from gradkit.records.task import Array, Batch, Run, Task
from gradkit.task.oracle import Forward, train_by_example

CLOSE, CLOSE_SINGLE = 1e-6, 1e-3
"""Tolerances relative to the largest value, in double and single precision."""


def explains_forward(task: Task, examined: Examined, slips: Iterable[Slip]) -> bool:
    """Return whether a forward pass with the mistakes ``slips`` gives the judged outputs.

    ``examined`` has the calls by which the checks of ``task`` were judged. Calls that failed and
    outputs that are missing or of another size are not compared.
    """
    slips = tuple(slips)
    for batch, outputs in _completed_calls(examined, examined.case.probes.forward):
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


def explains_update(task: Task, examined: Examined, rules: Rules, precision: Precision) -> bool:
    """Return whether the formulas ``rules`` give the judged parameters, to the given precision.

    ``examined`` has the calls by which the checks of ``task`` were judged. Calls that failed and
    parameters that are missing or of another shape are not compared. True if formulas need each
    other's new values, because they cannot be evaluated.
    """
    if entries_in_cycles(rules):
        return True
    for batch, outputs in _completed_calls(examined, examined.case.probes.update):
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


def _completed_calls(
    examined: Examined, batches: Iterable[Batch]
) -> Iterator[tuple[Batch, Mapping[str, NDArray[Any]]]]:
    """Yield the batches whose calls ended without an exception, with their outputs."""
    for batch in batches:
        outcome = examined.case.observations.outcomes.get(batch.name)
        if came_back(outcome):
            yield batch, outcome.outputs


def _near(found: NDArray[Any], predicted: Array, unit: float, size: float = 0.0) -> bool:
    """Return whether the values ``found`` equal ``predicted`` ones, up to rounding.

    ``unit`` is the rounding unit of the arithmetic. If both are differences, ``size`` is the size
    of the numbers that were subtracted, whose rounding errors they contain. Values that are not
    finite are skipped; True if no others are left.
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
"""Relative tolerance between a replayed and an observed run."""

ENDLESS = 1e150
"""Larger values count as NaN: their squares overflow, depending on the order of operations."""

Step = Callable[[UpdateInputs], Mapping[str, Array]]


def student_step(task: Task, diagnosis: Diagnosis) -> Step | None:
    """Return a function that computes one step as the student's code does, mistakes included.

    The formulas are those of ``diagnosis``. An entry that is right but for a truncation to integers
    has no formula; it is computed by the right one, and then truncated.

    Returns
    -------
    callable or None
        From inputs to the parameters afterwards; None if another entry has no formula, or if
        formulas need each other's new values.
    """
    truncated = truncated_parts(diagnosis.changes)
    right = {entry: diagnosis.should[entry] for entry in truncated}
    rules = {**diagnosis.applies, **right}
    if len(rules) < len(diagnosis.should) or entries_in_cycles(rules):
        return None

    def step(inputs: UpdateInputs) -> Mapping[str, Array]:
        """Return the parameters after the step, with truncated entries cut to integers."""
        after = evaluate(task, rules, inputs)
        for (key, index), part in truncated.items():
            where = (slice(None), *index)
            before = inputs.before[key][where]
            after[key][where] = truncate(task, inputs, key, before, after[key][where], part)
        return after

    return step


def replays(
    runs: Sequence[Run],
    outcomes: Sequence[Mapping[str, NDArray[Any]]],
    step: Step,
    forward: Forward,
) -> bool:
    """Return whether training runs with this step give exactly the observed results.

    The outputs of every step and the final parameters are compared, up to rounding and without
    diverged values. False if a run has not as many outputs as steps, or lacks a parameter.

    Parameters
    ----------
    runs : sequence of Run
        On equally many examples, for the same number of epochs.
    outcomes : sequence of mappings of arrays
        For each run ``y_hat`` of every step, and ``final/…`` parameters.
    step : callable
        The update, see `student_step`.
    forward : callable
        The forward pass of the observed runs.
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


def _is_replayed(predicted: Array, observed: NDArray[Any]) -> bool:
    """Return whether predicted and observed values of training runs agree up to rounding.

    Both have the same shape. Values that have diverged are not compared, but must be in the same
    places.
    """
    predicted_values, observed_values = (_mask_diverged(values) for values in (predicted, observed))
    return bool(
        np.allclose(
            predicted_values, observed_values, rtol=REPLAYED, atol=REPLAYED**2, equal_nan=True
        )
    )


def _mask_diverged(values: NDArray[Any]) -> Array:
    """Return the values with NaN in place of infinite and huge ones."""
    with np.errstate(invalid="ignore"):
        kept: Array = np.where(np.abs(values) < ENDLESS, values, np.nan)
    return kept
