"""Compare the gradient of a net with finite differences through the student's own forward pass.

The `gradient` check compares steps with differences of the loss through the task's net. If that
disagrees and the student's forward pass is wrong, the gradient may still be right for that wrong
forward pass. So this module computes the loss from the outputs of the student's forward pass. It
calls the forward pass once for each evaluation, with all examples of the point in one batch.

A parameter whose gradient agrees earns half of its points, and only if the forward pass is right
in part: see `gradkit.grading.own_forward`, which has the same rule for functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.grading.own_forward import note_own_forward
from gradkit.judge import tolerances
from gradkit.judge.comparison import Case, came_back, least
from gradkit.judge.gradient import LOOKED_AT, Loss, Point, judge_points, points_of, points_of_batch
from gradkit.records.result import Verdict
from gradkit.records.submission import Outcome
from gradkit.records.task import Array, Batch
from gradkit.sandbox import observe
from gradkit.sandbox.process import StudentProcess
from gradkit.task import network
from gradkit.task.oracle import parameters_in


class _StoppedError(Exception):
    """The student's code has returned no usable outputs at a point."""


def with_own_forward(
    case: Case, verdicts: Sequence[Verdict], process: StudentProcess
) -> tuple[Verdict, ...]:
    """Return verdicts that also accept gradients of the student's own forward pass.

    Parameters
    ----------
    case : Case
        The judged calls and their outcomes.
    verdicts : sequence of Verdict
        The verdicts by the task's net. The checks ``forward`` and ``gradient`` have failed.
    process : StudentProcess
        Runs the student's code.
    """
    return tuple(
        _compared_again(case, verdict, process) if verdict.check == "gradient" else verdict
        for verdict in verdicts
    )


def _compared_again(case: Case, verdict: Verdict, process: StudentProcess) -> Verdict:
    """Judge the gradient by the student's own forward pass, and return the merged verdict.

    ``verdict`` is that by the right forward pass. Parameters whose gradients agree with the
    student's forward pass, which ``process`` runs, take their entries from the new comparison; all
    others keep theirs. The verdict is unchanged if the forward pass of ``case`` is wrong
    everywhere.
    """
    if not _is_partly_right(case):
        # No points can be earned, and each evaluation runs the student's code.
        return verdict
    try:
        points = _own_points(case, process)
        losses = [_own_loss(case, point, process) for point in points]
        for point, loss in zip(points, losses, strict=True):
            loss({key: value[None] for key, value in point.before.items()})
        again = judge_points(case, points, losses)
    except _StoppedError:
        return verdict
    before, now = ({key: _states(v, key) for key in points[0].before} for v in (verdict, again))
    fits = [key for key in before if "fail" in before[key] and now[key] == {"pass"}]
    if not fits:
        return verdict
    noted = note_own_forward(replace(verdict, own_forward=tuple(fits)), half=True)
    merged = [entry for entry in verdict.entries if entry.parameter not in fits]
    merged += [entry for entry in again.entries if entry.parameter in fits]
    order = list(points[0].before)
    entries = tuple(sorted(merged, key=lambda entry: (order.index(entry.parameter), entry.index)))
    if any(entry.state == "fail" for entry in entries):
        return replace(noted, entries=entries)
    return replace(noted, state="pass", message="", entries=entries, place=None)


def _states(verdict: Verdict, key: str) -> set[str]:
    """Return the states of a parameter's entries."""
    return {entry.state for entry in verdict.entries if entry.parameter == key}


