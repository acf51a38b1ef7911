"""Ask again after a failure, to learn which rule the code applies.

The inputs are drawn independently of each other, so that every factor can be told from
every other; that the student's own forward pass may be wrong does not matter then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradkit.examine import Examined
from gradkit.records.binding import Bound
from gradkit.records.finding import UNEXPLAINED, Finding, Inquiry
from gradkit.records.observations import Outcome
from gradkit.records.probes import Batch
from gradkit.records.rule import Entry as Target
from gradkit.records.rule import (
    Explanation,
    ForwardProbes,
    Names,
    Rule,
    Slip,
    TrainingRun,
    UpdateInputs,
    UpdateProbes,
)
from gradkit.records.task import Array, Task
from gradkit.records.verdict import Verdict
from gradkit.student.observe import observe_batch, observe_returned
from gradkit.student.place import source_at
from gradkit.student.sitting import Sitting
from gradkit.student.trace import observe_trace
from gradkit.truth.attribute import attribute
from gradkit.truth.mistakes import Diagnosis, diagnose
from gradkit.truth.mistakes.forward import explain_forward
from gradkit.truth.mistakes.tell import told
from gradkit.truth.mistakes.training import GROUPS, explain_training
from gradkit.truth.oracle import Oracle
from gradkit.truth.replay import follows
from gradkit.truth.rules import draw, draw_forward, text
from gradkit.truth.rules.draw import FRESH, with_rate
from gradkit.truth.rules.text import entry_text

TRACED = 8
"""Calls that are watched line by line."""

OF_THE_MODULE = frozenset(code for code, group in GROUPS.items() if group == "activation")
"""Mistakes of a torch module's own forward pass, not of the loop that trains it."""


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
    if task.framework == "torch":
        return _training(task, examined, states)
    findings = _forward(task, examined, sitting, seed) if _failed(states, "forward") else ()
    if not _failed(states, "update"):
        return Inquiry(findings)
    diagnosis = _update(task, examined, sitting, states["update"], seed)
    update = examined.case.binding.bound["update"]
    found = _findings(task, update, diagnosis)
    findings += tuple(_placed(task, update, diagnosis, sitting, seed, found))
    return Inquiry(findings, _consequences(task, examined, oracle, diagnosis))


def _placed(
    task: Task,
    bound: Bound,
    diagnosis: Diagnosis,
    sitting: Sitting,
    seed: int,
    findings: Iterable[tuple[Slip, Finding]],
) -> Iterator[Finding]:
    """Each finding with the lines that it stands on, where a trace shows them."""
    inputs = _inputs(task, bound, seed, TRACED)
    labels = tuple(str(number) for number in range(TRACED))
    batch = Batch("trace", "update", "update", _arrays(inputs), labels)
    trace = observe_trace(sitting, task, bound, batch)
    for slip, finding in findings:
        lines = attribute(task, trace, inputs, diagnosis, slip) if trace.events else ()
        places = tuple(dict.fromkeys(line.origin for line in lines)) or (bound.place,)
        source = source_at([*sitting.section.own, *sitting.section.shared], places[0])
        yield replace(finding, place=places[0], places=places, source=source)


def _failed(states: Mapping[str, Verdict], check: str) -> bool:
    return check in states and states[check].state == "fail"


def _training(task: Task, examined: Examined, states: Mapping[str, Verdict]) -> Inquiry:
    """The mistakes that, run in numpy, give the losses and parameters of every run.

    What the module computes is charged to `forward`, what the loop does to `trajectory`.
    """
    case = examined.case
    runs = _training_runs(task, examined)
    if not any(_failed(states, check) for check in ("forward", "trajectory")) or len(runs) < 2:
        return Inquiry()
    forward_failed = _failed(states, "forward")
    explanation = explain_training(task, runs, barred=() if forward_failed else OF_THE_MODULE)
    if explanation.unknown:
        checks = [check for check in ("forward", "trajectory") if _failed(states, check)]
        role = {"forward": "model", "trajectory": "train"}
        unknown = Slip(UNEXPLAINED)
        return Inquiry(
            tuple(_told(task, case.binding.bound[role[c]], c, unknown, ()) for c in checks)
        )
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    findings = []
    for slip in explanation.slips:
        check = "forward" if slip.code in OF_THE_MODULE and forward_failed else "trajectory"
        bound = case.binding.bound["model" if check == "forward" else "train"]
        findings.append(_told(task, bound, check, slip, others))
    codes = tuple(slip.code for slip in explanation.slips)
    follows: dict[str, tuple[str, ...]] = {"gradient": codes} if codes else {}
    if findings and all(finding.check == "forward" for finding in findings):
        follows["trajectory"] = codes
    return Inquiry(tuple(findings), follows)


def _training_runs(task: Task, examined: Examined) -> list[TrainingRun]:
    """The observed runs, each with the parameters after its first two steps."""
    outcomes = examined.case.observations.outcomes
    made: dict[str, dict[int, dict[str, Array]]] = {}
    losses: dict[str, Array] = {}
    for run in examined.case.probes.runs:
        outputs = outcomes[run.name].outputs if run.name in outcomes else {}
        final = {k: outputs[f"final/{k}"] for k in run.parameters if f"final/{k}" in outputs}
        if len(final) == len(run.parameters):
            after = {key: value.astype(np.float64) for key, value in final.items()}
            made.setdefault(run.start, {})[run.epochs] = after
        if run.check == "trajectory" and len(outputs.get("loss", ())) == run.epochs:
            losses[run.start] = outputs["loss"]
    return [
        TrainingRun(
            run.X.astype(float),
            run.y.astype(float),
            task.rates.weight,
            run.parameters,
            losses[run.start],
            made[run.start],
        )
        for run in examined.case.probes.runs
        if run.check == "trajectory" and run.start in losses and run.start in made
    ]


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
        return (_told(task, bound, "forward", Slip(UNEXPLAINED), ()),)
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    return tuple(_told(task, bound, "forward", slip, others) for slip in explanation.slips)


