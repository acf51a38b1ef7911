"""Predict what a submission with one mistake in it gives at the probes of a task.

The catalogue's predictions, run: arrays of the same names and shapes as a worker observes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradkit.diagnosis.mistakes import (
    CODES,
    apply_forward,
    loop_with,
    usual_cases,
    usual_forward_cases,
    usual_training_cases,
    with_slips,
)
from gradkit.diagnosis.mistakes.apply import truncated
from gradkit.diagnosis.mistakes.forward import CHANGES as FORWARD
from gradkit.diagnosis.mistakes.loop import train
from gradkit.diagnosis.mistakes.module import outputs_of
from gradkit.diagnosis.mistakes.training import CHANGES as TRAINING
from gradkit.diagnosis.mistakes.training import GROUPS
from gradkit.diagnosis.rules import evaluate
from gradkit.diagnosis.rules.columns import from_columns
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.records.probes import Probes, Run
from gradkit.records.rule import Slip, TrainingRun, UpdateInputs
from gradkit.records.task import Array, Parameters, Task
from gradkit.task.oracle import final, train_by_example

Outputs = dict[str, dict[str, Array]]
"""Arrays by the name of the batch or run, then by quantity."""


def usual_slips(task: Task) -> Iterator[tuple[Slip, bool]]:
    """Every form of every mistake that the task has room for, each alone.

    With each comes whether it takes a function that is handed a learning rate.
    """
    for code in CODES:
        if task.framework == "torch":
            cases = usual_training_cases(code, task) if code in TRAINING else ()
            yield from ((slip, False) for slip in cases)
            continue
        for slip in usual_forward_cases(code, task) if code in FORWARD else ():
            # In one layer it may be harder to see than in all of them.
            yield from ((replace(slip, details=(each,)), False) for each in slip.details)
        without = usual_cases(code, task)
        yield from ((slip, False) for slip in without)
        yield from ((s, True) for s in usual_cases(code, task, rate=True) if s not in without)


def of_forward(slip: Slip) -> bool:
    """True where a mistake is one of a numpy forward pass."""
    return slip.code in FORWARD and not slip.entries


def predict(task: Task, slip: Slip | None, probes: Probes, *, own: bool = False) -> Outputs:
    """Compute what the correct code with one mistake in it gives.

    Parameters
    ----------
    task : Task
        Two layers.
    slip : Slip or None
        None for the correct code.
    probes : Probes
    own : bool
        Whether numpy runs are made with the wrong forward pass too. In grading they are
        not where the `forward` check has failed.

    Returns
    -------
    dict
        Values that diverge come out as inf or NaN, as they would be observed. Nothing
        for a run that cannot be made, as forward gives other sizes than update takes.

    Raises
    ------
    ValueError
        The task is none that the catalogue has predictions for.
    """
    with np.errstate(all="ignore"):
        if task.framework == "torch":
            return _torch(task, slip, probes)
        return _numpy(task, slip, probes, own)


def _numpy(task: Task, slip: Slip | None, probes: Probes, own: bool) -> Outputs:
    made = [] if slip is None else [slip]
    forward, update = [s for s in made if of_forward(s)], [s for s in made if not of_forward(s)]
    step = _Update(task, update)
    found: Outputs = {}
    for batch in probes.forward:
        parameters = {key: batch.inputs[key] for key in task.starts[0].parameters}
        y_hat, A1 = apply_forward(task, forward, batch.inputs["X"][:, :, 0], parameters)
        found[batch.name] = {"y_hat": y_hat[:, :, None], "A1": A1[:, :, None]}
    for batch in probes.update:
        found[batch.name] = step(from_columns(batch.inputs))
    alike: dict[tuple[int, int], list[Run]] = {}
    for run in probes.runs:
        alike.setdefault((run.epochs, len(run.X)), []).append(run)
    for runs in alike.values():
        found |= _train(task, forward if own else [], step, runs)
    return found


class _Update:
    """The step with some mistakes in it; its rules are put together once."""

    def __init__(self, task: Task, slips: list[Slip]) -> None:
        self._task, self._slips = task, slips
        self._rules = {
            rate: with_slips(task, correct_rules(task, rate=rate), slips) for rate in (False, True)
        }

    def __call__(self, inputs: UpdateInputs) -> dict[str, Array]:
        after = evaluate(self._task, self._rules[inputs.rate is not None], inputs)
        return truncated(self._task, self._slips, inputs, after)


def _train(task: Task, slips: list[Slip], step: _Update, runs: list[Run]) -> Outputs:
    """Runs of as many steps, made together."""

    def forward(parameters: Parameters, X: Array) -> tuple[Array, Array]:
        y_hat, A1 = apply_forward(task, slips, X[:, :, 0], parameters)
        return y_hat[:, :, None], A1[:, :, None]

    first = runs[0]
    start = {key: value[None] for key, value in first.parameters.items()}
    y_hat, A1 = forward(start, first.X[:1, :, None].astype(float))
    if (y_hat.shape[1], A1.shape[1]) != (first.y.shape[1], task.layers[-2].units):
        return {run.name: {} for run in runs}
    y_hat, parameters = train_by_example(forward, lambda now: step(from_columns(now)), runs)
    return {
        run.name: {
            "y_hat": y_hat[:, place],
            **final({key: value[place] for key, value in parameters.items()}),
        }
        for place, run in enumerate(runs)
    }


# --- torch -------------------------------------------------------------------------------


def _torch(task: Task, slip: Slip | None, probes: Probes) -> Outputs:
    made = [slip] if slip is not None else []
    loop = loop_with(task, made)
    module = loop_with(task, [s for s in made if GROUPS.get(s.code) == "activation"])
    shapes = [value.T.shape if key[0] == "W" else value.shape[:1] for key, value in _start(task)]
    found: Outputs = {"model": {str(n): np.array(shape) for n, shape in enumerate(shapes)}}
    for batch in probes.forward:
        # A module computes in single precision, and is given the allowance of it.
        y_hat = outputs_of(module, batch.inputs, batch.inputs["X"]).astype(np.float32)
        found[batch.name] = {"y_hat": y_hat}  # type: ignore[dict-item]
    for run in probes.runs:
        X, y = run.X.astype(float), run.y.astype(float)
        start = TrainingRun(X, y, task.rates.weight, run.parameters, np.zeros(run.epochs), {})
        epochs = list(train(loop, start, run.epochs + loop.rounds))
        losses = np.array([loss for loss, _ in epochs])
        found[run.name] = {"loss": losses, **final(epochs[-1][1] if epochs else run.parameters)}
    return found


def _start(task: Task) -> list[tuple[str, Array]]:
    return list(task.starts[0].parameters.items())
