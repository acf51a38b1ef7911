"""Ask again after a failure, to learn which rule the code applies.

The inputs are drawn independently of each other, so that every factor can be told from
every other; that the student's own forward pass may be wrong does not matter then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from gradkit.examine import Examined
from gradkit.records.binding import Bound
from gradkit.records.finding import UNEXPLAINED, Finding, Inquiry
from gradkit.records.observations import Outcome
from gradkit.records.probes import Batch
from gradkit.records.rule import ForwardProbes, Names, Rule, UpdateInputs, UpdateProbes
from gradkit.records.rule import Entry as Target
from gradkit.records.task import Array, Task
from gradkit.records.verdict import Verdict
from gradkit.student.observe import observe_batch, observe_returned
from gradkit.student.sitting import Sitting
from gradkit.truth.mistakes import Diagnosis, diagnose
from gradkit.truth.mistakes.forward import explain_forward
from gradkit.truth.oracle import Oracle
from gradkit.truth.replay import follows
from gradkit.truth.rules import draw, draw_forward, text
from gradkit.truth.rules.draw import FRESH, with_rate
from gradkit.truth.rules.text import entry_text


def inquire(task: Task, examined: Examined, sitting: Sitting, oracle: Oracle, seed: int) -> Inquiry:
    """The findings on a task whose checks did not all pass.

    Parameters
    ----------
    task : Task
    examined : Examined
        What the checks saw.
    sitting : Sitting
        The same section's code.
    oracle : Oracle
        Stands in for the student's forward pass where runs are replayed.
    seed : int
        Draws the inputs.

    Returns
    -------
    Inquiry
        The most basic mistake first; empty where nothing more can be asked.
    """
    states = {verdict.check: verdict for verdict in examined.verdicts}
    findings = _forward(task, examined, sitting, seed) if _failed(states, "forward") else ()
    if not _failed(states, "update"):
        return Inquiry(findings)
    diagnosis = _update(task, examined, sitting, states["update"], seed)
    if diagnosis is None:
        return Inquiry(findings)
    update = examined.case.binding.bound["update"]
    findings += tuple(_findings(task, update, diagnosis))
    return Inquiry(findings, _consequences(task, examined, oracle, diagnosis))


def _failed(states: Mapping[str, Verdict], check: str) -> bool:
    return check in states and states[check].state == "fail"


def _consequences(
    task: Task, examined: Examined, oracle: Oracle, diagnosis: Diagnosis
) -> dict[str, tuple[str, ...]]:
    """Checks that are wrong only because the update is, in the way that was found."""
    codes = tuple(slip.code for slip in diagnosis.explanation.slips)
    outcomes = examined.case.observations.outcomes
    runs = [run for run in examined.case.probes.runs if run.name in outcomes]
    replayed = all(
        follows(task, run, outcomes[run.name].outputs, diagnosis.applies, oracle.forward)
        for run in runs
    )
    if not codes or diagnosis.explanation.unexplained:
        return {}
    return {"gradient": codes, **({"trajectory": codes} if runs and replayed else {})}


def _forward(task: Task, examined: Examined, sitting: Sitting, seed: int) -> tuple[Finding, ...]:
    """What the forward pass computes instead, in a form that reproduces it exactly."""
    bound = examined.case.binding.bound.get("forward")
    if bound is None:
        return ()
    X, before = draw_forward(task, seed)
    inputs = {**before, "X": X[:, :, None]}
    outcome = observe_returned(sitting, task, bound, inputs)
    output, hidden = outcome.outputs.get("y_hat"), outcome.outputs.get("A1")
    if outcome.failure is not None or output is None or not np.isfinite(output).all():
        return ()
    probes = ForwardProbes(X, before, output, hidden)
    explanation = explain_forward(task, probes)
    if explanation.unknown:
        return (_told(task, bound, "forward", UNEXPLAINED, ()),)
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    return tuple(_told(task, bound, "forward", slip.code, others) for slip in explanation.slips)


def _told(
    task: Task, bound: Bound, check: str, code: str, alternatives: tuple[tuple[str, ...], ...]
) -> Finding:
    return Finding(
        id=_identity(task, check, code, ()),
        check=check,
        mistake=code,
        title=title_of(code),
        entries=(),
        place=bound.place,
        alternatives=alternatives,
    )


def _update(
    task: Task, examined: Examined, sitting: Sitting, verdict: Verdict, seed: int
) -> Diagnosis | None:
    wrong = [
        (entry.parameter, (entry.index[0], entry.index[1]))
        for entry in verdict.entries
        if entry.state == "fail" and len(entry.index) == 2
    ]
    bound = examined.case.binding.bound["update"]
    fit = _observe(task, bound, sitting, seed, None)
    fresh = _observe(task, bound, sitting, seed + 1, FRESH)
    if fit is None or fresh is None:
        return None
    seen = _seen(examined.case.observations.outcomes.values())
    return diagnose(task, fit, fresh, entries=wrong, seen=seen)


def _observe(
    task: Task, bound: Bound, sitting: Sitting, seed: int, n: int | None
) -> UpdateProbes | None:
    """The update at independent inputs; None where not all of them give numbers."""
    inputs = draw(task, seed, n, vary=n is None)
    if "rate" in bound.arguments:
        inputs = with_rate(inputs, seed)
    labels = tuple(str(number) for number in range(len(inputs.y)))
    batch = Batch("inquiry", "update", "update", _arrays(inputs), labels)
    outcome = observe_batch(sitting, task, bound, batch)
    after = {}
    for key, value in inputs.before.items():
        found = outcome.outputs.get(key)
        if found is None or found.shape != value.shape or found.dtype.kind not in "fi":
            return None
        after[key] = found.astype(np.float64)
    if not all(np.isfinite(value).all() for value in after.values()):
        return None
    return UpdateProbes(inputs, after)


def _arrays(inputs: UpdateInputs) -> dict[str, Array]:
    """As columns, as the worker hands them over."""
    quantities = {"y": inputs.y, "y_hat": inputs.y_hat, "A1": inputs.A1, "X": inputs.X}
    arrays = {name: value[:, :, None] for name, value in quantities.items()}
    rate = {} if inputs.rate is None else {"rate": inputs.rate}
    return {**inputs.before, **arrays, **rate}


def _seen(outcomes: Iterable[Outcome]) -> frozenset[str]:
    faults = {fault.kind for outcome in outcomes for fault in outcome.faults}
    return frozenset({"input-mutated"} if "mutated" in faults else ())


def names_of(bound: Bound) -> Names:
    """The student's own words, for formulas."""
    own = bound.names
    return Names(
        target=own.get("y", "y"),
        output=own.get("y_hat", "ŷ"),
        hidden=own.get("A1", "A1"),
        input=own.get("X", "X"),
        rate=own.get("rate", "lr"),
        keys=bound.convention.keys,
        transposed=bound.convention.weights == "out_in",
    )


