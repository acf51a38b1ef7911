"""What a torch module computes instead: other activations whose outputs are the observed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from gradkit.diagnosis.mistakes.loop import Loop, outputs_of
from gradkit.diagnosis.mistakes.training import GROUPS, loop_with, usual_training_cases
from gradkit.records.rule import Explanation, Slip
from gradkit.records.task import Array, Task

OF_THE_MODULE = frozenset(code for code, group in GROUPS.items() if group == "activation")
"""Mistakes of a torch module's own forward pass, not of the loop that trains it."""

CLOSE = 1e-5
"""How far outputs in single precision may be off, of the largest sum on the way to them."""


def explain_module(
    task: Task, calls: Sequence[tuple[Mapping[str, Array], Array, Array]]
) -> Explanation:
    """The mistakes, at most one in each layer, that give a module's outputs.

    Parameters
    ----------
    task : Task
    calls : sequence
        Parameters (n, ...), X (n, features, 1) and the outputs (n, outputs, 1) at them.

    Returns
    -------
    Explanation
        ``unknown`` where none gives them; without slips where they are right.
    """
    usual = [slip for code in sorted(OF_THE_MODULE) for slip in usual_training_cases(code, task)]
    for size in range(len(task.layers) + 1):
        fitting = [
            slips
            for slips in combinations(usual, size)
            if len({dict(slip.details[0])["layer"] for slip in slips}) == size
            and all(_gives(loop_with(task, slips), *call) for call in calls)
        ]
        if fitting:
            told = [_by_code(slips) for slips in fitting]
            return Explanation(told[0], tuple(told[1:]))
    return Explanation(unknown=True)


def _by_code(slips: tuple[Slip, ...]) -> tuple[Slip, ...]:
    """One slip for each code, with all layers that it was made in."""
    details = {
        code: tuple(each for slip in slips if slip.code == code for each in slip.details)
        for code in dict.fromkeys(slip.code for slip in slips)
    }
    return tuple(Slip(code, (), known) for code, known in details.items())


def _gives(loop: Loop, parameters: Mapping[str, Array], X: Array, seen: Array) -> bool:
    with np.errstate(all="ignore"):
        ours, size = outputs_of(loop, parameters, X), _largest(loop, parameters, X)
    return bool(ours.shape == seen.shape and (np.abs(ours - seen) <= CLOSE * size).all())


def _largest(loop: Loop, parameters: Mapping[str, Array], X: Array) -> float:
    """The largest sum of the net, 1 at least."""
    hidden = Loop(tuple(("linear",) for _ in loop.activations), loop.loss)
    positive = {key: np.abs(value) for key, value in parameters.items()}
    return max(1.0, float(outputs_of(hidden, positive, np.abs(X)).max()))
