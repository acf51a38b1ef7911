"""The `gradient` checks: compare the gradient that a step claims with finite differences.

A student's code shows its gradient only through its steps. One step from W to W' at the rate η
claims the gradient ``(W − W') / η``. `gradkit.gradcheck.check_gradient` compares every entry of
this claim with finite differences of the loss. The loss is computed here, in the grader, through
the forward pass of the task's net, so no formula for a gradient decides a mark. The analytic
gradient of `gradkit.task.network` is used for one thing only: how much rounding in single
precision may change a step.

The rate. It is the rate that the student's function was given, or else the assignment's. If the
steps do not fit it, a number that the student wrote as a rate may take its place
(`gradkit.binding.match`). The result then names the number and its line. A rate is never
fitted to the steps, so a missing factor 2 or 1/N fails the check.

Tolerances. A claim is computed from stored numbers, and dividing by the rate enlarges their
rounding: a weight of 0.5 that is stored as float32 is known to 3e-8, and at a rate of 0.001 its
gradient only to 3e-5. `gradkit.judge.tolerances.change_tolerance` says how much a step may be off
through rounding. Its value for each entry, divided by the rate, is the absolute tolerance that
`check_gradient` is given.

In numpy the steps are those of the update at the first random probes. In torch they are the first
step of the student's own training from each start. Starts that are published earn nothing, because
their results can be known beforehand; a wrong gradient there fails the check all the same.

Each entry of the verdict holds the claim (``found``), the estimate (``expected``), the ``bound``
on its error and the plain ``factor`` between them, if there is one. An entry where the loss has a
kink, or where noise hides the slope, is inconclusive and not wrong.

If the student's own forward pass is wrong, `gradkit.grading.own_gradient` compares the gradient
once more, with finite differences of the loss through that forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.judge.comparison import (
    TOO_SMALL,
    Case,
    Earlier,
    answered,
    blocked,
    joined,
    label_of,
    least,
    list_entries,
    merge,
    secret_among,
    subject,
)
from gradkit.judge.steps import update
from gradkit.records.result import Entry, State, Verdict
from gradkit.records.submission import Bound, WrittenRate
from gradkit.records.task import Array, Batch, Run, Task
from gradkit.task import network
from gradkit.task.oracle import mean_scale, parameters_in, rate_of
from gradkit.text import DRAWN, format_text, where

if TYPE_CHECKING:
    from gradkit.gradcheck import Report

LOOKED_AT = 3
"""Number of probes of an update whose gradient is checked."""

STATES: Mapping[str, State] = {"agree": "pass", "disagree": "fail", "inconclusive": "inconclusive"}
"""The state of an entry by the verdict of `gradkit.gradcheck`."""

KINDS: Mapping[str, str] = {"W": "weights", "b": "biases"}

Loss = Callable[[Mapping[str, Array]], Array]
"""The losses of several parameters, stacked as (losses, in, out), at the examples of one point."""


class Point(Struct, frozen=True):
    """One step of the student's code, from where it started.

    ``X`` is (features, examples), ``y`` (outputs, examples). ``before`` and ``after`` are the
    parameters; what is missing after the step is NaN. ``rates`` has the rate of weights (``W``)
    and biases (``b``), and ``scale`` what the loss is multiplied by: one over the number of
    examples for a mean. ``eps`` is the rounding unit of the student's arithmetic. A right entry
    earns points only where ``earns`` is set.
    """

    label: str
    X: Array
    y: Array
    before: Mapping[str, Array]
    after: Mapping[str, Array]
    rates: Mapping[str, float]
    scale: float
    eps: float
    earns: bool = True


class Compared(Struct, frozen=True):
    """One point with the claims, their absolute tolerances, and the report on them."""

    point: Point
    claimed: Mapping[str, Array]
    allowed: Mapping[str, Array]
    report: Report


def gradient(case: Case, earlier: Earlier) -> Verdict:
    """Compare the gradients of the student's steps with finite differences of the loss.

    ``case`` has the task with the student's results. The loss is that of the task, through the
    forward pass of the task's net. ``earlier`` has the verdicts of the checks before this one: the
    check is blocked if the steps could not be made.
    """
    if case.task.framework.trains:
        _, stop = answered(case, "gradient", "train", first_steps(case), earlier)
        still = False
    else:
        known = {"update": earlier.get("update") or update(case, earlier)}
        stop, still = blocked("gradient", "update", known), known["update"].still
    if stop is not None:
        return stop
    points, stays = points_of(case), dict[int, bool]()
    verdict = judge_points(case, points, [model_loss(case.task, point) for point in points])
    if case.task.framework.trains:
        secret = [run for run in case.probes.runs if run.check == "gradient"]
        stays = {run.epochs: _stays(case, run) for run in secret if run.start == DRAWN}
        still = all(stays.values())
    verdict = replace(verdict, still=still)
    if verdict.state == "fail" and stays.get(1):
        text = "{function} was called for one epoch and changed no parameter."
        message = format_text(text, function=subject(bound_of(case)))
        verdict = replace(verdict, message=message)
    return verdict


def bound_of(case: Case) -> Bound:
    """Return the function of the student that makes the steps."""
    return case.binding.bound[case.task.framework.step]


def first_steps(case: Case) -> list[Run]:
    """Return the training runs of one epoch from each start."""
    return [run for run in case.probes.runs if run.check == "gradient" and run.epochs == 1]


def model_loss(task: Task, point: Point) -> Loss:
    """Return the task's loss at the examples of a point, through the task's own net."""
    layers = network.stack(task.layers)

    def loss(parameters: Mapping[str, Array]) -> Array:
        y_hat = network.run(layers, parameters, point.X)[-1].output
        return point.scale * network.loss_of(task, point.y, y_hat)

    return loss


# --- the student's steps ---------------------------------------------------------------------


def points_of(case: Case) -> list[Point]:
    """Return the steps of the student's code that the check compares.

    In torch these are the first steps of training runs, all examples in one. In numpy they are
    single examples, at most `LOOKED_AT`.
    """
    if not case.task.framework.trains:
        (batch,) = case.probes.update
        return points_of_batch(case.task, batch, case.observations.outcomes[batch.name].outputs)
    runs = first_steps(case)
    secret = secret_among(runs)
    points = []
    for run in runs:
        outputs = case.observations.outcomes[run.name].outputs
        end = {
            key: _read(outputs.get(f"final/{key}"), run.parameters[key]) for key in run.parameters
        }
        rate = case.task.rates.weight if run.rate is None else run.rate
        bias = case.task.rates.bias if run.rate is None else run.rate
        points.append(
            Point(
                format_text("first step from {start}", start=run.start),
                run.X.T.astype(float),
                run.y.T.astype(float),
                run.parameters,
                end,
                {"W": rate, "b": bias},
                mean_scale(case.task) / len(run.X),
                tolerances.SINGLE,
                run.name in secret,
            )
        )
    return points


def points_of_batch(task: Task, batch: Batch, outputs: Mapping[str, NDArray[Any]]) -> list[Point]:
    """Return the first steps of a batch of updates, one example each.

    ``outputs`` are the student's parameters after the steps. At most `LOOKED_AT` are returned.
    """
    # One precision for all parameters, as in the `update` check.
    single = any(tolerances.epsilon(value) == tolerances.SINGLE for value in outputs.values())
    before = parameters_in(batch.inputs)
    after = {key: _read(outputs.get(key), value) for key, value in before.items()}
    rates = {kind: rate_of(task, kind, batch.inputs) for kind in KINDS}
    return [
        Point(
            label,
            batch.inputs["X"][number],
            batch.inputs["y"][number],
            {key: value[number] for key, value in before.items()},
            {key: value[number] for key, value in after.items()},
            {kind: float(value[number]) for kind, value in rates.items()},
            1.0,
            tolerances.SINGLE if single else tolerances.DOUBLE,
        )
        for number, label in enumerate(batch.labels[:LOOKED_AT])
    ]


def _read(values: NDArray[Any] | None, like: Array) -> Array:
    """Return the new values as floats; all NaN if they are not floats of the shape of ``like``."""
    if values is None or values.dtype.kind != "f" or values.shape != like.shape:
        return np.full(like.shape, np.nan)
    return values.astype(np.float64)


def _stays(case: Case, run: Run) -> bool:
    """Return whether a training run moves no parameter by more than rounding."""
    expected, outputs = case.expected[run.name], case.observations.outcomes[run.name].outputs
    after = {key: _read(outputs.get(f"final/{key}"), old) for key, old in run.parameters.items()}
    change = {key: expected[f"final/{key}"] - old for key, old in run.parameters.items()}
    return tolerances.stays(after, run.parameters, change, tolerances.SINGLE)


# --- the comparison --------------------------------------------------------------------------


def judge_points(case: Case, points: Sequence[Point], losses: Sequence[Loss]) -> Verdict:
    """Compare the steps from some points with finite differences of a loss for each.

    ``case`` has the task and the student's functions. ``losses`` has the loss of each point, as a
    function of the parameters. The learning rates are those of the points. If no weight, or no
    bias, agrees with them, a number of the student's text takes their place, see `choose_rates`.
    """
    tolerance = least(case, "gradient")
    compared = [compare(case.task, *pair, tolerance) for pair in zip(points, losses, strict=True)]
    chosen = choose_rates(case, compared)
    if any(chosen.values()):
        points = [replace(p, rates=_rates_with(p, chosen)) for p in points]
        compared = [
            compare(case.task, *pair, tolerance) for pair in zip(points, losses, strict=True)
        ]
    entries = [entry for each in compared for entry in _entries(case, each)]
    verdict = _verdict(case, merge(entries))
    return replace(verdict, notes=tuple(_rate_notes(case, chosen)))


def compare(task: Task, point: Point, loss: Loss, least_error: float) -> Compared:
    """Compare the gradient that one step claims with finite differences of a loss.

    Parameters
    ----------
    task : Task
        Its net says how much rounding may change the step.
    point : Point
        The step.
    loss : callable
        The losses of stacks of parameters like those of the point.
    least_error : float
        The relative error that the assignment accepts.
    """
    # Imported here because commands that only compute marks again do not need it.
    from gradkit.gradcheck import check_gradient

    claimed, allowed = {}, {}
    units: Mapping[str, Array | float] = dict.fromkeys(point.before, 0.0)
    if point.eps == tolerances.SINGLE:
        units = network.gradient_units(task, point.before, point.X, point.y)
    for key, before in point.before.items():
        rate = point.rates[key[0]]
        step = np.nan_to_num(before - point.after[key], posinf=0.0, neginf=0.0)
        lost = rate * point.scale * units[key]
        room = tolerances.change_tolerance(
            step[None], before[None], point.eps, least_error, np.asarray(lost)[None]
        )
        with np.errstate(all="ignore"):  # a student's numbers may be huge
            claimed[key] = (before - point.after[key]) / rate
        allowed[key] = room[0] / rate
    options: Mapping[str, Any] = {"progress": False, "seconds": None, "vectorized": True}
    report = check_gradient(loss, dict(point.before), claimed, atol=allowed, **options)
    return Compared(point, claimed, allowed, report)


def _entries(case: Case, compared: Compared) -> Iterator[Entry]:
    """Yield the entries of one compared step, with the student's names of them.

    ``compared`` has the step and its comparison with finite differences. A right entry is left out
    where it earns nothing, and where a step of zero would be right too: otherwise code that does
    nothing would earn points.
    """
    bound, point = bound_of(case), compared.point
    for found in _rows(compared):
        shape, size = point.before[found.parameter].shape, compared.allowed[found.parameter]
        if found.index and found.state == "pass":
            room = size[found.index] + (found.bound or 0.0)
            if not point.earns or abs(found.expected or 0.0) <= room:
                continue
        label = label_of(bound, found.parameter, found.index, shape) if found.index else ""
        yield replace(found, probe=point.label, label=label)


def _rows(compared: Compared) -> Iterator[Entry]:
    """Yield an entry for each compared number, and one for each array without a number of its own.

    ``compared`` has a step and its comparison with finite differences. The entry of a whole array
    has an empty index. It is yielded if the array was checked along random directions, or if the
    check stopped before its last number.
    """
    report, seen = compared.report, set()
    for one in report.entries:
        seen.add((one.parameter, one.index))
        room = float(compared.allowed[one.parameter][one.index])
        yield Entry(
            one.parameter,
            one.index,
            STATES[one.verdict],
            one.claimed,
            one.estimate,
            bound=one.bound,
            factor=plain_factor(one.claimed, one.estimate, one.bound + room, compared.point)
            if one.verdict == "disagree"
            else "",
        )
    for key, value in compared.claimed.items():
        if report.directions:
            yield Entry(key, (), _state_along(report, key), None, None)
        elif any((key, index) not in seen for index in np.ndindex(value.shape)):
            # `check_gradient` stops at a sample of a large array that is wrong throughout.
            yield Entry(key, (), "fail", None, None)


def _state_along(report: Report, key: str) -> State:
    """Return the state of the array ``key``: the worst state of the slopes through it.

    A large array is checked by slopes along random directions, not entry by entry.
    """
    about = [each.verdict for each in report.directions if each.parameter == key]
    about += [each.verdict for each in report.entries if each.parameter == key]
    if not about:
        # A direction through all parameters at once counts for each of them.
        about = [] if report.entries else [each.verdict for each in report.directions]
    return next((STATES[v] for v in ("disagree", "inconclusive") if v in about), "pass")


def plain_factor(claimed: float, estimate: float, room: float, point: Point) -> str:
    """Return how many times the estimate a claim is, if that is a plain number; else "".

    Plain are 0, −1, whole numbers up to 10 or the number of examples N, and one over these. The
    factor counts only if no other plain number fits when the error may be ``room``.

    Examples
    --------
    >>> point = Point("", np.ones((2, 4)), np.ones((1, 4)), {}, {}, {}, 1.0, 2e-16)
    >>> plain_factor(0.5, 1.0, 1e-9, point), plain_factor(-2.0, 1.0, 1e-9, point)
    ('1/2', '−2')
    >>> plain_factor(0.7, 1.0, 1e-9, point)
    ''
    """
    whole = {*range(1, 11), point.X.shape[1]}
    factors = {"0": 0.0} | {f"{n}": float(n) for n in whole}
    factors |= {f"1/{n}": 1 / n for n in whole if n > 1}
    factors |= {f"−{name}": -value for name, value in factors.items() if value}
    with np.errstate(all="ignore"):
        fits = [
            name
            for name, value in factors.items()
            if abs(claimed - value * estimate) <= max(abs(value), 1.0) * room
        ]
    return fits[0] if len(fits) == 1 else ""


# --- the rate --------------------------------------------------------------------------------

Chosen = Mapping[str, WrittenRate | float | None]
"""By kind: a rate of the student's text, a multiple of the passed rate, or None for that rate."""


