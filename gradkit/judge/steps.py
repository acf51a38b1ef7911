"""The checks of single calls: `forward`, and `update` entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial

import numpy as np

from gradkit.judge import tolerances
from gradkit.judge.case import (
    Case,
    Earlier,
    blocked,
    blocked_by_model,
    least,
    outcomes_of,
    own_ratios,
    subject,
    unusable,
)
from gradkit.judge.comparison import Comparison, joined, listed
from gradkit.language import say
from gradkit.records.observations import Outcome
from gradkit.records.probes import Batch
from gradkit.records.task import Array, Task
from gradkit.records.verdict import Verdict
from gradkit.task import network


def forward(case: Case, earlier: Earlier) -> Verdict:
    """Output and hidden layer at random parameters and at the published start and data."""
    role = "model" if case.task.framework == "torch" else "forward"
    stop = blocked_by_model(case, "forward", earlier)
    if stop is not None:
        return stop
    outcomes = outcomes_of(case, case.probes.forward)
    nothing = unusable(case, "forward", role, outcomes)
    if nothing is not None:
        return nothing
    bound = case.binding.bound[role]
    comparison = Comparison(bound)
    for batch, outcome in zip(case.probes.forward, outcomes, strict=True):
        comparison.faults(outcome.faults)
        units = dict(zip(("y_hat", "A1"), _rounding_units(case, batch), strict=True))
        for quantity, expected in case.expected[batch.name].items():
            if quantity in bound.returns:
                tolerance = partial(
                    tolerances.value_tolerance, units[quantity], least=least(case, "forward")
                )
                comparison.compare(quantity, outcome, expected, tolerance, batch.labels)
    return comparison.verdict(
        "forward",
        lambda failed: say(
            "{function} gives other values than expected in {entries}.",
            function=subject(bound),
            entries=listed(failed),
        ),
    )


def _rounding_units(case: Case, batch: Batch) -> tuple[Array, Array]:
    parameters = {key: batch.inputs[key] for key in case.task.starts[0].parameters}
    return network.rounding_units(case.task.layers, parameters, batch.inputs["X"])


def update(case: Case, earlier: Earlier) -> Verdict:
    """Return parameters after one step, entry by entry."""
    outcomes = outcomes_of(case, case.probes.update)
    nothing = unusable(case, "update", "update", outcomes)
    first = case.binding.bound["update"].before if "update" in case.binding.bound else None
    if nothing is not None:
        stop = blocked("update", "forward", earlier, ("missing", "error", "timeout"))
        return stop if first is not None and stop is not None else nothing
    bound = case.binding.bound["update"]
    comparison = Comparison(bound)
    if first is not None and "forward" in earlier and earlier["forward"].state != "pass":
        comparison.remark(
            say(
                "`{update}` reads {names}, which `{forward}` leaves behind: what is wrong in "
                "`{forward}` goes on in here, so see there first.",
                update=bound.function,
                forward=first.bound.function,
                names=joined([f"`{name}`" for name in first.names]),
            )
        )
    for batch, outcome in zip(case.probes.update, outcomes, strict=True):
        comparison.faults(outcome.faults)
        expected = case.expected[batch.name]
        if case.task.rates.policy == "free":
            expected = _at_own_rates(batch, outcome, expected)
        lost = cache(partial(units_lost, case.task, batch, expected))
        for key, value in expected.items():
            before = batch.inputs[key]
            tolerance = partial(_step_tolerance, value - before, before, key, lost, case)
            comparison.compare(key, outcome, value, tolerance, batch.labels, still=before)
        if all(
            key in outcome.outputs
            and tolerances.nearly(outcome.outputs[key], value, value - batch.inputs[key])
            for key, value in expected.items()
        ):
            comparison.remark_on_precision()
    verdict = comparison.verdict(
        "update",
        lambda failed: say(
            "After one step `{function}` leaves {count} of {size} entries elsewhere than "
            "gradient descent does: {entries}.",
            function=bound.function,
            count=len(failed),
            size=comparison.size,
            entries=listed(failed),
        ),
    )
    still = all(
        key in outcome.outputs and tolerances.stays(outcome.outputs[key], before, value - before)
        for batch, outcome in zip(case.probes.update, outcomes, strict=True)
        for key, value in case.expected[batch.name].items()
        for before in (batch.inputs[key],)
    )
    return replace(verdict, still=still)


def _step_tolerance(
    change: Array,
    before: Array,
    key: str,
    lost: Callable[[], Mapping[str, Array]],
    case: Case,
    eps: float,
) -> Array:
    units = lost()[key] if eps == tolerances.SINGLE else 0.0
    return tolerances.change_tolerance(
        change, before, eps, least=least(case, "update"), units=units
    )


def units_lost(task: Task, batch: Batch, expected: Mapping[str, Array]) -> dict[str, Array]:
    """Return how many rounding units each change may lose in single precision.

    At the rate that is expected, whatever it is: as many times those of the gradient as the change
    is longer than this.
    """
    points = {key: batch.inputs[key] for key in expected}
    X, y = (batch.inputs[name].astype(np.float64) for name in ("X", "y"))
    slopes = network.gradient(task, points, X, y)
    units = network.gradient_units(task, points, X, y)
    return {
        key: value * _lengths(expected[key] - points[key]) / (_lengths(slopes[key]) + TINY)
        for key, value in units.items()
    }


def _lengths(values: Array) -> Array:
    """Return the largest entry of each probe."""
    largest: Array = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
    return largest


TINY = 1e-300


def _at_own_rates(
    batch: Batch, outcome: Outcome, expected: Mapping[str, Array]
) -> dict[str, Array]:
    """Expected parameters at the one rate per kind that the student's own steps show."""
    ratios = own_ratios(batch.inputs, outcome.outputs, expected)
    return {
        key: batch.inputs[key] + ratios.get(key[0], 1.0) * (value - batch.inputs[key])
        for key, value in expected.items()
    }
