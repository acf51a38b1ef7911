"""What a torch training run does instead: mistakes whose runs in numpy give its numbers."""

from __future__ import annotations

import numpy as np

from gradkit.examine import Examined
from gradkit.inquiry.findings import failed, finding_of
from gradkit.records.finding import UNEXPLAINED, Inquiry
from gradkit.records.rule import Slip, TrainingRun
from gradkit.records.task import Array, Task
from gradkit.truth.mistakes.training import GROUPS, explain_training

OF_THE_MODULE = frozenset(code for code, group in GROUPS.items() if group == "activation")
"""Mistakes of a torch module's own forward pass, not of the loop that trains it."""

UNREGISTERED = "unregistered-parameters"


def training_inquiry(task: Task, examined: Examined) -> Inquiry:
    """The mistakes that, run in numpy, give the losses and parameters of every run.

    What the module computes is charged to `forward`, what the loop does to `trajectory`.
    """
    case = examined.case
    runs = _training_runs(task, examined)
    forward_failed = failed(examined, "forward")
    # A wrong module whose forward pass is right on the assigned parameters holds them all,
    # and has not registered them all; one that has registered them cannot have that mistake.
    hidden = failed(examined, "model") and any(
        verdict.check == "forward" and verdict.state == "pass" for verdict in examined.verdicts
    )
    if len(runs) < 2:
        slips = [Slip(UNREGISTERED, (), ((),))] if hidden else []
        return Inquiry(
            tuple(finding_of(task, case.binding.bound["model"], "model", s, ()) for s in slips)
        )
    if not (forward_failed or failed(examined, "trajectory")):
        return Inquiry()
    barred = {"graph-detached" if hidden else UNREGISTERED}
    explanation = explain_training(
        task, runs, barred=barred if forward_failed else barred | OF_THE_MODULE
    )
    if explanation.unknown:
        checks = [check for check in ("forward", "trajectory") if failed(examined, check)]
        role = {"forward": "model", "trajectory": "train"}
        unknown = Slip(UNEXPLAINED)
        return Inquiry(
            tuple(finding_of(task, case.binding.bound[role[c]], c, unknown, ()) for c in checks)
        )
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    findings = []
    for slip in explanation.slips:
        check = "forward" if slip.code in OF_THE_MODULE and forward_failed else "trajectory"
        check = "model" if slip.code == UNREGISTERED else check
        bound = case.binding.bound["train" if check == "trajectory" else "model"]
        findings.append(finding_of(task, bound, check, slip, others))
    codes = tuple(slip.code for slip in explanation.slips)
    follows: dict[str, tuple[str, ...]] = {"gradient": codes} if codes else {}
    if findings and all(finding.check != "trajectory" for finding in findings):
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