def choose_rates(case: Case, compared: Sequence[Compared]) -> Chosen:
    """Choose for weights and biases the rate that their steps are divided by.

    ``compared`` are the comparisons at the rates of the points. The rate of the points comes first.
    Another rate is chosen only if no entry agrees with the estimates at this rate: if some entries
    agree, the code uses it, and the other entries are wrong. Of the other rates, the one with which
    most entries agree is chosen.
    """
    return {kind: _choose_rate(case, compared, kind) for kind in KINDS}


def _choose_rate(case: Case, compared: Sequence[Compared], kind: str) -> WrittenRate | float | None:
    """Choose another rate for weights or biases; None to keep the rate of the points.

    ``kind`` is ``W`` or ``b``, and ``compared`` are the comparisons at the rates of the points.
    Another rate is chosen only if no entry agrees at the rate of the points. Candidates are the
    task's ratio of both rates, and the rates in the student's text; the one at which most entries
    agree is returned, or None if none agrees.
    """
    parts = [
        (each.point, one, float(each.allowed[one.parameter][one.index]))
        for each in compared
        for one in each.report.entries
        if one.parameter[0] == kind
    ]
    if all(one.verdict != "disagree" for _, one, _ in parts):
        return None

    def agreeing(rate: Callable[[Point], float]) -> int:
        """Count the entries that agree with the estimate at a rate."""
        count = 0
        for point, one, room in parts:
            ratio = point.rates[kind] / rate(point)
            # One more rounding unit of the estimate: a claim of zero agrees with no rate.
            off = abs(ratio * one.claimed - one.estimate)
            count += bool(one.claimed) and off <= one.bound + max(ratio, 1.0) * room
        return count

    if agreeing(partial(_rate_at, kind=kind, choice=None)):
        return None
    # If only the weights' rate is passed, the biases' rate may be a fixed multiple of it.
    ratio = case.task.rates.bias / case.task.rates.weight
    has_one_rate = kind == "b" and compared[0].point.rates["W"] == compared[0].point.rates["b"]
    choices: list[WrittenRate | float] = [ratio] if has_one_rate and ratio != 1 else []
    choices += case.binding.rates
    counts = [agreeing(partial(_rate_at, kind=kind, choice=choice)) for choice in choices]
    best = max(counts, default=0)
    return choices[counts.index(best)] if best else None


