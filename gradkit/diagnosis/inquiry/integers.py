"""Whether steps are right on floats, and cut off where the data are whole numbers.

Drawn inputs have decimals. The task's own data need not: an array made like one of these, as by
``np.zeros_like(X)``, then holds whole numbers too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.diagnosis.inquiry.findings import failed, finding_of
from gradkit.diagnosis.trace import observe_trace
from gradkit.formatting import format_text
from gradkit.judge.case import Case, Examined
from gradkit.records.result import Finding
from gradkit.records.rule import Entry, Explanation, Slip
from gradkit.records.submission import Place
from gradkit.records.task import Batch, Task
from gradkit.sandbox.observe import observe, observe_batch, of_run
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import source_at

CODE = "integer-truncation"

SAME = 1e-9
"""Relative; what a run may differ by that is the same but for rounding."""


def integers_inquiry(
    task: Task, examined: Examined, sitting: StudentProcess
) -> tuple[Finding, ...]:
    """The finding where whole numbers are why a run leaves its course, proven by runs on floats."""
    case = examined.case
    passed = {verdict.check for verdict in examined.verdicts if verdict.state == "pass"}
    runs = [run for run in case.probes.runs if run.X.dtype.kind == "i"]
    if not (runs and passed >= {"forward", "update"} and failed(examined, "trajectory")):
        return ()
    forward, update = (case.binding.bound[role] for role in ("forward", "update"))
    for run in runs:
        floats = replace(run, X=run.X.astype(float), y=run.y.astype(float))
        made = observe(sitting, of_run(task, forward, update, floats)).outputs
        for name, right in case.expected[run.name].items():
            found = made.get(name)
            if found is None or found.shape != right.shape or not np.allclose(found, right, SAME):
                return ()
    batches = [_batch(case, kind) for kind in (np.int64, np.float64)]
    cut, whole = (observe_batch(sitting, task, update, batch).outputs for batch in batches)
    entries = tuple(_differing(cut, whole))
    if not entries:
        return ()
    slip = Slip(CODE, entries, ((),) * len(entries))
    finding = finding_of(task, update, "trajectory", slip, Explanation((slip,)))
    place = _place(task, case, sitting, batches) or update.place
    because = format_text(
        "The data of the training run are whole numbers, as the assignment's are: an array that "
        "is made like {X} holds whole numbers too.",
        X=update.names.get("X", "X"),
    )
    return (
        replace(
            finding,
            sentence=f"{finding.sentence} {because}",
            place=place,
            places=(place,),
            source=source_at([*sitting.section.own, *sitting.section.shared], place),
        ),
    )


def _batch(case: Case, kind: type[np.generic]) -> Batch:
    """The steps that were judged, on the task's own rows, as numbers of this kind."""
    (batch,) = case.probes.update
    rows = np.rint(case.task.X)[:, :, None].astype(kind)
    inputs = {name: value[: len(rows)] for name, value in batch.inputs.items()}
    return replace(
        batch, inputs={**inputs, "X": rows[: len(inputs["y"])]}, labels=batch.labels[: len(rows)]
    )


def _differing(
    cut: Mapping[str, NDArray[np.float64]], whole: Mapping[str, NDArray[np.float64]]
) -> list[Entry]:
    """The entries in which one and the same step is another on whole numbers."""
    found: list[Entry] = []
    for key in cut.keys() & whole.keys():
        apart = ~np.isclose(cut[key], whole[key], SAME, equal_nan=True).all(axis=0)
        found += [(key, (int(row), int(column))) for row, column in np.argwhere(apart)]
    return sorted(found)


def _place(task: Task, case: Case, sitting: StudentProcess, batches: list[Batch]) -> Place | None:
    """The line that made the first array which holds other values on whole numbers."""
    update = case.binding.bound["update"]
    cut, whole = (
        observe_trace(sitting, task, update, batch.inputs, plain=True) for batch in batches
    )
    for event, other in zip(cut.events, whole.events, strict=False):
        if (event.place, event.name) != (other.place, other.name):
            return None
        if not np.allclose(event.values, other.values, SAME, equal_nan=True):
            made = event
            while made.kind == "changed" and made.prior is not None:
                made = cut.events[made.prior]
            return made.place
    return None
