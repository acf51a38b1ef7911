"""Examine one section for one task: bind, draw, observe, judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradkit.records.binding import Binding
from gradkit.records.observations import Observations, Outcome
from gradkit.records.probes import Probes
from gradkit.records.task import Array, Task
from gradkit.records.verdict import Verdict
from gradkit.student.bind import bind
from gradkit.student.observe import (
    observe_batch,
    observe_initialise,
    observe_model,
    observe_run,
    observe_run_with,
    observe_training,
)
from gradkit.student.outline import Outline
from gradkit.student.sitting import Sitting
from gradkit.truth.judge import Case, judge
from gradkit.truth.judge.steps import own_ratios
from gradkit.truth.oracle import Oracle, Rescaled, expect
from gradkit.truth.probes import draw


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of one section: the case with all observations, and its verdicts."""

    case: Case
    verdicts: tuple[Verdict, ...]
    tier: int


def examine(task: Task, outline: Outline, sitting: Sitting, oracle: Oracle, seed: int) -> Examined:
    """Put every probe of the task to the section and judge what comes back.

    Parameters
    ----------
    task : Task
    outline : Outline
        The section's static facts.
    sitting : Sitting
        Its code, in a worker.
    oracle : Oracle
        Where expected values come from.
    seed : int
        Draws the probes.
    """
    binding = bind(task, outline, sitting)
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, seed, oracle.forward, takes_rate)
    outcomes = _ask(task, binding, probes, sitting)
    observations = Observations(task.id, outcomes)
    expected = expect(oracle, probes)
    if task.rates.policy == "free" and task.framework == "numpy":
        expected |= _at_own_rates(probes, outcomes, expected, oracle)
    case = Case(task, binding, probes, observations, expected)
    # In numpy the forward pass is judged first: whose of the two is run depends on it.
    known = judge(case, ("forward",)) if task.framework == "numpy" else ()
    right = all(verdict.state == "pass" for verdict in known)
    outcomes.update(_train(case, oracle, sitting, own_forward=right))
    return Examined(case, judge(case, known=known), sitting.tier)


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


def _ask(task: Task, binding: Binding, probes: Probes, sitting: Sitting) -> dict[str, Outcome]:
    """Everything but the training runs."""
    bound = binding.bound
    outcomes: dict[str, Outcome] = {}
    if "initialise" in bound:
        outcomes["initialise"] = observe_initialise(sitting, task, bound["initialise"])
    if "model" in bound:
        outcomes["model"] = observe_model(sitting, task, bound["model"])
    for batch in (*probes.forward, *probes.update):
        role = bound.get(batch.role)
        if role is not None:
            outcomes[batch.name] = observe_batch(sitting, task, role, batch)
    return outcomes


def _train(
    case: Case, oracle: Oracle, sitting: Sitting, *, own_forward: bool
) -> dict[str, Outcome]:
    """The training runs; a forward pass that is missing or wrong is replaced by the oracle's."""
    bound, task, runs = case.binding.bound, case.task, case.probes.runs
    if task.framework == "torch":
        ready = "train" in bound and "model" in bound
        outcomes = [observe_training(sitting, task, bound["train"], run) for run in runs if ready]
    elif "update" not in bound:
        outcomes = []
    elif own_forward and "forward" in bound and "A1" in bound["forward"].returns:
        forward, update = bound["forward"], bound["update"]
        outcomes = [observe_run(sitting, task, forward, update, run) for run in runs]
    else:
        update = bound["update"]
        outcomes = [observe_run_with(sitting, task, update, run, oracle.forward) for run in runs]
    return {outcome.name: outcome for outcome in outcomes}