def _own_points(case: Case, process: StudentProcess) -> list[Point]:
    """Return the steps of the student's update after the student's own forward pass.

    ``case`` has the probes and outcomes. A training run in torch runs its own forward pass anyway.
    An update in numpy is called in ``process`` with the output and the hidden layer that the
    student's forward pass returned.

    Raises
    ------
    _StoppedError
        The update or the forward pass returned no usable values.
    """
    if case.task.framework.trains:
        return points_of(case)
    (batch,), bound = case.probes.update, case.binding.bound
    inputs = {name: values[:LOOKED_AT] for name, values in batch.inputs.items()}
    parameters = parameters_in(inputs)
    outputs = _outputs(case, process, parameters, inputs["X"])
    layers = {name: outputs[name] for name in ("y_hat", "A1") if name in bound["forward"].returns}
    labels = batch.labels[:LOOKED_AT]
    own_batch = replace(batch, name="own/update", inputs={**inputs, **layers}, labels=labels)
    outcome = observe.observe_batch(process, case.task, bound["update"], own_batch)
    if not came_back(outcome):
        raise _StoppedError
    return points_of_batch(case.task, own_batch, outcome.outputs)


def _own_loss(case: Case, point: Point, process: StudentProcess) -> Loss:
    """Return the loss at the examples of ``point`` as a function of the parameters.

    A point is one step of an update. The loss is computed from the outputs of the student's forward
    pass, which ``process`` runs at each call.
    """
    X, y = point.X.T[:, :, None], point.y.T[:, :, None]

    def loss(parameters: Mapping[str, Array]) -> Array:
        """Return the losses with these parameters, from one call for all of them."""
        count = len(next(iter(parameters.values())))
        repeated = {key: np.repeat(value, len(X), 0) for key, value in parameters.items()}
        y_hat = _outputs(case, process, repeated, np.tile(X, (count, 1, 1)))["y_hat"]
        with np.errstate(all="ignore"):
            every = network.loss_of(case.task, np.tile(y, (count, 1, 1)), y_hat)
            totals: Array = every.reshape(count, len(X)).sum(axis=1)
            return point.scale * totals

    return loss


def _outputs(
    case: Case, process: StudentProcess, parameters: Mapping[str, Array], X: Array
) -> Mapping[str, Array]:
    """Call the student's forward pass with some examples, and return its outputs as float64.

    ``X`` (examples, features, 1) are the inputs, and ``parameters`` (examples, …) those of each
    example.

    Raises
    ------
    _StoppedError
        The forward pass crashes, or an output is missing or not made of real numbers.
    """
    role = case.task.framework.forward
    labels = tuple(f"{number}" for number in range(len(X)))
    batch = Batch("own/forward", "gradient", role, {**parameters, "X": X}, labels)
    outcome = observe.observe_batch(process, case.task, case.binding.bound[role], batch)
    wanted = case.binding.bound[role].returns
    found = {name: value for name, value in outcome.outputs.items() if value.dtype.kind in "fiu"}
    if not came_back(outcome) or any(name not in found for name in wanted):
        raise _StoppedError
    return {name: value.astype(np.float64) for name, value in found.items()}


def _is_partly_right(case: Case) -> bool:
    """Return whether the student's forward pass gives a right output for at least one input.

    A forward pass that is wrong everywhere could be any function that is easy to differentiate,
    so it is no ground for points.
    """
    for batch in case.probes.forward:
        outcome = case.observations.outcomes[batch.name]
        units = network.rounding_units(case.task.layers, batch.inputs, batch.inputs["X"])
        expected = case.expected[batch.name].items()
        for (quantity, values), rounding in zip(expected, units, strict=True):
            if _is_right_once(outcome, quantity, values, rounding, least(case, "forward")):
                return True
    return False


def _is_right_once(
    outcome: Outcome, quantity: str, expected: Array, units: Array, least_error: float
) -> bool:
    """Return whether one call in ``outcome`` gives all entries of a quantity right.

    ``quantity`` is its name in the outputs, and ``expected`` has its right values (calls, …). An
    entry may differ by a number of rounding errors: ``units`` is the size of one, by entry, and
    ``least_error`` the smallest tolerance.
    """
    found = outcome.outputs.get(quantity)
    if found is None or found.shape != expected.shape:
        return False
    allowed = tolerances.value_tolerance(units, tolerances.epsilon(found), least_error)
    return bool(tolerances.near(found, expected, allowed).all(axis=(1, 2)).any())
