"""Whether an update is right for the student's own forward pass, mistakes and all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradkit.examine import Examined
from gradkit.inquiry.findings import failed
from gradkit.inquiry.update import fresh_inputs
from gradkit.records.probes import Batch
from gradkit.records.rule import Slip
from gradkit.records.task import Task
from gradkit.student.observe import observe_batch
from gradkit.student.sitting import Sitting
from gradkit.truth.closeness import DOUBLE, change_tolerance, near
from gradkit.truth.mistakes.descent import descent_after
from gradkit.truth.rules.columns import to_columns

SAME = 1e-12
"""Relative; what two equal calls may differ by."""


def follows_own_forward(
    task: Task, examined: Examined, sitting: Sitting, slips: tuple[Slip, ...], seed: int
) -> bool:
    """Whether a failed update is right for the student's own forward pass.

    It is then charged to the forward pass alone. Not where that pass leaves parameters out, whose
    slope is nothing: an update that never moves them does half of what was asked.

    The calls that were judged are made again among the new ones, in a process that knows of
    neither, and have to give what they gave.
    """
    if not slips or not failed(examined, "update"):
        return False
    bound = examined.case.binding.bound["update"]
    descent = descent_after(task, slips, fresh_inputs(task, bound, seed))
    if descent is None:
        return False
    inputs, after = descent
    if any((value == inputs.before[key]).all() for key, value in after.items()):
        return False
    judged = examined.case.probes.update
    columns = [to_columns(inputs), *(batch.inputs for batch in judged)]
    arrays = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    order = np.random.default_rng(seed).permutation(len(arrays["y"]))
    labels = tuple(str(number) for number in order)
    mixed = {name: value[order] for name, value in arrays.items()}
    sitting.renew(apart=True)
    outcome = observe_batch(sitting, task, bound, Batch("mixed", "update", "update", mixed, labels))
    if outcome.failure is not None or outcome.lost is not None:
        return False
    back = np.argsort(order)
    starts = np.cumsum([0, *(len(part["y"]) for part in columns)])
    for key, value in after.items():
        found = outcome.outputs.get(key)
        if found is None or found.shape != arrays[key].shape:
            return False
        parts = [found[back][start:end] for start, end in pairwise(starts)]
        tolerance = change_tolerance(value - inputs.before[key], inputs.before[key], DOUBLE)
        if not near(parts[0], value, tolerance).all():
            return False
        for batch, again in zip(judged, parts[1:], strict=True):
            known = examined.case.observations.outcomes[batch.name].outputs.get(key)
            if known is None or not np.allclose(again, known, SAME, 0.0, equal_nan=True):
                return False
    return True
