"""Examine one section for one task: bind, draw, observe, judge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradkit.records.binding import Binding
from gradkit.records.observations import Observations, Outcome
from gradkit.records.probes import Batch, Probes
from gradkit.records.task import Task
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
from gradkit.truth.oracle import Oracle, expect
from gradkit.truth.probes import draw
from gradkit.truth.suspicion import AGAIN

REPEATED = 2
"""Calls of a batch that are made a second time."""


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
    case = Case(task, binding, probes, observations, expect(oracle, probes))
    # In numpy the forward pass is judged first: whose of the two is run depends on it.
    known = judge(case, ("forward",)) if task.framework == "numpy" else ()
    right = all(verdict.state == "pass" for verdict in known)
    outcomes.update(_train(case, oracle, sitting, own_forward=right))
    outcomes.update(_ask_again(case, sitting))
    return Examined(case, judge(case, known=known), sitting.tier)


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


def _ask_again(case: Case, sitting: Sitting) -> dict[str, Outcome]:
    """A few of the questions once more, in the same process: the answers should be the same."""
    task, bound, probes = case.task, case.binding.bound, case.probes
    again = [
        observe_batch(sitting, task, bound[batch.role], _few(batch))
        for batch in (*probes.forward[-1:], *probes.update)
        if batch.role in bound
    ]
    if "train" in bound and "model" in bound:
        first = replace(probes.runs[0], name=probes.runs[0].name + AGAIN)
        again.append(observe_training(sitting, task, bound["train"], first))
    return {outcome.name: outcome for outcome in again}


def _few(batch: Batch) -> Batch:
    inputs = {name: value[:REPEATED] for name, value in batch.inputs.items()}
    return replace(batch, name=batch.name + AGAIN, inputs=inputs, labels=batch.labels[:REPEATED])


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