def _told(
    task: Task, bound: Bound, check: str, slip: Slip, alternatives: tuple[tuple[str, ...], ...]
) -> Finding:
    finding = Finding(
        id=_identity(task, check, slip.code, ()),
        check=check,
        mistake=slip.code,
        title="",
        entries=(),
        place=bound.place,
        alternatives=alternatives,
    )
    return told(finding, task, slip, names_of(bound), _functions(bound))


def _update(
    task: Task, examined: Examined, sitting: Sitting, verdict: Verdict, seed: int
) -> Diagnosis:
    wrong = [
        (entry.parameter, (entry.index[0], entry.index[1]))
        for entry in verdict.entries
        if entry.state == "fail" and len(entry.index) == 2
    ]
    bound = examined.case.binding.bound["update"]
    fit = _observe(task, bound, sitting, seed, None)
    fresh = _observe(task, bound, sitting, seed + 1, FRESH)
    if fit is None or fresh is None:
        return Diagnosis({}, {}, Explanation(unexplained=tuple(wrong)))
    seen = _seen(examined.case.observations.outcomes.values())
    return diagnose(task, fit, fresh, entries=wrong, seen=seen)


def _observe(
    task: Task, bound: Bound, sitting: Sitting, seed: int, n: int | None
) -> UpdateProbes | None:
    """The update at independent inputs; None where not all calls leave all parameters."""
    inputs = _inputs(task, bound, seed, n)
    labels = tuple(str(number) for number in range(len(inputs.y)))
    batch = Batch("inquiry", "update", "update", _arrays(inputs), labels)
    outcome = observe_batch(sitting, task, bound, batch)
    after = {}
    for key, value in inputs.before.items():
        found = outcome.outputs.get(key)
        if found is None or found.shape != value.shape or found.dtype.kind not in "fi":
            return None
        after[key] = found.astype(np.float64)
    return UpdateProbes(inputs, after)


def _inputs(task: Task, bound: Bound, seed: int, n: int | None) -> UpdateInputs:
    inputs = _as_assigned(task, draw(task, seed, n, vary=n is None), whole_rows=n is not None)
    return with_rate(inputs, seed) if "rate" in bound.arguments else inputs


def _as_assigned(task: Task, inputs: UpdateInputs, *, whole_rows: bool) -> UpdateInputs:
    """The same with targets that the task has, and with its own examples in front.

    A rule has to hold where the code is used: ``if y == 1`` is right for a class, and what
    is right for small inputs alone is not.
    """
    X, y = inputs.X.copy(), inputs.y.copy()
    if task.loss == "binary_cross_entropy":
        y = np.round(y)
        if not whole_rows:
            # Where each input varies alone, the class can only become the other one.
            outputs = y.shape[1]
            y[1 : outputs + 1] = np.where(np.eye(outputs, dtype=bool), 1 - y[0], y[0])
    if whole_rows:
        rows = min(len(task.X), len(X))
        X[:rows], y[:rows] = task.X[:rows], task.y[:rows]
    X.flags.writeable = y.flags.writeable = False
    return replace(inputs, X=X, y=y)


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


def _functions(bound: Bound) -> dict[str, str]:
    return {bound.role: f"`{bound.function}`"}


def _findings(task: Task, bound: Bound, diagnosis: Diagnosis) -> Iterator[tuple[Slip, Finding]]:
    explanation = diagnosis.explanation
    alternatives = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    for slip in explanation.slips:
        yield slip, _finding(task, bound, slip, diagnosis, alternatives)
    if explanation.unexplained:
        rest = Slip(UNEXPLAINED, explanation.unexplained)
        yield rest, _finding(task, bound, rest, diagnosis, ())


def _finding(
    task: Task,
    bound: Bound,
    slip: Slip,
    diagnosis: Diagnosis,
    alternatives: tuple[tuple[str, ...], ...],
) -> Finding:
    names, outputs = names_of(bound), task.layers[-1].units

    def written(rules: Mapping[Target, object]) -> dict[str, str]:
        return {
            entry_text(*entry, names, outputs=outputs): text(rule, names, outputs=outputs)
            for entry in slip.entries
            if isinstance(rule := rules.get(entry), Rule)
        }

    labels = tuple(entry_text(*entry, names, outputs=outputs) for entry in slip.entries)
    finding = Finding(
        id=_identity(task, "update", slip.code, labels),
        check="update",
        mistake=slip.code,
        title="",
        entries=labels,
        applies=written(diagnosis.applies),
        should=written(diagnosis.should),
        place=bound.place,
        alternatives=alternatives,
    )
    return told(finding, task, slip, names, _functions(bound))


def _identity(task: Task, check: str, code: str, labels: tuple[str, ...]) -> str:
    """The same for the same mistake at the same place, whatever the run: a name to dispute."""
    text = "/".join((task.id, check, code, *labels))
    return hashlib.sha256(text.encode()).hexdigest()[:10]