def _findings(task: Task, bound: Bound, diagnosis: Diagnosis) -> Iterable[Finding]:
    explanation = diagnosis.explanation
    alternatives = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    for slip in explanation.slips:
        yield _finding(task, bound, slip.code, slip.entries, diagnosis, alternatives)
    if explanation.unexplained:
        yield _finding(task, bound, UNEXPLAINED, explanation.unexplained, diagnosis, ())


def _finding(
    task: Task,
    bound: Bound,
    code: str,
    entries: tuple[Target, ...],
    diagnosis: Diagnosis,
    alternatives: tuple[tuple[str, ...], ...],
) -> Finding:
    names, outputs = names_of(bound), task.layers[-1].units

    def written(rules: Mapping[Target, object]) -> dict[str, str]:
        return {
            entry_text(*entry, names, outputs=outputs): text(rule, names, outputs=outputs)
            for entry in entries
            if isinstance(rule := rules.get(entry), Rule)
        }

    labels = tuple(entry_text(*entry, names, outputs=outputs) for entry in entries)
    return Finding(
        id=_identity(task, "update", code, labels),
        check="update",
        mistake=code,
        title=title_of(code),
        entries=labels,
        applies=written(diagnosis.applies),
        should=written(diagnosis.should),
        place=bound.place,
        alternatives=alternatives,
    )


def _identity(task: Task, check: str, code: str, labels: tuple[str, ...]) -> str:
    """The same for the same mistake at the same place, whatever the run: a name to dispute."""
    text = "/".join((task.id, check, code, *labels))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def title_of(code: str) -> str:
    """The code in words."""
    return code.replace("-", " ").capitalize()
