"""The `trajectory` checks: whole training runs, from published starts and from a random start.

A number earns points only if it is right in all runs. A run from a published start earns nothing
alone, because everybody can know its results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from msgspec.structs import replace

from gradkit.judge import tolerances
from gradkit.judge.comparison import (
    Case,
    Comparison,
    Earlier,
    answered,
    blocked,
    least,
    secret_among,
    subject,
)
from gradkit.records.observations import Outcome
from gradkit.records.result import Course, Verdict
from gradkit.records.task import Array, Run, Task
from gradkit.task import network
from gradkit.task.oracle import Derived, course_of, final, mean_scale
from gradkit.task.probes import TWICE
from gradkit.text import DRAWN, format_text

ONE_SIZE = (
    "With every row given twice and in another order the losses should stay the "
    "same; here they do not. The number of rows, or of steps, may be written into "
    "the code."
)
OWN_ROWS = "{function} always trains on the assignment's data: use its arguments X and y instead."
LOOPS: Mapping[str, str] = {
    "gradkit": "gradkit's own training loop ran your functions.",
    "replaced": "gradkit's own training loop ran your update, with gradkit's forward pass.",
    "student": "Your own training loop ran.",
}

OF_CHANGE = 5e-5
"""Accepted error of a torch run, relative to the whole change, since torch orders sums itself."""

MAX_SHOWN_EPOCHS = 100
"""Largest number of epochs kept for the plot of a run; of a longer run, evenly spread epochs."""


def trajectory(case: Case, earlier: Earlier) -> Verdict:
    """Compare the losses of every epoch and the final parameters, from each start."""
    framework = case.task.framework
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    outcomes, nothing = answered(case, "trajectory", framework.step, runs, earlier)
    stop = blocked("trajectory", "update", earlier) or nothing
    if stop is not None:
        return stop
    forward = case.binding.bound.get("forward")
    givers = {} if framework.trains else {"loss": "The training run"}
    if forward is not None:
        givers |= dict.fromkeys(("y_hat", "A1"), f"`{forward.function}`")
    comparison = Comparison(case.binding.bound[framework.step], givers)
    lenience = least(case, "trajectory")
    of_change = OF_CHANGE if framework.trains else 0.0
    secret = secret_among(runs)
    courses: list[Course] = []
    still = True
    nearly = set[str]()
    for run, outcome in zip(runs, outcomes, strict=True):
        comparison.faults(outcome.faults)
        units = [tolerances.epsilon(value) for value in outcome.outputs.values()]
        eps = tolerances.SINGLE if framework.trains else max(units, default=tolerances.DOUBLE)
        earns, expected, starts = run.name in secret, case.expected[run.name], final(run.parameters)
        allowed = partial(tolerances.course_tolerance, eps=eps, least=lenience, of_change=of_change)
        courses.append(_losses(comparison, case.task, run, outcome, expected, allowed, earns))
        for name, start in starts.items():
            end, found = expected[name], outcome.outputs.get(name)
            comparison.compare(
                name,
                None if found is None else found[None],
                end[None],
                tolerances.final_tolerance(end, start, eps, lenience, of_change),
                (run.start,),
                still=(start if earns else end)[None],
            )
        if framework.trains and _is_of_own_rows(comparison, case.task, run, outcome):
            comparison.remark(format_text(OWN_ROWS, function=subject(comparison.bound)))
        # Low precision may show only after many steps. A wrong step is reported by `update`.
        stepped = "update" in earlier and earlier["update"].state == "pass"
        if stepped and _is_nearly(comparison, case.task, run, outcome, expected):
            comparison.remark_on_precision()
            nearly.add(run.start)
        if outcome.loop and LOOPS[outcome.loop] not in comparison.notes:
            comparison.notes.append(LOOPS[outcome.loop])
        changes = {name: expected[name] - start for name, start in starts.items()}
        still = still and (not earns or tolerances.stays(outcome.outputs, starts, changes))
    verdict = comparison.verdict(
        "trajectory", "{count} of {size} losses and final parameters are wrong."
    )
    notes = verdict.notes
    if verdict.state == "pass" and not _is_of_any_size(case):
        notes = (*notes, ONE_SIZE)
    rounded = {entry.probe for entry in comparison.entries if entry.state != "pass"} <= nearly
    failed = verdict.state == "fail"
    fields = {"notes": notes, "courses": tuple(courses), "still": still}
    # Known starts are the same for everyone and on every seed, so equal mistakes cost equal points.
    diverges = failed and any(
        _diverges(case.task, run, outcome)
        for run, outcome in zip(runs, outcomes, strict=True)
        if run.start != DRAWN
    )
    return replace(verdict, **fields, rounded=rounded and failed, diverges=diverges)


def _diverges(task: Task, run: Run, outcome: Outcome) -> bool:
    """Return whether a run ends with a higher loss than it began with, or with no number.

    Both the losses of the run and those that are computed here from its parameters have to rise.
    A recorded loss alone may be another number, such as a sum over all epochs. And a wrong forward
    pass or a wrong loss function may fall where the task's loss rises.
    """
    ends = {key: outcome.outputs.get(f"final/{key}") for key in run.parameters}
    arrays = {k: v for k, v in ends.items() if v is not None and v.dtype.kind in "fiu"}
    if any(arrays.get(key, np.empty(0)).shape != old.shape for key, old in run.parameters.items()):
        return False
    rises = _rises(np.array([_loss_at(task, run, at) for at in (run.parameters, arrays)]))
    course = course_of(task, run, outcome.outputs)
    if len(course) == 0 or len(course) % run.epochs:
        return rises
    return rises and _rises(_by_epoch(course, run))


def _rises(losses: Array) -> bool:
    """Return whether the last loss is above the first by more than rounding, or no number."""
    if not np.isfinite(losses[-1]):
        return True
    room = tolerances.course_tolerance(losses[[0, -1]], tolerances.SINGLE)
    return bool(losses[-1] > losses[0] + room.max())


def _is_of_own_rows(comparison: Comparison, task: Task, run: Run, outcome: Outcome) -> bool:
    """Return whether losses that are wrong for a run's rows are right for the task's own rows."""
    found, own = outcome.outputs.get("loss"), replace(run, X=task.X, y=task.y)
    wrong = any(entry.state != "pass" for entry in comparison.entries)
    if not wrong or found is None or np.array_equal(run.X, task.X):
        return False
    right = Derived(task).train(own)["loss"]
    allowed = tolerances.course_tolerance(right, tolerances.SINGLE, of_change=OF_CHANGE)
    return found.shape == right.shape and bool(tolerances.near(found, right, allowed).all())


def _is_of_any_size(case: Case) -> bool:
    """Return whether the losses stay the same if every row is passed twice, in another order."""
    outcome, expected = case.observations.outcomes.get(TWICE), case.expected.get(TWICE)
    if outcome is None or expected is None:
        return True
    found, right = outcome.outputs.get("loss"), expected["loss"]
    if found is None or found.shape != right.shape or not np.ptp(right):
        return outcome.failure is None
    # The tolerance is wide because this is only a remark; one step more or less still exceeds it.
    return bool(np.abs(found - right).max() <= 0.1 * np.ptp(right) + 1e-4 * np.abs(right).max())


def _is_nearly(
    comparison: Comparison, task: Task, run: Run, outcome: Outcome, expected: Mapping[str, Array]
) -> bool:
    """Return whether single precision explains all errors of a run that failed."""
    if all(entry.state == "pass" for entry in comparison.entries if entry.probe == run.start):
        return False
    starts = final(run.parameters)
    moved = np.concatenate([(expected[name] - start).ravel() for name, start in starts.items()])
    pairs = [(outcome.outputs.get(name), expected[name], moved) for name in starts]
    course = course_of(task, run, expected)
    pairs.append((course_of(task, run, outcome.outputs), course, course))
    return all(found is not None and tolerances.nearly(found, *rest) for found, *rest in pairs)


def _losses(
    comparison: Comparison,
    task: Task,
    run: Run,
    outcome: Outcome,
    expected: Mapping[str, Array],
    allowed: Callable[[Array], Array],
    earns: bool,
) -> Course:
    """Add the entries of a run's losses, and return the losses to be plotted."""
    course, taken = (course_of(task, run, values) for values in (expected, outcome.outputs))
    epochs = _by_epoch(course, run)
    found, tolerance = None, allowed(epochs)
    if len(taken) == len(course):
        found = _by_epoch(taken, run)
        # After the first wrong loss, a later loss is right only by chance.
        off_course = ~tolerances.near(found, epochs, tolerance)
        tolerance = np.where(np.logical_or.accumulate(off_course), -1.0, tolerance)
        off = np.flatnonzero(~tolerances.near(taken, course, allowed(course)))
        if len(off):
            epoch, example = divmod(int(off[0]), len(course) // run.epochs)
            at = format_text("epoch {epoch}", epoch=epoch + 1) + (
                ""
                if "loss" in expected
                else format_text(", example {example}", example=example + 1)
            )
            comparison.remark(
                format_text(
                    "From the {start} start, your loss differs from the expected loss from {at} "
                    "on.",
                    start=run.start,
                    at=at,
                )
            )
    elif "loss" in outcome.outputs:
        comparison.remark(
            format_text(
                "{function} gives {count} losses for {epochs} epochs; one per epoch is expected.",
                function=subject(comparison.bound),
                count=len(taken),
                epochs=run.epochs,
            )
        )
    elif "loss" in expected:
        comparison.remark("Return a list with one loss for each epoch.")
    comparison.compare(
        "loss",
        None if found is None else found[None],
        epochs[None],
        tolerance,
        (run.start,),
        still=(np.full_like(epochs, _loss_at(task, run, run.parameters)) if earns else epochs)[
            None
        ],
    )
    ends = np.linspace(0, run.epochs - 1, min(run.epochs, MAX_SHOWN_EPOCHS))
    kept = np.array(sorted({round(epoch) for epoch in ends.tolist()}))
    return Course(
        run.start,
        tuple((kept + 1).tolist()),
        () if found is None else tuple(found[kept].tolist()),
        tuple(epochs[kept].tolist()),
    )


def _loss_at(task: Task, run: Run, parameters: Mapping[str, Array]) -> float:
    """Return the mean loss over the rows of a run at some parameters."""
    X, y = run.X[:, :, None].astype(float), run.y[:, :, None].astype(float)
    point = {key: np.repeat(value[None], len(X), 0) for key, value in parameters.items()}
    scale = mean_scale(task) if task.framework.trains else 1.0
    with np.errstate(all="ignore"):
        return float(network.loss(task, point, X, y).mean() * scale)


def _by_epoch(course: Array, run: Run) -> Array:
    """Return the mean loss of each epoch."""
    means: Array = course.reshape(run.epochs, -1).mean(axis=1)
    return means
