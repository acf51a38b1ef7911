"""What a submission is held to: the oracle's answers, where rates are free at its own rates."""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.records.observations import Outcome
from gradkit.records.probes import Probes
from gradkit.records.task import Array, Task
from gradkit.truth.judge.steps import own_ratios
from gradkit.truth.oracle import Oracle, Rescaled, expect


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
        Those of the single calls at least: they show at which rates the code steps.
    """
    expected = expect(oracle, probes)
    if task.rates.policy == "free" and task.framework == "numpy":
        expected |= _at_own_rates(probes, outcomes, expected, oracle)
    return expected


def _at_own_rates(
    probes: Probes,
    outcomes: Mapping[str, Outcome],
    expected: Mapping[str, Mapping[str, Array]],
    oracle: Oracle,
) -> dict[str, dict[str, Array]]:
    """The training runs at the rates that the student's single steps show."""
    batch = probes.update[0]
    outcome = outcomes.get(batch.name)
    if outcome is None or outcome.failure is not None or outcome.lost is not None:
        return {}
    own = Rescaled(oracle, own_ratios(batch, outcome, expected[batch.name]))
    return {run.name: own.train(run) for run in probes.runs}
