"""What a submission is held to: the oracle's answers, where rates are free at its own rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeGuard

from gradkit.records.observations import Outcome
from gradkit.records.probes import Probes
from gradkit.records.task import Array, Task
from gradkit.truth.judge.steps import own_ratios
from gradkit.truth.oracle import Derived, Expected, Oracle, Rescaled, expect


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
    return expected


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
