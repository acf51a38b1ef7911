"""Whether what was found holds for the answers that were judged: code may know when it is asked.

An inquiry puts questions of its own, later. Code that then plays another part than it did before
would be forgiven for a mistake that it did not make.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.mistakes.forward import apply_forward
from gradkit.diagnosis.rules import evaluate
from gradkit.diagnosis.rules.columns import from_columns
from gradkit.diagnosis.rules.evaluate import waiting_in_circles
from gradkit.diagnosis.rules.precision import DOUBLE, Precision
from gradkit.judge import tolerances
from gradkit.judge.case import Examined
from gradkit.records.rule import Rule, Rules, Slip
from gradkit.records.task import Array, Task

CLOSE, CLOSE_SINGLE = 1e-6, 1e-3
"""Relative to the largest value."""


def forward_holds(task: Task, examined: Examined, slips: Iterable[Slip]) -> bool:
    """Whether a forward pass with these mistakes gives the judged outputs."""
    slips = tuple(slips)
    for batch in examined.case.probes.forward:
        outcome = examined.case.observations.outcomes.get(batch.name)
        if outcome is None or outcome.failure is not None or outcome.lost is not None:
            continue
        before = {key: batch.inputs[key] for key in task.starts[0].parameters}
        with np.errstate(all="ignore"):
            pair = apply_forward(task, slips, batch.inputs["X"][:, :, 0], before)
        for name, predicted in zip(("y_hat", "A1"), pair, strict=True):
            found = outcome.outputs.get(name)
            if found is None or found.size != predicted.size:
                continue
            if not _near(found, predicted, tolerances.epsilon(found)):
                return False
    return True


def update_holds(task: Task, examined: Examined, rules: Rules, precision: Precision) -> bool:
    """Whether rules of single entries, found in this precision, give the judged parameters."""
    exact = {entry: rule for entry, rule in rules.items() if isinstance(rule, Rule)}
    if waiting_in_circles(exact):
        return True
    for batch in examined.case.probes.update:
        outcome = examined.case.observations.outcomes.get(batch.name)
        if outcome is None or outcome.failure is not None or outcome.lost is not None:
            continue
        with np.errstate(all="ignore"):
            after = evaluate(task, exact, from_columns(batch.inputs))
        for key, index in exact:
            found, old = outcome.outputs.get(key), batch.inputs[key][:, *index]
            if found is None or found.shape != after[key].shape:
                continue
            unit = tolerances.DOUBLE if precision is DOUBLE else tolerances.SINGLE
            change, predicted = found[:, *index] - old, after[key][:, *index] - old
            if not _near(
                change, predicted, max(unit, tolerances.epsilon(found)), np.abs(old).max()
            ):
                return False
    return True


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
