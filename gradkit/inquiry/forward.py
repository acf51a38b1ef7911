"""What a forward pass computes instead, in a form that reproduces it exactly."""

from __future__ import annotations

import numpy as np

from gradkit.examine import Examined
from gradkit.inquiry.findings import failed, finding_of
from gradkit.records.finding import UNEXPLAINED, Finding
from gradkit.records.rule import ForwardProbes, Slip
from gradkit.records.task import Task
from gradkit.student.observe import observe_returned
from gradkit.student.sitting import Sitting
from gradkit.truth.mistakes.forward import explain_forward
from gradkit.truth.rules import draw_forward


def forward_findings(
    task: Task, examined: Examined, sitting: Sitting, seed: int
) -> tuple[Finding, ...]:
    """What the forward pass computes instead, in a form that reproduces it exactly."""
    bound = examined.case.binding.bound.get("forward")
    if bound is None or not failed(examined, "forward"):
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
        return (finding_of(task, bound, "forward", Slip(UNEXPLAINED), ()),)
    others = tuple(tuple(slip.code for slip in other) for other in explanation.alternatives)
    return tuple(finding_of(task, bound, "forward", slip, others) for slip in explanation.slips)
