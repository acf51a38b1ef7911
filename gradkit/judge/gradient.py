"""The `gradient` checks: the step that was taken against the slope of the correct loss.

They are scale-free. One positive factor for all weights and one for all biases are read
off the steps themselves, so that a wrong learning rate is not a wrong gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.judge.case import (
    Case,
    Earlier,
    blocked,
    blocked_by_model,
    called,
    least,
    outcomes_of,
    secret_among,
    subject,
    unusable,
)
from gradkit.judge.comparison import TOO_SMALL, label_of, listed, merge
from gradkit.judge.steps import update
from gradkit.language import say
from gradkit.records.binding import Bound
from gradkit.records.probes import Batch, Run
from gradkit.records.task import Array, Parameters, Task
from gradkit.records.verdict import Entry, State, Verdict
from gradkit.task import network

REACH = 16.0
"""So many times what rounding may take from a sum, it may be on the other side of a kink."""

LEAST = 1e-9
"""A jump at a kink that is smaller than this part of the largest slope does not matter."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Partial derivatives with respect to one parameter, and at which entries there are none."""

    value: Array
    corner: NDArray[np.bool_]


def slopes(
    task: Task, points: Mapping[str, Array], X: Array, y: Array, eps: float
) -> list[dict[str, Slope]]:
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
    list of dict of str to Slope
        For each point, in canonical shapes.
    """
    examples = X.shape[-1]
    with np.errstate(all="ignore"):
        found = network.gradient(task, points, X, y)
        # Where no sum is at a kink, nothing is moved, and there is nothing between the sides.
        left, right = (
            found if moved is None else network.gradient(task, moved, X, y)
            for moved in (_aside(task, points, X, side * REACH * eps) for side in (-1, 1))
        )
        corner = {key: _jumps(left[key], right[key], eps) for key in found}
    return [
        {key: Slope(value[point] / examples, corner[key][point]) for key, value in found.items()}
        for point in range(len(X))
    ]


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


LOOKED_AT = 4
"""Probes of an update that are looked at."""

STATES: tuple[State, ...] = ("pass", "inconclusive", "fail")
"""By gravity."""

EXACT, SINGLE = 1e-6, 2e-3
"""How far a step may be from the slope, relative, in double and in single precision."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step at one point: what was subtracted, per unit of rate, and the slope there.

    ``units`` are how many rounding units the slope may lose in single precision.
    """

    label: str
    before: Parameters
    taken: Mapping[str, Array]
    slope: Mapping[str, Slope]
    units: Mapping[str, Array]


def update_gradient(case: Case, earlier: Earlier) -> Verdict:
    """Hold the direction of the update against the slope of the correct loss."""
    before = {"update": earlier.get("update") or update(case, earlier)}
    stop = blocked("gradient", "update", before, ("missing", "error", "timeout", "blocked"))
    if stop is not None:
        return stop
    outcomes = outcomes_of(case, case.probes.update)
    bound = case.binding.bound["update"]
    # In the precision that the update works in, as the check of single steps has it.
    found = [value for outcome in outcomes for value in outcome.outputs.values()]
    single = any(tolerances.epsilon(value) == tolerances.SINGLE for value in found)
    eps = tolerances.SINGLE if single else tolerances.DOUBLE
    steps = [
        step
        for batch, outcome in zip(case.probes.update, outcomes, strict=True)
        for step in _update_steps(case, batch, outcome.outputs, eps)
    ]
    lost = tolerances.LOST * tolerances.SINGLE if single else 0.0
    stored = tolerances.SINGLE if single else 16 * tolerances.DOUBLE
    relative = max(EXACT, least(case, "gradient"))
    # All of them share one factor, which a bias of its own shows only over several probes.
    factors = _factors(steps, SINGLE if single else relative)
    entries = _compare(bound, steps, factors, relative, stored, lost=lost)
    verdict = _verdict(entries, bound, say("The update"))
    return replace(verdict, still=before["update"].still)


def training_gradient(case: Case, earlier: Earlier) -> Verdict:
    """Hold the first and the second step of train against the slope of the loss."""
    stop = blocked_by_model(case, "gradient", earlier)
    if stop is not None:
        return stop
    runs = [run for run in case.probes.runs if run.check == "gradient"]
    outcomes = outcomes_of(case, runs)
    nothing = unusable(case, "gradient", "train", outcomes)
    if nothing is not None:
        return nothing
    bound = case.binding.bound["train"]
    secret = secret_among(runs)
    entries: list[Entry] = []
    stays: list[list[bool]] = []
    relative = max(SINGLE, least(case, "gradient"))
    for number in range(0, len(runs), 2):
        ends = [outcome.outputs for outcome in outcomes[number : number + 2]]
        steps = list(_training_steps(case, runs[number], ends))
        earns = runs[number].name in secret
        if earns:
            stays.append([_stays(step, case.task) for step in steps])
        # The second step is held to the first one's factors: it may have added to them.
        factors = _factors(steps[:1], relative)
        entries += _compare(bound, steps, factors, relative, 16 * tolerances.SINGLE, earns=earns)
    verdict = _verdict(entries, bound, say("One of the first steps"))
    verdict = replace(verdict, still=all(map(all, stays)))
    if verdict.state == "fail" and all(first for first, *_ in stays):
        # Where no step is made, none can be said to follow anything or not.
        message = say(
            "{function} is asked for one epoch, and leaves every parameter where it was.",
            function=subject(bound),
        )
        return replace(verdict, message=message)
    return verdict


def _stays(step: Step, task: Task) -> bool:
    """Whether nothing was moved by more than a step in single precision may be off."""
    rates = {"W": task.rates.weight, "b": task.rates.bias}
    return all(
        tolerances.stays(
            before - step.taken[key],
            before,
            SINGLE / tolerances.NONE * rates[key[0]] * step.slope[key].value,
            tolerances.SINGLE,
        )
        for key, before in step.before.items()
    )


def _update_steps(
    case: Case, batch: Batch, after: Mapping[str, NDArray[Any]], eps: float
) -> Iterator[Step]:
    inputs, labels = batch.inputs, batch.labels[:LOOKED_AT]
    points = {key: inputs[key][: len(labels)] for key in case.task.starts[0].parameters}
    X, y = (inputs[name][: len(labels)] for name in ("X", "y"))
    # In double nothing is made of them.
    units = (
        network.gradient_units(case.task, points, X, y)
        if eps == tolerances.SINGLE
        else {key: np.zeros_like(value) for key, value in points.items()}
    )
    for probe, (label, slope) in enumerate(
        zip(labels, slopes(case.task, points, X, y, eps), strict=True)
    ):
        before = {key: value[probe] for key, value in points.items()}
        rate = float(inputs["rate"][probe]) if "rate" in inputs else 1.0
        moved = {key: _after(after, key, probe, value) for key, value in before.items()}
        taken = {key: (value - moved[key]) / rate for key, value in before.items()}
        lost = {key: value[probe] for key, value in units.items()}
        yield Step(label, before, taken, slope, lost)


def _after(
    after: Mapping[str, NDArray[Any]], key: str, probe: int, like: Array
) -> NDArray[np.float64]:
    """Return the new value, or nan where there is no real one of the right shape."""
    values = after.get(key)
    if values is None or values.dtype.kind != "f" or values.shape[1:] != like.shape:
        return np.full(like.shape, np.nan)
    value: NDArray[np.float64] = values[probe].astype(np.float64)
    return value


def _training_steps(case: Case, run: Run, ends: list[Mapping[str, NDArray[Any]]]) -> Iterator[Step]:
    X, y = run.X.T[None].astype(float), run.y.T[None].astype(float)
    before: Parameters = run.parameters
    for outputs, which in zip(ends, ("first", "second"), strict=True):
        stacked = {key: value[None] for key, value in outputs.items()}
        after = {k: _after(stacked, f"final/{k}", 0, value) for k, value in before.items()}
        taken = {key: value - after[key] for key, value in before.items()}
        if not all(np.isfinite(value).all() for value in before.values()):
            return
        label = f"{which} step from {run.start}"
        points = {key: value[None] for key, value in before.items()}
        nothing = {key: np.zeros_like(value) for key, value in before.items()}
        slope = slopes(case.task, points, X, y, tolerances.SINGLE)[0]
        yield Step(label, before, taken, slope, nothing)
        before = after


def _factors(steps: list[Step], relative: float) -> dict[str, float]:
    """Return one factor for the weights and one for the biases, read off the steps themselves.

    The ratio of step to slope that most entries share; where no two agree, their median.
    """
    factors = {}
    for kind in "Wb":
        pairs = [
            (taken.ravel(), step.slope[key].value.ravel())
            for step in steps
            for key, taken in step.taken.items()
            if key[0] == kind
        ]
        taken, slope = (np.concatenate(part) for part in zip(*pairs, strict=True))
        seen = np.isfinite(taken) & (np.abs(slope) > 1e-3 * np.abs(slope).max())
        with np.errstate(over="ignore", invalid="ignore"):  # a student's values may be huge
            ratios = taken[seen] / slope[seen] if seen.any() else np.zeros(1)
        factors[kind] = _shared(ratios, 2 * relative, slope[seen])
    return factors


def _shared(ratios: Array, relative: float, slope: Array) -> float:
    """Return the ratio to which most are alike, of several the first; where no two are, the median.

    It is fitted over all that agree: each of them alone has its own rounding.
    """
    ordered = np.sort(ratios)
    with np.errstate(over="ignore", invalid="ignore"):  # they may be huge, or without end
        reach = relative * np.abs(ratios)
        ends = [np.searchsorted(ordered, ratios - reach, "left")]
        ends += [np.searchsorted(ordered, ratios + reach, "right")]
        alike = ends[1] - ends[0]
        chosen = ratios[alike.argmax()]
        if alike.max() < 2:
            return tolerances.median(ratios)
        fit = np.abs(ratios - chosen) <= reach[alike.argmax()]
        fitted = (ratios[fit] * slope[fit] ** 2).sum() / (slope[fit] ** 2).sum()
        return float(fitted if np.isfinite(fitted) else chosen)


def _compare(
    bound: Bound,
    steps: list[Step],
    factors: Mapping[str, float],
    relative: float,
    stored: float,
    *,
    lost: float = 0.0,
    earns: bool = True,
) -> list[Entry]:
    """Entries of step over factor against slope; a factor that is not positive fails them all.

    ``stored`` is what a value may lose of itself, ``lost`` of each unit that a slope may lose.

    They are shown by its size then: steps that go uphill have the other sign. So do steps that
    cannot be told from none. An entry that has no slope, at a corner of the loss, is inconclusive
    rather than wrong. Left out is what is right and tells nothing: where no step would be right
    too, and where steps that everybody can know beforehand do not earn.
    """
    entries = []
    for key in steps[0].taken:
        taken = np.array([step.taken[key] for step in steps])
        before = np.array([step.before[key] for step in steps])
        slope = np.array([step.slope[key].value for step in steps])
        corner = np.array([step.slope[key].corner for step in steps])
        factor, size = factors[key[0]], np.abs(slope)
        unit = abs(factor) or 1.0
        units = np.array([step.units[key] for step in steps])
        implied, rounding = taken / unit, stored * np.abs(before) / unit + lost * units
        axes = tuple(range(1, size.ndim))
        largest = size.max(axis=axes, keepdims=True)
        allowed = relative * (size + 1e-2 * largest) + rounding
        seen = (factor > 0) & (rounding.max(axis=axes, keepdims=True) <= 0.5 * largest)
        right = tolerances.near(implied, slope, allowed) & seen
        tells = earns & (size > allowed)
        idle = (right & ~corner & ~tells).all(axis=0)
        gravity = np.where(corner, 1, np.where(right, 0, 2))
        # Of several steps the first of the gravest is shown.
        shown = gravity.argmax(axis=0)
        for index in np.ndindex(shown.shape):
            if idle[index]:
                continue
            at = (shown[index], *index)
            entries.append(
                Entry(
                    key,
                    index,
                    STATES[gravity[at]],
                    float(implied[at]) if np.isfinite(implied[at]) else None,
                    float(slope[at]),
                    steps[shown[index]].label,
                    label_of(bound, key, index, shown.shape),
                )
            )
    return entries


def _verdict(entries: list[Entry], bound: Bound, steps: str) -> Verdict:
    merged = merge(entries)
    failed = [entry for entry in merged if entry.state == "fail"]
    unsure = [entry for entry in merged if entry.state == "inconclusive"]
    if failed:
        message = say(
            "{steps} of {function} does not follow the slope of the loss in {entries}.",
            steps=steps,
            function=called(bound),
            entries=listed(failed),
        )
        return Verdict("gradient", "fail", message, tuple(merged), bound.place)
    if not merged:
        return Verdict("gradient", "fail", say(TOO_SMALL, function=subject(bound)), (), bound.place)
    if unsure:
        message = say(
            "The slope of the loss cannot be told in {entries}: it has a corner there.",
            entries=listed(unsure),
        )
        return Verdict("gradient", "inconclusive", message, tuple(merged))
    return Verdict("gradient", "pass", "", tuple(merged))
