"""The update, called at inputs of the inquiry's own."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules import draw
from gradkit.diagnosis.rules.columns import to_columns
from gradkit.diagnosis.rules.draw import FRESH, with_rate
from gradkit.records.observations import Bound
from gradkit.records.rule import UpdateInputs, UpdateProbes
from gradkit.records.task import Batch, Task
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess

SAME = 1e-12
"""Relative; what two equal calls may differ by."""


def observed_steps(
    task: Task,
    bound: Bound,
    sitting: StudentProcess,
    *inputs: UpdateInputs,
    shuffled: int | None = None,
) -> tuple[UpdateProbes, ...] | None:
    """The update at sets of independent inputs; None where not all calls come to an end.

    The very first call is made once more at the end. An entry in which the two differ depends on
    more than its inputs: no formula of these gives it, and its values are told as NaN, as
    are those of a parameter that comes back in another shape, or not at all. With a seed the calls
    are ``shuffled``, so that none tells by its place of which set it is.
    """
    columns = [to_columns(each) for each in inputs]
    columns.append({name: value[:1] for name, value in columns[0].items()})
    arrays = {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
    order = np.arange(len(arrays["y"]))
    if shuffled is not None:
        order = np.random.default_rng(shuffled).permutation(order)
    asked = {name: value[order] for name, value in arrays.items()}
    labels = tuple(str(number) for number in order)
    batch = Batch("inquiry", "update", "update", asked, labels)
    outcome = observe_batch(sitting, task, bound, batch)
    if outcome.failure is not None or outcome.lost is not None:
        return None
    after = {}
    for key, value in inputs[0].before.items():
        found = outcome.outputs.get(key)
        if found is None or found.dtype.kind not in "fiub":
            found = np.full((len(labels), *value.shape[1:]), np.nan)
        found = found[np.argsort(order)]
        again = np.isclose(found[0], found[-1], rtol=SAME, atol=0.0, equal_nan=True)
        after[key] = np.where(again, found[:-1].astype(np.float64), np.nan)
    ends = np.cumsum([len(each.y) for each in inputs])
    return tuple(
        UpdateProbes(each, {key: value[end - len(each.y) : end] for key, value in after.items()})
        for each, end in zip(inputs, ends, strict=True)
    )


def drawn_fresh(task: Task, bound: Bound, seed: int, n: int = FRESH) -> UpdateInputs:
    """What rules are verified on: targets as the task has them, and its own examples in front.

    A rule has to hold where the code is used: ``if y == 1`` is right for a class, and what
    is right for small inputs alone is not.
    """
    inputs = rated(bound, draw(task, seed + 1, n), seed)
    X, y = inputs.X.copy(), inputs.y.copy()
    if task.loss == "binary_cross_entropy":
        y = np.round(y)
    rows = min(len(task.X), n)
    X[:rows], y[:rows] = task.X[:rows], task.y[:rows]
    return replace(inputs, X=X, y=y)


def rated(bound: Bound, inputs: UpdateInputs, seed: int) -> UpdateInputs:
    """The same inputs, with rates for an update that takes one."""
    return with_rate(inputs, seed) if "rate" in bound.arguments else inputs
