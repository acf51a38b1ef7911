"""Mistakes in writing a parameter: from a wrong value, to a wrong place, or nowhere."""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.attribute.case import NEAR, Case, same
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.forms import value_before
from gradkit.diagnosis.rules.program import collect_ancestors
from gradkit.records.rule import Entry, Event, Evidence, Rule
from gradkit.records.task import Array

At = tuple[int, Evidence]
"""An event or a step, and why it is the one."""


def stored(case: Case, entry: Entry) -> int | None:
    """The first event in which the entry has its new value, if it got it as it stands."""
    root, place = case.steps.after.get(entry), case.place_of(entry)
    return next((n for n, e in case.written(entry) if e.steps[place] == root), None)


def summand(case: Case, root: int, column: Array) -> int | None:
    """The step that adds something to what becomes a parameter, or takes it from there."""
    made, values, number = case.steps.made, case.steps.values, root
    while made[number].operation in ("add", "sub"):
        one, other = made[number].into
        if any(_proportional(values[each], column) for each in (one, other)):
            return number
        number = one if case.is_computed(one) else other
    return None


def source_of(case: Case, entry: Entry) -> int | None:
    """The step that starts from another value than the entry's own."""
    source = case.observed[entry].source
    root = case.steps.after.get(entry)
    if root is None or source in (None, value_before(entry)):
        return None
    return summand(case, root, case.table.column(source))


def change(case: Case, rule: Rule) -> Array:
    """What a rule adds to an entry."""
    terms = [case.table.term(term) for term in rule.terms]
    return np.asarray(np.sum(terms, axis=0, initial=0.0))


def written_to(case: Case, entry: Entry) -> int | None:
    """The step that adds an entry's change to another's, or to its gradient."""
    target, own = case.redirected[entry], change(case, case.without[entry])
    root = case.steps.after.get(target)
    if root is None:
        return None
    added = summand(case, root, own)
    if added is not None:
        return added
    both = change(case, case.applied[target])
    made = sorted(collect_ancestors(case.steps.made, [root]))
    return next((n for n in made if _proportional(case.steps.values[n], both)), None)


def standstill(case: Case, entry: Entry) -> tuple[At | None, At | None]:
    """The entry does not move: where its new value went, or its gradient was left.

    The first is an event, the second a step.
    """
    new = rule_values(case.table, case.without[entry])
    events = case.trace.events
    values = case.steps.values
    made = next(
        (n for n in range(len(values)) if case.is_computed(n) and same(values[n], new)), None
    )
    held = None if made is None else case.first_holding(made)
    if made is not None and held is not None:
        copied = _copied(case, entry, events[held])
        if copied is not None:
            return (copied, "copy"), None
        return None, (made, "local" if _is_rebound(case, entry, events[held]) else "unused")
    gradient = new - case.before(entry)
    ready = [
        n
        for n, event in enumerate(events)
        if event.kind != "given" and _is_made(case, event, entry, gradient)
    ]
    return ((ready[-1], "unused") if ready else None), None


def _is_made(case: Case, event: Event, entry: Entry, gradient: Array) -> bool:
    """Whether an event has an entry's gradient in it, and in its place if it is of its shape."""
    if case.fits(event, entry[0]):
        return _proportional(case.at(event, entry), gradient)
    return _proportional(event.values.reshape(len(event.values), -1).T, gradient)


def _is_rebound(case: Case, entry: Entry, made: Event) -> bool:
    """Whether a name of the function's own, which stood for the parameter, got the new value."""
    if made.frame or made.prior is None or not made.name.isidentifier():
        return False
    prior = case.trace.events[made.prior]
    held = prior.values.reshape(len(prior.values), -1).T
    return made.kind == "assigned" and any(same(one, case.before(entry)) for one in held)


def _copied(case: Case, entry: Entry, made: Event) -> int | None:
    """Where the dict that got the new value was made, if it was made here."""
    root = made.name.partition("[")[0]
    if root == made.name:
        return None
    for number, event in case.written(entry):
        here = event.name.partition("[")[0] == root and event.kind != "passed"
        here = here and case.fits(event, entry[0])
        if here and same(case.at(event, entry), case.before(entry)):
            return number
    return None


def truncated_in(case: Case, entry: Entry) -> int | None:
    """Numbers cut to integers: where the array that holds them was made."""
    events, place = case.trace.events, case.place_of(entry)
    made = [n for n, e in enumerate(events) if e.kind != "given" and case.fits(e, entry[0])]
    for last in {events[n].name: n for n in made}.values():
        number, event = last, events[last]
        whole = np.all(np.trunc(event.values) == event.values)
        if case.is_constant(event.steps[place]) and whole:
            while event.kind == "changed" and event.prior in made:
                number, event = event.prior, events[event.prior]
            return number
    return None


def mutated_at(case: Case) -> int | None:
    """The statement that wrote into an array which the function was handed."""
    events = case.trace.events
    for number, event in enumerate(events):
        first = event
        while first.prior is not None:
            first = events[first.prior]
        if event.kind == "changed" and not event.parameter and first.kind == "given":
            return number
    return None


def _proportional(values: Array, product: Array) -> bool:
    """Whether a number is another times a constant, or any of several is."""
    row = int(np.argmax(np.abs(product)))
    at = values[..., row, np.newaxis]
    off = np.abs(values - product * (at / product[row])).max(axis=-1)
    near = off <= NEAR * np.abs(values).max(axis=-1)
    return bool(np.any(near & at[..., 0].astype(bool) & np.isfinite(values).all(axis=-1)))
