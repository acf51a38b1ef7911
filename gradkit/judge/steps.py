"""The checks of single calls: `interface`, `model`, `forward` and `update`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.judge import tolerances
from gradkit.judge.comparison import (
    Case,
    Comparison,
    Earlier,
    answered,
    blocked,
    came_back,
    joined,
    least,
    merge,
    subject,
    unusable,
)
from gradkit.records.observations import SPARED, Outcome
from gradkit.records.result import Entry, State, Verdict
from gradkit.records.task import Array, Batch, Parameters, Role, Task
from gradkit.task import network
from gradkit.text import format_text


def forward(case: Case, earlier: Earlier) -> Verdict:
    """Compare output and hidden layer for random inputs and for the published start and data."""
    role = case.task.framework.forward
    outcomes, stop = answered(case, "forward", role, case.probes.forward, earlier)
    if stop is not None:
        return stop
    bound = case.binding.bound[role]
    comparison = Comparison(bound)
    for batch, outcome in zip(case.probes.forward, outcomes, strict=True):
        comparison.faults(outcome.faults)
        units = network.rounding_units(case.task.layers, batch.inputs, batch.inputs["X"])
        for (quantity, expected), lost in zip(
            case.expected[batch.name].items(), units, strict=True
        ):
            if quantity in bound.returns:
                found = outcome.outputs.get(quantity)
                eps = tolerances.epsilon(found)
                allowed = tolerances.value_tolerance(lost, eps, least(case, "forward"))
                comparison.compare(quantity, found, expected, allowed, batch.labels)
    return comparison.verdict(
        "forward", "{function} gives other values than expected in {entries}."
    )


def update(case: Case, earlier: Earlier) -> Verdict:
    """Compare the parameters after one step, entry by entry."""
    outcomes, stop = answered(case, "update", "update", case.probes.update, earlier)
    first = case.binding.bound["update"].before if "update" in case.binding.bound else None
    if stop is not None:
        block = blocked("update", "forward", earlier) if first is not None else None
        return block or _credit_rest(case, stop)
    bound = case.binding.bound["update"]
    comparison = Comparison(bound)
    if first is not None and "forward" in earlier and earlier["forward"].state != "pass":
        comparison.remark(
            format_text(
                "`{update}` reads {names}, which `{forward}` leaves behind: what is wrong in "
                "`{forward}` goes on in here, so see there first.",
                update=bound.function,
                forward=first.bound.function,
                names=joined([f"`{name}`" for name in first.names]),
            )
        )
    still = _compare(case, comparison, outcomes)
    verdict = comparison.verdict(
        "update",
        "{count} of {size} entries are wrong after one step of `{function}`: {entries}.",
        function=bound.function,
    )
    return replace(verdict, still=still)


PARTLY_RIGHT = (
    "If the line that crashes is left out, {count} of {size} entries are right after one step."
)


def _credit_rest(case: Case, stop: Verdict) -> Verdict:
    """Add the entries that are right without the crashing line to the verdict on a crash.

    The verdict is unchanged if no entry is right, or if the step does not change any parameter.
    """
    known = case.observations.outcomes
    outcomes = [known.get(SPARED + batch.name) for batch in case.probes.update]
    made = [each for each in outcomes if came_back(each)]
    if stop.state != "error" or len(made) < len(outcomes):
        return stop
    comparison = Comparison(case.binding.bound["update"])
    still = _compare(case, comparison, made)
    entries = tuple(merge(comparison.entries))
    right = sum(entry.state == "pass" for entry in entries)
    if still or not right:
        return stop
    note = format_text(PARTLY_RIGHT, count=right, size=len(entries))
    return replace(stop, entries=entries, notes=(*stop.notes, note))


def _compare(case: Case, comparison: Comparison, outcomes: Sequence[Outcome]) -> bool:
    """Add the entries of the parameters after one step; return whether none of them moved."""
    still = True
    for batch, outcome in zip(case.probes.update, outcomes, strict=True):
        comparison.faults(outcome.faults)
        expected = case.expected[batch.name]
        starts = {key: batch.inputs[key] for key in expected}
        changes = {key: value - starts[key] for key, value in expected.items()}
        still = still and tolerances.stays(outcome.outputs, starts, changes)
        eps = {key: tolerances.epsilon(outcome.outputs.get(key)) for key in expected}
        units: Mapping[str, Array | float] = dict.fromkeys(expected, 0.0)
        if tolerances.SINGLE in eps.values():
            units = units_lost(case.task, batch, expected)
        for key, value in expected.items():
            allowed = tolerances.change_tolerance(
                changes[key], starts[key], eps[key], least(case, "update"), units[key]
            )
            found = outcome.outputs.get(key)
            comparison.compare(key, found, value, allowed, batch.labels, still=starts[key])
        if all(
            key in outcome.outputs and tolerances.nearly(outcome.outputs[key], value, changes[key])
            for key, value in expected.items()
        ):
            comparison.remark_on_precision()
    return still


def units_lost(task: Task, batch: Batch, expected: Mapping[str, Array]) -> dict[str, Array]:
    """Return how many rounding units each change may lose in single precision.

    They are the rounding units of the gradient times the learning rate. The rate is the ratio of
    the lengths of the expected change and the gradient.
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
    """Return the sum of the absolute values of each probe's entries."""
    lengths: Array = np.abs(values).sum(axis=tuple(range(1, values.ndim)), keepdims=True)
    return lengths


