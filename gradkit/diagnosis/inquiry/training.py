"""Explain torch training runs by mistakes that, run in numpy, give their numbers."""

from __future__ import annotations

import numpy as np

from gradkit.binding.idioms import Idioms
from gradkit.diagnosis.inquiry.findings import failed, make_finding
from gradkit.diagnosis.mistakes.trained import explain_training
from gradkit.diagnosis.mistakes.training import (
    MODULE_MISTAKES,
    RECORDING_MISTAKES,
    causes_of,
    explain_module,
)
from gradkit.judge.comparison import Examined
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Slip, TrainingRun
from gradkit.records.task import Array, Task

ALSO_IN_LOOP = frozenset({"double-sigmoid"})
"""Mistakes of a module that may also be made in the training loop."""

UNREGISTERED = "unregistered-parameters"
ROLES = {"forward": "model", "model": "model", "trajectory": "train"}


def inquire_training(task: Task, examined: Examined, idioms: Idioms, most: int = 2) -> Inquiry:
    """Return the findings for at most ``most`` mistakes that give the numbers of all training runs.

    ``examined`` has the runs and verdicts of ``task``. ``idioms`` are words of the submitted text,
    such as the name of the loss, by which mistakes with equal numbers are distinguished. Mistakes
    of the module are charged to the check `forward`, those of the loop to `trajectory`, parameters
    that are not registered to `model`. If no mistakes give the numbers, the failed checks get
    unexplained findings. With fewer than two observed runs, only the module is searched.
    """
    runs = _training_runs(task, examined)
    forward_failed = failed(examined, "forward")
    # A module fails its own check but is right on assigned parameters if some parameters are not
    # registered. If all are registered, this mistake is excluded.
    hidden = failed(examined, "model") and any(
        verdict.check == "forward" and verdict.state == "pass" for verdict in examined.verdicts
    )
    module = _explain_module(task, examined) if forward_failed else Explanation()
    own = _findings(task, examined, module, dict.fromkeys(MODULE_MISTAKES, "forward"))
    if len(runs) < 2:
        unseen = Explanation((Slip(UNREGISTERED, (), ((),)),) if hidden else ())
        return Inquiry((*_findings(task, examined, unseen, {UNREGISTERED: "model"}), *own))
    if not (forward_failed or failed(examined, "trajectory")):
        return Inquiry()
    proven = frozenset(slip.code for slip in module.slips)
    barred = impossible_mistakes(idioms)
    if failed(examined, "model"):
        barred |= {"graph-detached" if hidden else UNREGISTERED}
    if not forward_failed:
        barred |= MODULE_MISTAKES - ALSO_IN_LOOP
    else:
        barred = barred - ALSO_IN_LOOP | (MODULE_MISTAKES - proven if proven else frozenset())
    likely = proven | likely_mistakes(idioms)
    explanation = explain_training(task, runs, barred=barred, likely=likely, most=most)
    # Mistakes in recording do not explain a wrong gradient.
    moved = (
        failed(examined, "gradient")
        and not {s.code for s in explanation.slips} - RECORDING_MISTAKES
    )
    if explanation.unknown or (explanation.slips and moved):
        unknown = Explanation((Slip(UNEXPLAINED),))
        checks = [] if own or not forward_failed else ["forward"]
        checks += ["trajectory"] if failed(examined, "trajectory") else []
        rest = [f for c in checks for f in _findings(task, examined, unknown, {UNEXPLAINED: c})]
        return Inquiry((*own, *rest))
    charged = dict.fromkeys(MODULE_MISTAKES, "forward") if forward_failed else {}
    charged |= {UNREGISTERED: "model"} if hidden else {}
    findings = _findings(task, examined, explanation, charged)
    found = {check: causes_of(check, findings) for check in ("gradient", "trajectory")}
    causes = {check: ids for check, ids in found.items() if ids}
    if all(finding.check != "forward" for finding in findings):
        findings = (*own, *findings)
    return Inquiry(findings, causes)


def _findings(
    task: Task, examined: Examined, explanation: Explanation, charged: dict[str, str]
) -> tuple[Finding, ...]:
    """Return the finding of each mistake of an explanation.

    ``examined`` has the student's functions for ``task``. ``charged`` maps the code of a mistake to
    the check that loses points for it; other mistakes cost points of `trajectory`.
    """
    findings = []
    for slip in explanation.slips:
        check = charged.get(slip.code, "trajectory")
        bound = examined.case.binding.bound[ROLES[check]]
        findings.append(make_finding(task, bound, check, slip, explanation))
    return tuple(findings)


