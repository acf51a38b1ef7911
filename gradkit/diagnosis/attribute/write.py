"""Mistakes in writing a parameter: from a wrong value, to a wrong place, or nowhere."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.columns import EQUAL
from gradkit.diagnosis.attribute.figure import Found
from gradkit.diagnosis.attribute.product import pieces_of
from gradkit.diagnosis.rules.evaluate import value_of
from gradkit.diagnosis.rules.forms import own_value
from gradkit.records.rule import Entry, Event, Term
from gradkit.records.submission import Place
from gradkit.records.task import Array

MOST_TERMS = 4
"""Of a rule, in all sums of which its statements are looked for."""


def applied_at(case: Case, entry: Entry) -> int | None:
    """The statement that made the entry's new value; None where it did not move.

    For an entry whose change was written to another, the statement that wrote it there.
    """
    if entry in case.redirected:
        target = case.redirected[entry]
        put = _put(case, target, case.applied[entry].terms)
        return applied_at(case, target) if put is None else put
    after = case.after(entry)
    if _same(after, case.before(entry)):
        return None
    events = [hit.event for hit in case.columns.equal(after, entry)]
    applied = case.applied.get(entry)
    put = None if applied is None else _put(case, entry, applied.terms)
    return min(events if put is None else [*events, put], default=None)


def _put(case: Case, entry: Entry, terms: tuple[Term, ...]) -> int | None:
    """The statement that changed an entry's value by these terms.

    The step is seen against what stood there, or against what the entry wrongly starts from.
    """
    if not terms:
        return None
    change = np.sum([case.table.term(term) for term in terms], axis=0)
    start = _start(case, entry)
    for number, value, before in case.columns.written(entry):
        with np.errstate(invalid="ignore"):  # a student's values may be infinite
            steps = [value - origin for origin in (before, start) if origin is not None]
        if any(_proportional(step, change) for step in steps):
            return number
    return None


def _start(case: Case, entry: Entry) -> Array | None:
    """What an entry's new value starts from, where that is not its own old one."""
    source = case.observed[entry].source
    return None if source in (None, own_value(entry)) else case.table.column(source)


def origin_of_source(case: Case, entry: Entry) -> Found | None:
    """The entry starts from another value, or from none: the statement that puts it there."""
    start = _start(case, entry)
    made = _stages(case, entry)
    if start is not None:
        made = [start, *(start + stage for stage in made)]
    made.append(case.after(entry))
    for number, value, _ in case.columns.written(entry):
        if any(_same(value, stage) for stage in made):
            return number, "applied"
    return None


def _stages(case: Case, entry: Entry) -> list[Array]:
    """The sums of some of the terms that move an entry, which several statements may write."""
    terms = [case.table.term(term) for term in case.observed[entry].terms[:MOST_TERMS]]
    return [
        np.sum(chosen, axis=0)
        for size in range(1, len(terms) + 1)
        for chosen in combinations(terms, size)
    ]


def origin_of_target(case: Case, entry: Entry) -> Found | None:
    """The entry's term went to another: the statement that put it there."""
    target = case.redirected[entry]
    put = _put(case, target, case.without[entry].terms)
    both = value_of(case.table, case.applied[target]) - case.before(target)
    events = [hit.event for hit in case.columns.proportional(both[:, None], target)[0]]
    return _earliest(events if put is None else [*events, put])


def _earliest(events: list[int]) -> Found | None:
    return (min(events), "value") if events else None


def origin_of_standstill(case: Case, entry: Entry) -> Found | None:
    """The entry does not move: where its new value went, or its gradient was left."""
    new = value_of(case.table, case.without[entry])
    events = case.columns.events
    before = case.before(entry)
    made = min((hit.event for hit in case.columns.equal(new, entry)), default=None)
    if made is not None:
        copied = _copied(case, entry, events[made])
        if copied is not None:
            return copied, "copy"
        return made, "local" if _is_rebound(case, entry, events[made]) else "unused"
    for number, value, _ in case.columns.written(entry):
        # Other mistakes may have gone into the copy as well.
        copied = _copied(case, entry, events[number])
        if copied is not None and copied < number and not _same(value, before):
            return copied, "copy"
    looped = [n for n, event in enumerate(events) if event.over and _moves(case, n)]
    ended = next((n for n in looped if loop_of(case, entry, n) is not None), None)
    if ended is not None and not _is_emptied(case, entry):
        return ended, "loop"
    terms = case.without[entry].terms
    # What a loop or another entry makes use of is not left over: nothing is wrong with it.
    if len(terms) == 1 and not looped and not _is_moved(case, entry[0]):
        ready = [hit.event for hit in case.hits([pieces_of(terms[0])], entry)[0]]
        if ready:
            return ready[-1], "unused"
    return None