TINY = 1e-300
"""Number that is added to a divisor which may be zero."""


# --- presence of functions and models ----------------------------------------------------


WHOLE_NUMBERS = (
    "{function} gives {quantity} as whole numbers. A step that changes such an array in place, as "
    "`-=` does, fails or is cut off: start from 0.0. The checks here start from float64."
)


def interface(case: Case, earlier: Earlier) -> Verdict:
    """Check that each required role is found and written, and that initialise returns the start."""
    found = [(role.name, _presence(case, role)) for role in case.task.roles if role.required]
    entries = tuple(Entry(name, (), verdict.state, None, None) for name, verdict in found)
    notes = tuple(note for _, verdict in found for note in verdict.notes)
    wrong = [verdict for _, verdict in found if verdict.state != "pass"]
    states = {verdict.state for verdict in wrong}
    state: State = "pass" if not wrong else states.pop() if len(states) == 1 else "fail"
    place = next((verdict.place for verdict in wrong if verdict.place), None)
    message = " ".join(dict.fromkeys(verdict.message for verdict in wrong))
    return Verdict("interface", state, message, entries, place, notes)


def _presence(case: Case, role: Role) -> Verdict:
    """Return a verdict on whether the function of a role is there and written.

    Only for initialise its result is compared as well; other results belong to later checks.
    """
    outcomes = case.observations.outcomes.items()
    own = [outcome for name, outcome in outcomes if name.partition("/")[0] == role.name]
    nothing = unusable(case, "interface", role.name, own)
    if nothing is not None and (nothing.state == "missing" or role.name == "initialise"):
        return nothing
    if not own or role.name != "initialise":
        return Verdict("interface", "pass", "")
    (outcome,) = own
    bound = case.binding.bound["initialise"]
    comparison = Comparison(bound)
    comparison.faults(outcome.faults)
    for key, value in case.task.starts[0].parameters.items():
        comparison.compare(key, outcome.outputs.get(key), value[None], np.array(1e-6), ("",))
    keys = bound.convention.keys
    whole = [keys.get(k, k) for k, v in outcome.outputs.items() if v.dtype.kind in "iub"]
    if whole:
        note = format_text(WHOLE_NUMBERS, function=subject(bound), quantity=joined(whole))
        comparison.notes.append(note)
    return comparison.verdict(
        "interface", "{function} does not give the assigned start in {entries}."
    )


def model(case: Case, earlier: Earlier) -> Verdict:
    """Check that the module exists and has the parameters of the assigned layers."""
    outcome = case.observations.outcomes.get("model")
    nothing = unusable(case, "model", "model", [outcome] if outcome else [])
    if nothing is not None or outcome is None:
        return nothing or Verdict("model", "not-checked", "The model was not checked.")
    bound = case.binding.bound["model"]
    start = case.task.starts[0].parameters
    found = [tuple(map(int, outcome.outputs[key])) for key in sorted(outcome.outputs, key=int)]
    layouts = list(_layouts(start))
    wanted = next((each for each in layouts if sorted(each) == sorted(found)), layouts[0])
    comparison = Comparison(bound)
    further = list(found)
    for key, shape in zip(start, wanted, strict=True):
        # A module may register its layers in any order.
        state: State = "pass" if shape in further else "fail"
        if state == "pass":
            further.remove(shape)
        comparison.entries.append(Entry(key, (), state, None, None))
    if further:
        comparison.entries.append(Entry("further parameters", (), "fail", None, None))
    return comparison.verdict(
        "model",
        "{function} holds parameters of shapes {found}; expected {wanted}.",
        found=_shapes(found),
        wanted=_shapes(wanted),
    )


def _layouts(start: Parameters) -> Iterator[list[tuple[int, ...]]]:
    """Yield the accepted shapes of all parameters: of torch's layers, then of ``X @ W + b``."""
    for weight, bias in (("out_in", "flat"), ("in_out", "flat"), ("in_out", "row")):
        yield [
            (value.T.shape if weight == "out_in" else value.shape)
            if key[0] == "W"
            else (value.T.shape if bias == "row" else value.shape[:1])
            for key, value in start.items()
        ]


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    """List shapes in a text."""
    return ", ".join(map(str, shapes)) or "none"
