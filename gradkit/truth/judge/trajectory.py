"""The `trajectory` checks: whole training runs, from starts that can tell units apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from gradkit.records.observations import Outcome
from gradkit.records.probes import Run
from gradkit.records.task import Array, Task
from gradkit.records.verdict import State, Verdict
from gradkit.truth import closeness
from gradkit.truth.judge.case import Case, Earlier, blocked, outcomes_of, unusable
from gradkit.truth.judge.sheet import Sheet
from gradkit.truth.oracle import course_of

LOOPS: Mapping[str, str] = {
    "gradkit": "gradkit's own training loop ran your functions.",
    "replaced": "gradkit's own training loop ran your update, with gradkit's forward pass.",
    "student": "Your own training loop ran.",
}


def trajectory(case: Case, earlier: Earlier) -> Verdict:
    """Losses of every epoch and final parameters, from each start."""
    torch = case.task.framework == "torch"
    role = "train" if torch else "update"
    states: tuple[State, ...] = ("missing", "error", "timeout")
    stop = blocked(
        "trajectory",
        "model" if torch else "update",
        earlier,
        (*states, "fail") if torch else states,
    )
    if stop is not None:
        return stop
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    outcomes = outcomes_of(case, runs)
    nothing = unusable(case, "trajectory", role, outcomes)
    if nothing is not None:
        return nothing
    sheet = Sheet(case.binding.bound[role])
    for run, outcome in zip(runs, outcomes, strict=True):
        sheet.faults(outcome.faults)
        _losses(sheet, case.task, run, outcome, case.expected[run.name])
        for key, start in run.parameters.items():
            final = case.expected[run.name][f"final/{key}"]
            tolerance = partial(
                _single_or_given,
                torch,
                partial(closeness.final_tolerance, final[None], start[None]),
            )
            sheet.compare(
                f"final/{key}",
                _stacked(outcome),
                final[None],
                tolerance,
                (run.start,),
                title=f"{key} from {run.start}",
            )
        if outcome.loop and LOOPS[outcome.loop] not in sheet.notes:
            sheet.notes.append(LOOPS[outcome.loop])
    return sheet.verdict(
        "trajectory",
        lambda failed: f"{len(failed)} of {sheet.size} losses and final parameters are off course.",
    )


def _single_or_given(torch: bool, tolerance: partial[Array], eps: float) -> Array:
    """A torch model keeps float32 parameters, whatever its losses are printed in."""
    return tolerance(closeness.SINGLE if torch else eps)


def _stacked(outcome: Outcome) -> Outcome:
    """The outcome with a leading axis of one, as `Sheet.compare` counts probes."""
    return replace(outcome, outputs={key: value[None] for key, value in outcome.outputs.items()})


def _losses(
    sheet: Sheet, task: Task, run: Run, outcome: Outcome, expected: Mapping[str, Array]
) -> None:
    course, taken = course_of(task, run, expected), course_of(task, run, outcome.outputs)
    if course is None:
        return
    torch = task.framework == "torch"
    eps = closeness.SINGLE if torch else closeness.DOUBLE
    title = f"loss from {run.start}"
    epochs = _by_epoch(course, run)
    if taken is not None and len(taken) != len(course):
        if torch:
            sheet.sentences.append(
                f"`{sheet.bound.function}` gives {len(taken)} losses for {run.epochs} epochs; "
                "one per epoch is expected."
            )
        taken = None
    found = {} if taken is None else {"loss": _by_epoch(taken, run)[None]}
    tolerance = closeness.course_tolerance(epochs, eps)[None]
    sheet.compare(
        "loss",
        replace(outcome, outputs=found),
        epochs[None],
        lambda eps: tolerance,
        (run.start,),
        title=title,
    )
    if taken is not None:
        off = np.flatnonzero(
            ~closeness.near(taken, course, closeness.course_tolerance(course, eps))
        )
        if len(off):
            epoch, example = divmod(int(off[0]), len(course) // run.epochs)
            at = f"epoch {epoch + 1}" + ("" if torch else f", example {example + 1}")
            sheet.sentences.append(
                f"From the {run.start} start the loss leaves its course at {at}."
            )


def _by_epoch(course: Array, run: Run) -> Array:
    means: Array = course.reshape(run.epochs, -1).mean(axis=1)
    return means
