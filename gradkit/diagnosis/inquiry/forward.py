"""What a forward pass computes instead, in a form that reproduces it exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.inquiry.findings import failed, finding_of
from gradkit.diagnosis.inquiry.judged import forward_holds
from gradkit.diagnosis.mistakes.forward import explain_forward
from gradkit.diagnosis.rules.draw import draw_forward
from gradkit.judge.case import Examined
from gradkit.records.result import UNEXPLAINED, Inquiry
from gradkit.records.rule import Explanation, ForwardProbes, Slip
from gradkit.records.submission import Place
from gradkit.records.task import Array, Task
from gradkit.sandbox.observe import observe_returned
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import source_at

RETURNS = frozenset({"hidden-returned", "wrong-hidden-returned", "swapped-returns"})
"""Mistakes of what is returned; all others are made in a layer."""

WRITTEN = {"wrong-sigmoid-sign": re.compile(r"exp\(|\(-")}
"""What lines have in which a mistake may be made outside of the layers."""

SMALL = 0.1
"""By how much parameters are smaller where inputs are the task's own."""


def forward_explanation(
    task: Task, examined: Examined, sitting: StudentProcess, seed: int
) -> Explanation | None:
    """The form that reproduces a forward pass that failed; None where none failed."""
    bound = examined.case.binding.bound.get("forward")
    if bound is None or not failed(examined, "forward"):
        return None
    X, before = _drawn(task, seed)
    inputs = {**before, "X": X[:, :, None]}
    outcome = observe_returned(sitting, task, bound, inputs)
    output, hidden = outcome.outputs.get("y_hat"), outcome.outputs.get("A1")
    if outcome.failure is None and output is not None and np.isfinite(output).all():
        explanation = explain_forward(task, ForwardProbes(X, before, output, hidden))
        if explanation.unknown or forward_holds(task, examined, explanation.slips):
            return explanation
    return Explanation(unknown=True)


def forward_findings(
    task: Task,
    examined: Examined,
    sitting: StudentProcess,
    explanation: Explanation | None,
) -> Inquiry:
    """What a forward pass computes instead, as it was explained.

    On which lines, the change tells that mends it.
    """
    if explanation is None:
        return Inquiry()
    bound = examined.case.binding.bound["forward"]
    if explanation.unknown:
        if _is_told(examined):
            return Inquiry()
        return Inquiry((finding_of(task, bound, "forward", Slip(UNEXPLAINED), explanation),))
    cells = [*sitting.section.own, *sitting.section.shared]
    lines = [
        (cell.place(number), line)
        for cell in cells
        for number, line in enumerate(cell.source.split("\n"), 1)
    ]
    findings, doubtful = [], dict[str, tuple[Place, ...]]()
    for slip in explanation.slips:
        told = finding_of(task, bound, "forward", slip, explanation)
        place = bound.return_place if slip.code in RETURNS else bound.place
        findings.append(replace(told, place=place, places=(place,), source=source_at(cells, place)))
        of = WRITTEN.get(slip.code)
        doubtful[told.id] = tuple(place for place, line in lines if of and of.search(line))
    return Inquiry(tuple(findings), doubtful=doubtful)


def _is_told(examined: Examined) -> bool:
    """Whether the verdict on the outputs says why they are wrong: nothing need be named then."""
    outcomes = examined.case.observations.outcomes
    judged = [outcomes[batch.name] for batch in examined.case.probes.forward]
    faults = {fault.kind for outcome in judged for fault in outcome.faults}
    whole = any(value.dtype.kind in "iu" for o in judged for value in o.outputs.values())
    return whole or bool(faults & {"missing", "shape", "dtype", "type"})


def _drawn(task: Task, seed: int) -> tuple[Array, Mapping[str, Array]]:
    """The probes and the task's own examples, at parameters that saturate nothing.

    A form has to hold where the code is used.
    """
    X, before = draw_forward(task, seed)
    rows = min(len(task.X), len(X))
    near = {key: np.concatenate([value, SMALL * value[:rows]]) for key, value in before.items()}
    return np.concatenate([X, task.X[:rows]]), near
