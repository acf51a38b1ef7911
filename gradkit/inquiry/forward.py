"""What a forward pass computes instead, in a form that reproduces it exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradkit.examine import Examined
from gradkit.inquiry.findings import failed, finding_of
from gradkit.records.binding import Binding
from gradkit.records.finding import UNEXPLAINED, Finding
from gradkit.records.rule import Explanation, ForwardProbes, Slip
from gradkit.records.submission import Place
from gradkit.records.task import Array, Parameters, Task
from gradkit.student.observe import observe_returned
from gradkit.student.place import source_at
from gradkit.student.sitting import Sitting
from gradkit.truth.mistakes.forward import explain_forward
from gradkit.truth.rules import draw_forward

ABOUT = {
    "wrong-sigmoid-sign": "activation",
    "wrong-activation": "activation",
    "missing-activation": "layer",
    "activation-twice": "layer",
    "missing-bias": "layer",
    "subtracted-bias": "layer",
    "weight-not-transposed": "layer",
    "hidden-returned": "return",
    "wrong-hidden-returned": "return",
    "swapped-returns": "return",
}
"""The helper in which a mistake of the forward pass is made, where there is one, or its return."""

SMALL = 0.1
"""By how much parameters are smaller where inputs are the task's own."""


def forward_explanation(
    task: Task, examined: Examined, sitting: Sitting, seed: int
) -> Explanation | None:
    """The form that reproduces a forward pass that failed; None where none failed."""
    bound = examined.case.binding.bound.get("forward")
    if bound is None or not failed(examined, "forward"):
        return None
    X, before = _with_examples(task, *draw_forward(task, seed))
    inputs = {**before, "X": X[:, :, None]}
    outcome = observe_returned(sitting, task, bound, inputs)
    output, hidden = outcome.outputs.get("y_hat"), outcome.outputs.get("A1")
    if outcome.failure is None and output is not None and np.isfinite(output).all():
        return explain_forward(task, ForwardProbes(X, before, output, hidden))
    return Explanation(unknown=True)


def forward_findings(
    task: Task, examined: Examined, sitting: Sitting, explanation: Explanation | None
) -> tuple[Finding, ...]:
    """What a forward pass computes instead, as it was explained."""
    if explanation is None:
        return ()
    bound = examined.case.binding.bound["forward"]
    if explanation.unknown:
        return (finding_of(task, bound, "forward", Slip(UNEXPLAINED), ()),)
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    cells = [*sitting.section.own, *sitting.section.shared]
    findings = []
    for slip in explanation.slips:
        found = finding_of(task, bound, "forward", slip, others)
        place = _place(examined.case.binding, slip.code)
        source = source_at(cells, place)
        findings.append(replace(found, place=place, places=(place,), source=source))
    return tuple(findings)


def _with_examples(task: Task, X: Array, before: Parameters) -> tuple[Array, Mapping[str, Array]]:
    """The probes and the task's own examples, at parameters that saturate nothing.

    A form has to hold where the code is used.
    """
    rows = min(len(task.X), len(X))
    near = {key: np.concatenate([value, SMALL * value[:rows]]) for key, value in before.items()}
    return np.concatenate([X, task.X[:rows]]), near


def _place(binding: Binding, code: str) -> Place:
    """The statement to look at: in the activation, the layer, the pass, or its return."""
    helpers = {"activation": ("activation", "layer"), "layer": ("layer",)}
    order = (*helpers.get(ABOUT.get(code, ""), ()), "forward")
    bound = binding.bound[next(role for role in order if role in binding.bound)]
    if ABOUT.get(code) == "return":
        return bound.return_place
    return bound.result_place or bound.place