def _rate_at(point: Point, kind: str, choice: WrittenRate | float | None) -> float:
    """Return the rate of weights or biases (``kind``) at a point, as `choice` changes it."""
    if isinstance(choice, WrittenRate):
        return choice.value
    return point.rates[kind] * (1.0 if choice is None else choice)


def _rates_with(point: Point, chosen: Chosen) -> dict[str, float]:
    return {kind: _rate_at(point, kind, choice) for kind, choice in chosen.items()}


RATE_USED = (
    "To compute the gradient, the steps of the {kind} were divided by {rate}, the learning rate at "
    "{place}. The task's learning rate is {usual}."
)


def _rate_notes(case: Case, chosen: Chosen) -> Iterator[str]:
    """Yield a sentence for each learning rate that was taken from the student's text.

    ``chosen`` has the other rate of weights (``W``) and of biases (``b``), see `choose_rates`.
    There are no sentences if the task leaves rates free.
    """
    rates = {"W": case.task.rates.weight, "b": case.task.rates.bias}
    if case.task.rates.policy == "free":
        return
    for kind, choice in chosen.items():
        if isinstance(choice, WrittenRate):
            place, rate = where(choice.place), f"{choice.value:g}"
            known = {"kind": KINDS[kind], "rate": rate, "place": place}
            yield format_text(RATE_USED, usual=f"{rates[kind]:g}", **known)