def loop_of(case: Case, entry: Entry, number: int) -> Place | None:
    """Where the loop ends that, at a statement that moves others, does not come to an entry."""
    event = case.columns.events[number]
    key, *axes = event.over
    if event.parameter == entry[0]:
        moved = [other for other in case.applied if other[0] == entry[0] and _moves_at(case, other)]
        for axis, ends in enumerate(axes):
            reached = {other[1][axis] for other in moved}
            if ends is not None and reached and entry[1][axis] not in reached:
                return ends
    elif event.parameter[0] == entry[0][0] and not _is_moved(case, entry[0]):
        return key
    return None


def _moves(case: Case, number: int) -> bool:
    """Whether an event changes what a parameter was."""
    event = case.columns.events[number]
    given = case.inputs.before[event.parameter]
    return event.values.size == given.size and not np.array_equal(
        event.values.reshape(len(given), -1), given.reshape(len(given), -1)
    )


def _moves_at(case: Case, entry: Entry) -> bool:
    return not _same(case.after(entry), case.before(entry))


def _is_moved(case: Case, parameter: str) -> bool:
    return any(_moves_at(case, entry) for entry in case.applied if entry[0] == parameter)


def _is_emptied(case: Case, entry: Entry) -> bool:
    """Whether a gradient was left at zero: then the loop that filled it is to be asked."""
    place = case.columns.position_of(entry)
    last = {
        event.name: event.values.reshape(len(event.values), -1)[:, place]
        for number, event in enumerate(case.columns.events)
        if event.kind != "given" and not event.parameter and case.columns.fits(number, entry[0])
    }
    return any(not np.any(values) for values in last.values())


def _is_rebound(case: Case, entry: Entry, made: Event) -> bool:
    """Whether a name of the function's own, which stood for the parameter, got the new value."""
    if made.frame or made.prior is None or not made.name.isidentifier():
        return False
    prior = case.columns.events[made.prior].values
    place = case.columns.position_of(entry)
    return made.kind == "assigned" and _same(
        prior.reshape(len(prior), -1)[:, place], case.before(entry)
    )


def _copied(case: Case, entry: Entry, made: Event) -> int | None:
    """Where the dict that got the new value was made, if it was made here."""
    root = made.name.partition("[")[0]
    if root == made.name:
        return None
    for number, value, _ in case.columns.written(entry):
        event = case.columns.events[number]
        here = event.name.partition("[")[0] == root and event.kind != "passed"
        if here and _same(value, case.before(entry)):
            return number
    return None


def origin_of_truncation(case: Case, entry: Entry) -> Found | None:
    """Numbers cut to integers: where the array that holds them was made."""
    columns = case.columns
    for number, event in enumerate(columns.events):
        if event.kind == "given" or not columns.fits(number, entry[0]):
            continue
        values = event.values.reshape(len(event.values), -1)[:, columns.position_of(entry)]
        if np.array_equal(values, np.trunc(values)) and np.ptp(values) > 0:
            return _first_of(case, number), "value"
    return None


def _first_of(case: Case, number: int) -> int:
    """The statement that made an array which later ones wrote into."""
    events = case.columns.events
    while events[number].kind == "changed":
        prior = events[number].prior
        if prior is None or events[prior].kind == "given":
            break
        number = prior
    return number


def origin_of_mutation(case: Case) -> Found | None:
    """The statement that wrote into an array which the function was handed."""
    events = case.columns.events
    for number, event in enumerate(events):
        if event.kind == "changed" and not event.parameter and _was_given(events, event):
            return number, "value"
    return None


def _was_given(events: tuple[Event, ...], event: Event) -> bool:
    """Whether a name, or another for the same array, stood there from the start."""
    while event.prior is not None:
        event = events[event.prior]
    return event.kind == "given"


def changed_at(case: Case, entry: Entry) -> int | None:
    """Where a parameter that the entry's gradient uses got its new value beforehand."""
    for term in case.applied[entry].terms:
        for factor in term.factors:
            if factor.when == "after":
                places = [axis if isinstance(axis, int) else 0 for axis in factor.index]
                used: Entry = factor.symbol, (places[0], places[1])
                hits = case.columns.equal(case.after(used), used)
                if hits:
                    return hits[0].event
    return None


def _same(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max(initial=0.0) <= EQUAL * np.abs(other).max(initial=0.0))


def _proportional(value: Array, product: Array) -> bool:
    row = int(np.argmax(np.abs(product)))
    if not value[row] or not np.isfinite(value).all():
        return False
    off = np.abs(value - product * (value[row] / product[row])).max()
    return bool(off <= 1e-8 * np.abs(value).max())
