"""What a submission is held to: the oracle's answers, where rates are free at its own rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gradkit.judge.steps import own_ratios
from gradkit.records.observations import Outcome
from gradkit.records.probes import Probes
from gradkit.records.task import Array, Task
from gradkit.task.oracle import Derived, Expected, Oracle, Rescaled, expect


def expected_of(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome]
) -> dict[str, dict[str, Array]]:
    """All expected values for these probes.

    Parameters
    ----------
    task : Task
    oracle : Oracle
    probes : Probes
    outcomes : mapping of str to Outcome
        Those of the single calls, or steps, at least: they show at which rates the code steps.
    """
    expected = expect(oracle, probes)
    if task.rates.policy == "free":
        at_own_rates = _training if task.framework == "torch" else _by_example
        own = at_own_rates(task, oracle, probes, outcomes, expected)
        expected |= {run.name: own.train(run) for run in probes.runs}
    elif task.framework == "numpy":
        expected |= _in_proportion(task, oracle, probes, outcomes)
    return expected


def _in_proportion(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome]
) -> dict[str, dict[str, Array]]:
    """Expected values where the rate handed over is the weights', and biases keep theirs to it.

    ``lr`` for weights and ``10 * lr`` for biases is right where the task asks for 0.001 and
    0.01. It counts only if all of the code is right in this way.
    """
    batch = probes.update[0]
    outcome = outcomes.get(batch.name)
    if "rate" not in batch.inputs or not _came_back(outcome):
        return {}
    kept = Rescaled(oracle, {"b": task.rates.bias / task.rates.weight})
    stepped = kept.update(batch.inputs)
    if not all(_is_at(outcome.outputs.get(key), value) for key, value in stepped.items()):
        return {}
    return {batch.name: stepped, **{run.name: kept.train(run) for run in probes.runs}}


def _is_at(found: NDArray[Any] | None, value: Array) -> bool:
    return found is not None and found.shape == value.shape and np.allclose(found, value, 1e-9, 0)


def _by_example(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle:
    """The oracle at the rates that the student's single steps show."""
    batch = probes.update[0]
    outcome = outcomes.get(batch.name)
    if not _came_back(outcome):
        return oracle
    return Rescaled(oracle, own_ratios(batch.inputs, outcome.outputs, expected[batch.name]))


def _training(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle:
    """The task's own gradient descent at the rates that the first step of train shows.

    A model solution has rates of its own, and cannot be asked for others.
    """
    step = next((r for r in reversed(probes.runs) if r.check == "gradient" and r.epochs == 1), None)
    outcome = outcomes.get(step.name) if step is not None else None
    if step is None or not _came_back(outcome):
        return oracle
    after = {key: outcome.outputs.get(f"final/{key}") for key in step.parameters}
    right = {key: expected[step.name][f"final/{key}"] for key in step.parameters}
    shaped = {k: v for k, v in after.items() if v is not None and v.shape == right[k].shape}
    ratios = own_ratios(step.parameters, shaped, right)
    if not ratios:
        return oracle
    weight, bias = (ratios.get(kind, 1.0) for kind in "Wb")
    rates = replace(task.rates, weight=task.rates.weight * weight, bias=task.rates.bias * bias)
    return Derived(replace(task, rates=rates))


def _came_back(outcome: Outcome | None) -> TypeGuard[Outcome]:
    return outcome is not None and outcome.failure is None and outcome.lost is None
