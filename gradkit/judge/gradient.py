"""The `gradient` checks: the step that was taken against the slope of the correct loss.

They are scale-free. One positive factor for all weights and one for all biases are read
off the steps themselves, so that a wrong learning rate is not a wrong gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.formatting import format_text
from gradkit.judge import tolerances
from gradkit.judge.case import (
    Case,
    Earlier,
    answered,
    blocked,
    called,
    least,
    secret_among,
    subject,
)
from gradkit.judge.comparison import Comparison
from gradkit.judge.steps import update
from gradkit.records.result import Verdict
from gradkit.records.task import Array, Batch, Run, Task
from gradkit.task import network
from gradkit.task.oracle import parameters_in

REACH = 16.0
"""So many times what rounding may take from a sum, it may be on the other side of a kink."""

LEAST = 1e-9
"""A jump at a kink that is smaller than this part of the largest slope does not matter."""


class Slope(Struct, frozen=True):
    """Partial derivatives by one parameter at some points, and at which entries there are none."""

    value: Array
    corner: NDArray[np.bool_]


def slopes(
    task: Task, points: Mapping[str, Array], X: Array, y: Array, eps: float
) -> dict[str, Slope]:
    """Differentiate the mean loss over some examples at each point.

    Parameters
    ----------
    task : Task
    points : mapping of arrays, (points, in, out) and (points, out, 1)
        Finite.
    X : array, (points, features, examples)
        Each point has examples of its own.
    y : array, (points, outputs, examples)
    eps : float
        The rounding unit of the arithmetic that the slopes are for: it may put a sum that is at
        a kink on either side of it, where slopes differ.

    Returns
    -------
    dict of str to Slope
        Shaped like ``points``.
    """
    examples = X.shape[-1]
    with np.errstate(all="ignore"):
        found = network.gradient(task, points, X, y)
        # Where no sum is at a kink, nothing is moved, and there is nothing between the sides.
        left, right = (
            found if moved is None else network.gradient(task, moved, X, y)
            for moved in (_aside(task, points, X, side * REACH * eps) for side in (-1, 1))
        )
        return {
            key: Slope(value / examples, _jumps(left[key], right[key], eps))
            for key, value in found.items()
        }


def _jumps(left: Array, right: Array, eps: float) -> NDArray[np.bool_]:
    largest = np.abs(left).max(axis=(-2, -1), keepdims=True)
    jumps: NDArray[np.bool_] = np.abs(right - left) > max(10 * REACH * eps, LEAST) * largest
    return jumps


def _aside(
    task: Task, points: Mapping[str, Array], X: Array, reach: float
) -> dict[str, Array] | None:
    """Parameters with which every sum at a kink is on one side of it; None where none is at one.

    Biases do it, with one for each example.
    """
    moved, at_kink = dict(points), False
    for number, (activation, z, lost) in enumerate(network.sums(task.layers, points, X), 1):
        if activation.kink is None:
            continue
        near = np.abs(z - activation.kink) <= abs(reach) * lost
        at_kink = at_kink or bool(near.any())
        to_side = np.where(near, activation.kink - z + reach * lost, 0.0)
        moved[f"b{number}"] = points[f"b{number}"] + to_side
    return moved if at_kink else None


NOT_ALONG = "{steps} of {function} does not follow the slope of the loss in {entries}."

LOOKED_AT = 4
"""Probes of an update that are looked at."""

EXACT, SINGLE = 1e-6, 2e-3
"""How far a step may be from the slope, relative, in double and in single precision."""


class Steps(Struct, frozen=True):
    """Steps from some points, each array with a leading axis of them.

    ``taken`` is what was subtracted per unit of rate, ``slope`` the slope there. ``stored`` is what
    a value may lose of itself, ``lost`` what a slope may lose in single precision.
    """

    labels: tuple[str, ...]
    before: Mapping[str, Array]
    taken: Mapping[str, Array]
    slope: Mapping[str, Slope]
    stored: float
    lost: Mapping[str, Array | float]


def gradient(case: Case, earlier: Earlier) -> Verdict:
    """Hold the steps that are made against the slope of the correct loss."""
    trains = case.task.framework.trains
    return (training_gradient if trains else update_gradient)(case, earlier)


def update_gradient(case: Case, earlier: Earlier) -> Verdict:
    """Hold the direction of the update against the slope of the correct loss."""
    before = {"update": earlier.get("update") or update(case, earlier)}
    stop = blocked("gradient", "update", before)
    if stop is not None:
        return stop
    (batch,), bound = case.probes.update, case.binding.bound["update"]
    after = case.observations.outcomes[batch.name].outputs
    # In the precision that the update works in, as the check of single steps has it.
    single = any(tolerances.epsilon(value) == tolerances.SINGLE for value in after.values())
    steps = _update_steps(case.task, batch, after, single)
    relative = max(EXACT, least(case, "gradient"))
    # All of them share one factor, which a bias of its own shows only over several probes.
    factors = _factors(steps, SINGLE if single else relative)
    comparison = Comparison(bound)
    _compare(comparison, steps, factors, relative)
    named = {"steps": "The update", "function": called(bound)}
    verdict = comparison.verdict("gradient", NOT_ALONG, **named)
    return replace(verdict, still=before["update"].still)


def training_gradient(case: Case, earlier: Earlier) -> Verdict:
    """Hold the first and the second step of train against the slope of the loss."""
    runs = [run for run in case.probes.runs if run.check == "gradient"]
    outcomes, stop = answered(case, "gradient", "train", runs, earlier)
    if stop is not None:
        return stop
    bound = case.binding.bound["train"]
    secret = secret_among(runs)
    comparison = Comparison(bound)
    stays: list[list[bool]] = []
    relative = max(SINGLE, least(case, "gradient"))
    for number in range(0, len(runs), 2):
        ends = [outcome.outputs for outcome in outcomes[number : number + 2]]
        steps = _training_steps(case, runs[number], ends)
        earns = runs[number].name in secret
        if earns:
            stays.append([_stays(steps, at, case.task) for at in range(len(steps.labels))])
        # The second step is held to the first one's factors: it may have added to them.
        factors = _factors(steps, relative, first=1)
        _compare(comparison, steps, factors, relative, earns=earns)
    named = {"steps": "One of the first steps", "function": called(bound)}
    verdict = comparison.verdict("gradient", NOT_ALONG, **named)
    verdict = replace(verdict, still=all(map(all, stays)))
    if verdict.state == "fail" and all(first for first, *_ in stays):
        # Where no step is made, none can be said to follow anything or not.
        message = format_text(
            "{function} is asked for one epoch, and leaves every parameter where it was.",
            function=subject(bound),
        )
        return replace(verdict, message=message)
    return verdict


def _stays(steps: Steps, at: int, task: Task) -> bool:
    """Whether one moves nothing by more than a step in single precision may be off."""
    rates = {"W": task.rates.weight, "b": task.rates.bias}
    before = {key: value[at] for key, value in steps.before.items()}
    after = {key: value - steps.taken[key][at] for key, value in before.items()}
    change = {
        key: SINGLE / tolerances.NONE * rates[key[0]] * slope.value[at]
        for key, slope in steps.slope.items()
    }
    return tolerances.stays(after, before, change, tolerances.SINGLE)


def _update_steps(
    task: Task, batch: Batch, after: Mapping[str, NDArray[Any]], single: bool
) -> Steps:
    inputs, after = (
        {name: values[:LOOKED_AT] for name, values in each.items()}
        for each in (batch.inputs, after)
    )
    points, X, y = parameters_in(inputs), inputs["X"], inputs["y"]
    rate = inputs["rate"][:, None, None] if "rate" in inputs else 1.0
    taken = {key: (value - _after(after.get(key), value)) / rate for key, value in points.items()}
    eps, stored = tolerances.DOUBLE, 16 * tolerances.DOUBLE
    lost: dict[str, Array | float] = dict.fromkeys(points, 0.0)
    if single:
        eps = stored = tolerances.SINGLE
        units = network.gradient_units(task, points, X, y)
        lost = {key: tolerances.LOST * eps * value for key, value in units.items()}
    slope = slopes(task, points, X, y, eps)
    return Steps(batch.labels[:LOOKED_AT], points, taken, slope, stored, lost)


def _after(values: NDArray[Any] | None, like: Array) -> NDArray[np.float64]:
    """Return the new values, or nan where there are no real ones of the right shape."""
    if values is None or values.dtype.kind != "f" or values.shape != like.shape:
        return np.full(like.shape, np.nan)
    return values.astype(np.float64)


def _training_steps(case: Case, run: Run, ends: list[Mapping[str, NDArray[Any]]]) -> Steps:
    """Return the first step, and the second where that has led to finite numbers."""
    course = [run.parameters]
    course += [
        {key: _after(outputs.get(f"final/{key}"), value) for key, value in run.parameters.items()}
        for outputs in ends
    ]
    count = 2 if all(np.isfinite(value).all() for value in course[1].values()) else 1
    before, after = (
        {key: np.stack([each[key] for each in part]) for key in run.parameters}
        for part in (course[:count], course[1 : count + 1])
    )
    X, y = (np.repeat(values.T[None].astype(float), count, 0) for values in (run.X, run.y))
    labels = tuple(f"{which} step from {run.start}" for which in ("first", "second")[:count])
    taken = {key: value - after[key] for key, value in before.items()}
    slope = slopes(case.task, before, X, y, tolerances.SINGLE)
    return Steps(labels, before, taken, slope, 16 * tolerances.SINGLE, dict.fromkeys(before, 0.0))


class Factor(NamedTuple):
    """What steps are of slopes; ``doubt`` is the part of it that rounding may have put there."""

    value: float
    doubt: float


def _factors(steps: Steps, relative: float, first: int | None = None) -> dict[str, Factor]:
    """Return one factor for the weights and one for the biases, read off the ``first`` steps.

    The ratio of step to slope that most entries share; where no two agree, their median.
    """
    factors = {}
    for kind in "Wb":
        keys = [key for key in steps.taken if key[0] == kind]
        taken = np.concatenate([steps.taken[key][:first].ravel() for key in keys])
        slope = np.concatenate([steps.slope[key].value[:first].ravel() for key in keys])
        lost = steps.stored * np.concatenate([steps.before[key][:first].ravel() for key in keys])
        seen = np.isfinite(taken) & (np.abs(slope) > 1e-3 * np.abs(slope).max())
        with np.errstate(over="ignore", invalid="ignore"):  # a student's values may be huge
            ratios = taken[seen] / slope[seen] if seen.any() else np.zeros(1)
        factors[kind] = _shared(ratios, 2 * relative, slope[seen], lost[seen])
    return factors


def _shared(ratios: Array, relative: float, slope: Array, lost: Array) -> Factor:
    """Return the ratio to which most are alike, of several the first; where no two are, the median.

    It is fitted over all that agree, by least squares: each of them alone has its own rounding,
    ``lost`` of its step, of which the fit has the root of the sum of squares.
    """
    ordered = np.sort(ratios)
    with np.errstate(over="ignore", invalid="ignore"):  # they may be huge, or without end
        reach = relative * np.abs(ratios)
        ends = [np.searchsorted(ordered, ratios - reach, "left")]
        ends += [np.searchsorted(ordered, ratios + reach, "right")]
        alike = ends[1] - ends[0]
        chosen = ratios[alike.argmax()]
        if alike.max() < 2:
            return Factor(tolerances.median(ratios), 0.0)
        fit = np.abs(ratios - chosen) <= reach[alike.argmax()]
        weight = (slope[fit] ** 2).sum()
        fitted = (ratios[fit] * slope[fit] ** 2).sum() / weight
        if not np.isfinite(fitted):
            return Factor(float(chosen), 0.0)
        doubt = np.linalg.norm(lost[fit] * slope[fit]) / weight / (abs(fitted) or 1.0)
        return Factor(float(fitted), float(doubt))


def _compare(
    comparison: Comparison,
    steps: Steps,
    factors: Mapping[str, Factor],
    relative: float,
    *,
    earns: bool = True,
) -> None:
    """Compare steps over their factor with slopes; one that is not positive fails them all.

    They are shown by its size then: steps that go uphill have the other sign. An entry that has
    no slope, at a corner of the loss, is inconclusive rather than wrong. Left out is what is right
    and tells nothing: where no step would be right too, where rounding hides steps of that size,
    and where steps that everybody can know beforehand do not earn.
    """
    for key, taken in steps.taken.items():
        slope, (factor, doubt) = steps.slope[key].value, factors[key[0]]
        size, unit = np.abs(slope), abs(factor) or 1.0
        rounding = steps.stored * np.abs(steps.before[key]) / unit + steps.lost[key]
        axes = tuple(range(1, size.ndim))
        largest = size.max(axis=axes, keepdims=True)
        allowed = relative * (size + 1e-2 * largest) + doubt * size + rounding
        # An array whose steps drown in what its own values may lose tells nothing of its entries.
        seen = rounding.max(axis=axes, keepdims=True) <= 0.5 * largest
        comparison.compare(
            key,
            taken / unit,
            slope,
            allowed if factor > 0 else np.full_like(allowed, -1.0),
            steps.labels,
            still=np.where(earns & seen, 0.0, slope),
            corner=steps.slope[key].corner,
        )
