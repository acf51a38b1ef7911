"""Explain a wrong forward pass by a form that reproduces its outputs exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.inquiry.findings import failed, make_finding
from gradkit.diagnosis.inquiry.judged import explains_forward
from gradkit.diagnosis.mistakes.forward import explain_forward
from gradkit.diagnosis.rules.draw import draw_forward
from gradkit.judge.comparison import Examined
from gradkit.records.result import UNEXPLAINED, Inquiry
from gradkit.records.rule import Explanation, ForwardProbes, Slip
from gradkit.records.submission import Place
from gradkit.records.task import Array, Task
from gradkit.sandbox.observe import observe_returned
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import source_at

RETURNS = frozenset({"hidden-returned", "wrong-hidden-returned", "swapped-returns"})
"""Mistakes in the return values; all others are made in a layer."""

DOUBTFUL_LINES = {"wrong-sigmoid-sign": re.compile(r"exp\(|\(-")}
"""Patterns of lines outside the layers that may contain the mistake."""

PARAMETER_SCALE = 0.1
"""Factor of the parameters at the task's own inputs, so that no activation saturates."""


def explain_failed_forward(
    task: Task, examined: Examined, sitting: StudentProcess, seed: int
) -> Explanation | None:
    """Return the mistakes of a forward pass that failed its check; None if it did not fail.

    ``examined`` has the verdict and the judged outputs. ``sitting`` calls the pass at random inputs
    (drawn by ``seed``) and at the task's own. The explanation is ``unknown`` if no mistakes give
    these outputs and the judged ones, or if the call fails.
    """
    bound = examined.case.binding.bound.get("forward")
    if bound is None or not failed(examined, "forward"):
        return None
    X, before = _draw_inputs(task, seed)
    inputs = {**before, "X": X[:, :, None]}
    outcome = observe_returned(sitting, task, bound, inputs)
    output, hidden = outcome.outputs.get("y_hat"), outcome.outputs.get("A1")
    if outcome.failure is None and output is not None and np.isfinite(output).all():
        explanation = explain_forward(task, ForwardProbes(X, before, output, hidden))
        if explanation.unknown or explains_forward(task, examined, explanation.slips):
            return explanation
    return Explanation(unknown=True)


def forward_findings(
    task: Task,
    examined: Examined,
    sitting: StudentProcess,
    explanation: Explanation | None,
) -> Inquiry:
    """Return the findings for the mistakes of a forward pass; empty without an explanation.

    ``examined`` has the student's function for ``task`` and its verdict, and ``sitting`` the
    submitted text. An unknown mistake has one unexplained finding, unless the verdict already says
    the reason. For a known one, the inquiry lists as ``doubtful`` the lines of the submission that
    may contain it.
    """
    if explanation is None:
        return Inquiry()
    bound = examined.case.binding.bound["forward"]
    if explanation.unknown:
        if _is_explained_by_verdict(examined):
            return Inquiry()
        return Inquiry((make_finding(task, bound, "forward", Slip(UNEXPLAINED), explanation),))
    cells = [*sitting.section.own, *sitting.section.shared]
    lines = [
        (cell.place(number), line)
        for cell in cells
        for number, line in enumerate(cell.source.split("\n"), 1)
    ]
    findings, doubtful = [], dict[str, tuple[Place, ...]]()
    for slip in explanation.slips:
        finding = make_finding(task, bound, "forward", slip, explanation)
        place = bound.return_place if slip.code in RETURNS else bound.place
        findings.append(
            replace(finding, place=place, places=(place,), source=source_at(cells, place))
        )
        of = DOUBTFUL_LINES.get(slip.code)
        doubtful[finding.id] = tuple(place for place, line in lines if of and of.search(line))
    return Inquiry(tuple(findings), doubtful=doubtful)


def _is_explained_by_verdict(examined: Examined) -> bool:
    """Return whether the verdict on the forward pass already says why its outputs are wrong.

    In ``examined``, an output is then missing, has a wrong shape or type, or consists of integers.
    """
    outcomes = examined.case.observations.outcomes
    judged = [outcomes[batch.name] for batch in examined.case.probes.forward]
    faults = {fault.kind for outcome in judged for fault in outcome.faults}
    whole = any(value.dtype.kind in "iu" for o in judged for value in o.outputs.values())
    return whole or bool(faults & {"missing", "shape", "dtype", "type"})


def _draw_inputs(task: Task, seed: int) -> tuple[Array, Mapping[str, Array]]:
    """Return inputs X (n, features) and parameters (n, …) for ``n`` calls of a forward pass.

    Random calls, drawn by ``seed``, come first. Then come the task's own examples, with the first
    random parameters scaled by `PARAMETER_SCALE`.
    """
    X, before = draw_forward(task, seed)
    rows = min(len(task.X), len(X))
    near = {
        key: np.concatenate([value, PARAMETER_SCALE * value[:rows]])
        for key, value in before.items()
    }
    return np.concatenate([X, task.X[:rows]]), near