# --- the verdict -----------------------------------------------------------------------------

NO_VERDICT = (
    "gradkit could not check the gradient of {entries} by finite differences: the loss has a kink "
    "at this point, or rounding errors are too large."
)
WRONG = (
    "Your gradient of {entries} (claimed) does not match finite differences of the loss "
    "(estimate){factor}."
)


def _verdict(case: Case, entries: list[Entry]) -> Verdict:
    """Return the verdict on the merged entries of all points.

    Without entries it fails, since no step was large enough to be compared. Otherwise a wrong entry
    decides before an inconclusive one.
    """
    bound = bound_of(case)
    failed, unsure = (
        [each for each in entries if each.state == state] for state in ("fail", "inconclusive")
    )
    if not entries:
        text = format_text(TOO_SMALL, function=subject(bound))
        return Verdict("gradient", "fail", text, (), bound.place)
    if failed:
        text = wrong_text(case, entries, failed)
        return Verdict("gradient", "fail", text, tuple(entries), bound.place)
    if unsure:
        text = format_text(NO_VERDICT, entries=list_entries(unsure))
        return Verdict("gradient", "inconclusive", text, tuple(entries))
    return Verdict("gradient", "pass", "", tuple(entries))


def wrong_text(case: Case, entries: Sequence[Entry], failed: Sequence[Entry]) -> str:
    """Return a sentence on the arrays or entries that do not match, with their common factor.

    An array that is wrong throughout is named as a whole. ``entries`` are all entries, ``failed``
    the wrong ones.
    """
    keys, names = bound_of(case).convention.keys, []
    for key in dict.fromkeys(entry.parameter for entry in failed):
        wrong = [entry for entry in failed if entry.parameter == key]
        if len(wrong) == sum(entry.parameter == key for entry in entries):
            names.append(f"`{keys.get(key, key)}`")
        else:
            names += [f"`{list_entries([entry])}`" for entry in wrong]
    factors = {entry.factor for entry in failed}
    (factor,) = factors if len(factors) == 1 else ("",)
    suffix = format_text(": claimed = {factor} × estimate", factor=factor) if factor else ""
    return format_text(WRONG, entries=joined(names), factor=suffix)