def _explain_module(task: Task, examined: Examined) -> Explanation:
    """Return the wrong activations that give the outputs of the student's module.

    ``examined`` has the observed calls of the module. The explanation is ``unknown`` if a call has
    no floating-point output.
    """
    calls = []
    for batch in examined.case.probes.forward:
        outcome = examined.case.observations.outcomes.get(batch.name)
        y_hat = outcome.outputs.get("y_hat") if outcome is not None else None
        if y_hat is None or y_hat.dtype.kind != "f":
            return Explanation(unknown=True)
        calls.append((batch.inputs, batch.inputs["X"], y_hat.astype(np.float64)))
    return explain_module(task, calls)


def _training_runs(task: Task, examined: Examined) -> list[TrainingRun]:
    """Return the runs of the check `trajectory` with their losses and final parameters.

    ``examined`` has the observed runs of ``task``. Each result also has the final parameters of
    shorter runs from the same start, by number of epochs. Runs without all final parameters, or
    without a loss for each epoch, are left out.
    """
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


# --- mistakes with equal numbers, told apart by the text -------------------------------------

CLEARING_WORDS = frozenset({"zero_grad", "grad", "zero_"})
"""Words of which one is needed to clear gradients."""

DETACHING_WORDS = frozenset(
    {"detach", "detach_", "no_grad", "inference_mode", "set_grad_enabled", "requires_grad"}
    | {"requires_grad_", "data", "numpy"}
)
"""Words that detach a tensor or switch off the gradient of parameters."""

LOGIT_LOSSES = ("logits", "CrossEntropyLoss", "soft_margin", "SoftMargin")
"""Parts of the names of losses that apply the output's activation themselves."""

FORMULA_WORDS = frozenset({"exp", "log1p", "logaddexp", "softplus", "expit"})
"""Words in a sigmoid, a softmax, or a loss with one of them, that is written as a formula."""

SQUASHING = ("sigmoid", "softmax")


def impossible_mistakes(idioms: Idioms) -> frozenset[str]:
    """Return the codes of mistakes that the submitted text rules out by its words ``idioms``.

    For example, ``missing-step`` if an optimizer's step is called, ``double-sigmoid`` if the loss
    is one of logits. Empty if not all of the text was read.
    """
    if not idioms.whole:
        return frozenset()
    words, cleared = idioms.words, _clears_before_step(idioms)
    written_out, on_logits = bool(words & FORMULA_WORDS), _has_logit_loss(words)
    possible = {
        # Cleared gradients already explain parameters that never change.
        "graph-detached": not cleared,
        "unregistered-parameters": not cleared,
        "missing-step": "step" not in idioms.order,
        "gradients-cleared": "step" in words
        and bool(words & CLEARING_WORDS)
        and (not idioms.order or cleared),
        "logits-loss": on_logits or written_out or _has_part(words, ("softmax",)),
        # A sigmoid from outside the text may have any name.
        "double-sigmoid": not on_logits or written_out or _has_part(idioms.outside, SQUASHING),
    }
    return frozenset(code for code, is_possible in possible.items() if not is_possible)


def likely_mistakes(idioms: Idioms) -> frozenset[str]:
    """Return the codes of mistakes that the words ``idioms`` of the submitted text suggest.

    If the numbers fit several mistakes, these are preferred. For example, ``wrong-reduction`` is
    likely if the word ``sum`` occurs.
    """
    words = idioms.words
    cut = bool(words & DETACHING_WORDS)
    spoken_for = {
        "missing-step": "step" not in words,
        "gradients-cleared": _clears_before_step(idioms),
        "graph-detached": cut,
        "unregistered-parameters": not cut and "step" in words,
        "wrong-reduction": "sum" in words,
        "recorded-loss": idioms.reckoned,
        "logits-loss": _has_logit_loss(words),
    }
    return frozenset(code for code, spoken in spoken_for.items() if spoken)


def _clears_before_step(idioms: Idioms) -> bool:
    """Return whether gradients are cleared between `backward` and `step`."""
    order = idioms.order
    return "step" in order and "zero_grad" in order[: order.index("step")]


def _has_logit_loss(words: frozenset[str]) -> bool:
    """Return whether the words contain a loss that applies the activation itself."""
    return "cross_entropy" in words or _has_part(words, LOGIT_LOSSES)


def _has_part(words: frozenset[str], parts: tuple[str, ...]) -> bool:
    """Return whether any word contains any of the parts, in upper or lower case."""
    return any(part.lower() in word.lower() for word in words for part in parts)
