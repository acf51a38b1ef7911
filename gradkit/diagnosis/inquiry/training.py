"""What a torch training run does instead: mistakes whose runs in numpy give its numbers."""

from __future__ import annotations

import numpy as np

from gradkit.binding.idioms import Idioms
from gradkit.diagnosis.inquiry.findings import failed, finding_of
from gradkit.diagnosis.mistakes.trained import explain_training
from gradkit.diagnosis.mistakes.training import (
    OF_THE_MODULE,
    RECORD,
    causes_of,
    explain_module,
)
from gradkit.judge.case import Examined
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Slip, TrainingRun
from gradkit.records.task import Array, Task

BEHIND = frozenset({"double-sigmoid"})
"""Mistakes of a module that may as well be made behind it, where it is trained."""

UNREGISTERED = "unregistered-parameters"
ROLES = {"forward": "model", "model": "model", "trajectory": "train"}


def training_inquiry(task: Task, examined: Examined, idioms: Idioms, most: int = 2) -> Inquiry:
    """The mistakes, at most so many, that run in numpy give the losses and parameters of every run.

    What the module computes is charged to `forward`, what the loop does to `trajectory`.
    """
    runs = _training_runs(task, examined)
    forward_failed = failed(examined, "forward")
    # A wrong module whose forward pass is right on the assigned parameters holds them all,
    # and has not registered them all; one that has registered them cannot have that mistake.
    hidden = failed(examined, "model") and any(
        verdict.check == "forward" and verdict.state == "pass" for verdict in examined.verdicts
    )
    module = _module(task, examined) if forward_failed else Explanation()
    own = _told(task, examined, module, dict.fromkeys(OF_THE_MODULE, "forward"))
    if len(runs) < 2:
        unseen = Explanation((Slip(UNREGISTERED, (), ((),)),) if hidden else ())
        return Inquiry((*_told(task, examined, unseen, {UNREGISTERED: "model"}), *own))
    if not (forward_failed or failed(examined, "trajectory")):
        return Inquiry()
    proven = frozenset(slip.code for slip in module.slips)
    barred = barred_by(idioms)
    if failed(examined, "model"):
        barred |= {"graph-detached" if hidden else UNREGISTERED}
    if not forward_failed:
        barred |= OF_THE_MODULE - BEHIND
    else:
        barred = barred - BEHIND | (OF_THE_MODULE - proven if proven else frozenset())
    likely = proven | likely_by(idioms)
    explanation = explain_training(task, runs, barred=barred, likely=likely, most=most)
    # What is recorded otherwise leaves the steps as they are.
    moved = failed(examined, "gradient") and not {s.code for s in explanation.slips} - RECORD
    if explanation.unknown or (explanation.slips and moved):
        unknown = Explanation((Slip(UNEXPLAINED),))
        checks = [] if own or not forward_failed else ["forward"]
        checks += ["trajectory"] if failed(examined, "trajectory") else []
        rest = [f for c in checks for f in _told(task, examined, unknown, {UNEXPLAINED: c})]
        return Inquiry((*own, *rest))
    charged = dict.fromkeys(OF_THE_MODULE, "forward") if forward_failed else {}
    charged |= {UNREGISTERED: "model"} if hidden else {}
    findings = _told(task, examined, explanation, charged)
    found = {check: causes_of(check, findings) for check in ("gradient", "trajectory")}
    causes = {check: ids for check, ids in found.items() if ids}
    if all(finding.check != "forward" for finding in findings):
        findings = (*own, *findings)
    return Inquiry(findings, causes)


def _told(
    task: Task, examined: Examined, explanation: Explanation, charged: dict[str, str]
) -> tuple[Finding, ...]:
    """The findings, each charged to its check: to `trajectory`, unless said otherwise."""
    findings = []
    for slip in explanation.slips:
        check = charged.get(slip.code, "trajectory")
        bound = examined.case.binding.bound[ROLES[check]]
        findings.append(finding_of(task, bound, check, slip, explanation))
    return tuple(findings)


def _module(task: Task, examined: Examined) -> Explanation:
    """The activations that give the outputs of the module itself, at known parameters."""
    calls = []
    for batch in examined.case.probes.forward:
        outcome = examined.case.observations.outcomes.get(batch.name)
        y_hat = outcome.outputs.get("y_hat") if outcome is not None else None
        if y_hat is None or y_hat.dtype.kind != "f":
            return Explanation(unknown=True)
        calls.append((batch.inputs, batch.inputs["X"], y_hat.astype(np.float64)))
    return explain_module(task, calls)


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
        if run.check == "trajectory" and outputs.get("loss", np.zeros(())).ndim == 1:
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


# --- which of some mistakes that leave equal numbers a text can hold -------------------------

CLEARING = frozenset({"zero_grad", "grad", "zero_"})
"""Words without which no gradient is cleared."""

CUTTING = frozenset(
    {"detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled", "requires_grad"}
    | {"requires_grad_", "data", "numpy"}
)
"""Words that cut a graph, or switch parameters off."""

ON_LOGITS = ("logits", "CrossEntropyLoss", "soft_margin", "SoftMargin")
"""Parts of the names of losses that apply the output's activation themselves."""

WRITTEN_OUT = frozenset({"exp", "log1p", "logaddexp", "softplus", "expit"})
"""Words of a sigmoid or a softmax, or of a loss with one in it, that is written by hand."""

SQUASHING = ("sigmoid", "softmax")


def barred_by(idioms: Idioms) -> frozenset[str]:
    """Mistakes that a text cannot hold; none where not all of it was read."""
    if not idioms.whole:
        return frozenset()
    words, cleared = idioms.words, _clears(idioms)
    written_out, on_logits = bool(words & WRITTEN_OUT), _has_logits(words)
    possible = {
        # Where every step comes too late nothing else has to be looked for.
        "graph-detached": not cleared,
        "unregistered-parameters": not cleared,
        "missing-step": "step" not in idioms.order,
        "gradients-cleared": "step" in words
        and bool(words & CLEARING)
        and (not idioms.order or cleared),
        "logits-loss": on_logits or written_out or _has(words, ("softmax",)),
        # A sigmoid of the module's own may be called by any name.
        "double-sigmoid": not on_logits or written_out or _has(idioms.outside, SQUASHING),
    }
    return frozenset(code for code, held in possible.items() if not held)


def likely_by(idioms: Idioms) -> frozenset[str]:
    """Mistakes that the words of a text speak for, where numbers leave several."""
    words = idioms.words
    cut = bool(words & CUTTING)
    spoken_for = {
        "missing-step": "step" not in words,
        "gradients-cleared": _clears(idioms),
        "graph-detached": cut,
        "unregistered-parameters": not cut and "step" in words,
        "wrong-reduction": "sum" in words,
        "recorded-loss": idioms.reckoned,
        "logits-loss": _has_logits(words),
    }
    return frozenset(code for code, spoken in spoken_for.items() if spoken)


def _clears(idioms: Idioms) -> bool:
    """Whether gradients are cleared between their being worked out and the step."""
    order = idioms.order
    return "step" in order and "zero_grad" in order[: order.index("step")]


def _has_logits(words: frozenset[str]) -> bool:
    return "cross_entropy" in words or _has(words, ON_LOGITS)


def _has(words: frozenset[str], parts: tuple[str, ...]) -> bool:
    return any(part.lower() in word.lower() for word in words for part in parts)
