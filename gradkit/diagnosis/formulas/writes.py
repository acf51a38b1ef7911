"""Find the line of mistakes in writing a parameter: a wrong source, a wrong target, or no write."""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.formulas.case import NEAR, Case, is_equal
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.forms import value_before
from gradkit.diagnosis.rules.program import collect_ancestors
from gradkit.records.rule import Entry, Event, Evidence, Rule
from gradkit.records.task import Array

At = tuple[int, Evidence]
"""The number of an event or operation, and the reason why it is named."""


def find_store(case: Case, entry: Entry) -> int | None:
    """Return the first event in which the entry has its new value, or None."""
    root, flat_index = case.steps.after.get(entry), case.flat_index(entry)
    return next(
        (number for number, event in case.writes_to(entry) if event.steps[flat_index] == root), None
    )


def find_summand(case: Case, root: int, column: Array) -> int | None:
    """Return the addition on the way to ``root`` with an operand that is a multiple of ``column``.

    Subtractions count too. ``root`` is the operation of a parameter's new value. None if there is
    no such summand.
    """
    made, values, number = case.steps.made, case.steps.values, root
    while made[number].operation in ("add", "sub"):
        left, right = made[number].into
        if any(_is_multiple(values[operand], column) for operand in (left, right)):
            return number
        number = left if case.is_computed(left) else right
    return None


def find_wrong_source(case: Case, entry: Entry) -> int | None:
    """Return the addition that starts from another value than the entry's own, or None."""
    source = case.observed[entry].source
    root = case.steps.after.get(entry)
    if root is None or source in (None, value_before(entry)):
        return None
    return find_summand(case, root, case.table.column(source))


def rule_change(case: Case, rule: Rule) -> Array:
    """Return the change of an entry by its rule, shape (calls,)."""
    still = np.zeros(len(case.inputs.y))
    return np.asarray(np.sum([still, *map(case.table.term, rule.terms)], axis=0))


def find_misdirected(case: Case, entry: Entry) -> int | None:
    """Return the operation that adds an entry's change to the wrong entry, or to its gradient."""
    target, expected = case.redirected[entry], rule_change(case, case.without[entry])
    root = case.steps.after.get(target)
    if root is None:
        return None
    addition = find_summand(case, root, expected)
    if addition is not None:
        return addition
    joint_change = rule_change(case, case.applied[target])
    operations = sorted(collect_ancestors(case.steps.made, [root]))
    return next(
        (number for number in operations if _is_multiple(case.steps.values[number], joint_change)),
        None,
    )


def find_lost_update(case: Case, entry: Entry) -> tuple[At | None, At | None]:
    """Return where the new value or the gradient of an entry that does not change was lost.

    Returns
    -------
    event, step : tuple of (int, Evidence) or None
        At most one is set: the event that holds the value, or the operation that computed it.
        The evidence is ``copy`` (written to a copy), ``local`` (a rebound name), or ``unused``.
    """
    expected = rule_values(case.table, case.without[entry])
    events = case.trace.events
    values = case.steps.values
    computed = next(
        (
            number
            for number in range(len(values))
            if case.is_computed(number) and is_equal(values[number], expected)
        ),
        None,
    )
    first_event = None if computed is None else case.first_event_with(computed)
    if computed is not None and first_event is not None:
        copied = _find_copy(case, entry, events[first_event])
        if copied is not None:
            return (copied, "copy"), None
        return None, (
            computed,
            "local" if _is_rebound(case, entry, events[first_event]) else "unused",
        )
    gradient = expected - case.before(entry)
    gradients = [
        number
        for number, event in enumerate(events)
        if event.kind != "given" and _contains_gradient(case, event, entry, gradient)
    ]
    return ((gradients[-1], "unused") if gradients else None), None


def _contains_gradient(case: Case, event: Event, entry: Entry, gradient: Array) -> bool:
    """Return whether an event's array contains an entry's gradient.

    If the array has the parameter's shape, only the entry's index counts.
    """
    if case.has_shape_of(event, entry[0]):
        return _is_multiple(case.event_values(event, entry), gradient)
    return _is_multiple(event.values.reshape(len(event.values), -1).T, gradient)


def _is_rebound(case: Case, entry: Entry, assignment: Event) -> bool:
    """Return whether a plain assignment gave a new value to a name that stood for the parameter."""
    if assignment.frame or assignment.prior is None or not assignment.name.isidentifier():
        return False
    prior = case.trace.events[assignment.prior]
    values = prior.values.reshape(len(prior.values), -1).T
    return assignment.kind == "assigned" and any(
        is_equal(column, case.before(entry)) for column in values
    )


def _find_copy(case: Case, entry: Entry, write: Event) -> int | None:
    """Return the event in which the dict that got the new value was copied in this function."""
    root = write.name.partition("[")[0]
    if root == write.name:
        return None
    for number, event in case.writes_to(entry):
        is_copy = event.name.partition("[")[0] == root and event.kind != "passed"
        is_copy = is_copy and case.has_shape_of(event, entry[0])
        if is_copy and is_equal(case.event_values(event, entry), case.before(entry)):
            return number
    return None


def find_truncation(case: Case, entry: Entry) -> int | None:
    """Return the event that made the integer array in which an entry's values are truncated."""
    events, flat_index = case.trace.events, case.flat_index(entry)
    events_with_shape = [
        n for n, e in enumerate(events) if e.kind != "given" and case.has_shape_of(e, entry[0])
    ]
    for last in {events[n].name: n for n in events_with_shape}.values():
        number, event = last, events[last]
        all_integers = np.all(np.trunc(event.values) == event.values)
        if case.is_constant(event.steps[flat_index]) and all_integers:
            while event.kind == "changed" and event.prior in events_with_shape:
                number, event = event.prior, events[event.prior]
            return number
    return None


def find_mutation(case: Case) -> int | None:
    """Return the event that changes an input array in place, other than a parameter."""
    events = case.trace.events
    for number, event in enumerate(events):
        origin = event
        while origin.prior is not None:
            origin = events[origin.prior]
        if event.kind == "changed" and not event.parameter and origin.kind == "given":
            return number
    return None


def _is_multiple(values: Array, column: Array) -> bool:
    """Return whether any row of ``values`` is a nonzero multiple of ``column``, a single row."""
    row = int(np.argmax(np.abs(column)))
    if not column[row]:
        return False
    values_in_row = values[..., row, np.newaxis]
    deviation = np.abs(values - column * (values_in_row / column[row])).max(axis=-1)
    is_near = deviation <= NEAR * np.abs(values).max(axis=-1)
    return bool(
        np.any(is_near & values_in_row[..., 0].astype(bool) & np.isfinite(values).all(axis=-1))
    )
