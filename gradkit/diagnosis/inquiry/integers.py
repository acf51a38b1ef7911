"""Recognise steps that are right on floats, but truncated because the data are integers.

The inputs of the checks are floats, but the task's own data may be integers. An array made from
these, as by ``np.zeros_like(X)``, then has an integer type.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.diagnosis.inquiry.findings import failed, make_finding
from gradkit.diagnosis.update_text import update_text
from gradkit.judge.comparison import Case, Examined
from gradkit.records.result import Finding
from gradkit.records.rule import Entry, Explanation, Slip
from gradkit.records.task import Batch, Task
from gradkit.sandbox.observe import observe, observe_batch, of_run
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import source_at
from gradkit.text import format_text

CODE = "integer-truncation"

SAME = 1e-9
"""Relative tolerance between two runs that are equal up to rounding."""


def inquire_integers(
    task: Task, examined: Examined, sitting: StudentProcess
) -> tuple[Finding, ...]:
    """Return a finding if a training run is wrong only because its data are integers; else empty.

    ``examined`` must have a passed forward pass and update of ``task``, and all runs must be right
    when ``sitting`` repeats them with the same data as floats. The entries of the finding are those
    whose update differs between integer and float inputs.
    """
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
    batches = [_with_own_rows(case, kind) for kind in (np.int64, np.float64)]
    cut, whole = (observe_batch(sitting, task, update, batch).outputs for batch in batches)
    entries = tuple(_differing_entries(cut, whole))
    if not entries:
        return ()
    slip = Slip(CODE, entries, ((),) * len(entries))
    finding = make_finding(task, update, "trajectory", slip, Explanation((slip,)))
    text = update_text([*sitting.section.own, *sitting.section.shared], update)
    place = (text and text.find_integer_line()) or update.place
    because = format_text(
        "The data of the training run are whole numbers, as in the assignment. So an array that "
        "is created from {X} can only hold whole numbers.",
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


def _with_own_rows(case: Case, kind: type[np.generic]) -> Batch:
    """Return the judged update calls with rows of the task's X, rounded to integers, as X.

    ``case`` has the task and the calls; ``kind`` is the type of the integers. All other inputs and
    the labels are cut to the same number of calls.
    """
    (batch,) = case.probes.update
    rows = np.rint(case.task.X)[:, :, None].astype(kind)
    inputs = {name: value[: len(rows)] for name, value in batch.inputs.items()}
    return replace(
        batch, inputs={**inputs, "X": rows[: len(inputs["y"])]}, labels=batch.labels[: len(rows)]
    )


def _differing_entries(
    from_integers: Mapping[str, NDArray[np.float64]], from_floats: Mapping[str, NDArray[np.float64]]
) -> list[Entry]:
    """Return the entries whose new values differ between integer and float inputs.

    ``from_integers`` and ``from_floats`` have the parameters after each call by name, (calls, rows,
    columns).
    """
    found: list[Entry] = []
    for key in from_integers.keys() & from_floats.keys():
        apart = ~np.isclose(from_integers[key], from_floats[key], SAME, equal_nan=True).all(axis=0)
        found += [(key, (int(row), int(column))) for row, column in np.argwhere(apart)]
    return sorted(found)
