"""Mistakes in a gradient's product: a factor wrong, too many, missing, or the figure in front."""

from __future__ import annotations

from collections import Counter

import numpy as np

from gradkit.records.rule import Entry
from gradkit.records.trace import Evidence
from gradkit.truth.attribute.case import Case
from gradkit.truth.attribute.columns import Hit
from gradkit.truth.attribute.product import (
    INPUT,
    OUTPUT,
    UNIT,
    WEIGHT,
    Pieces,
    factors_of,
    is_trivial,
    parts_of,
    pieces_of,
    stage_of,
    within,
)

Found = tuple[int, Evidence]
"""An event, and why it is the one."""

CLOSE = 1e-8

ALONE = frozenset({"wrong-activation-derivative", "wrong-error", "wrong-sum-axis"})
"""Mistakes whose wrong part is wrong by itself, whatever it is multiplied with later."""


def origin_in_product(case: Case, entry: Entry) -> Found | None:
    """The earliest value of an entry's gradient that contains the slip.

    None where no value before the new parameter does, or the rules are not products.
    """
    applied, right = case.applied[entry], case.without[entry]
    if len(applied.terms) > 1:
        return _in_sum(case, entry)
    if len(applied.terms) != 1 or len(right.terms) != 1:
        return None
    ours, theirs = pieces_of(applied.terms[0]), pieces_of(right.terms[0])
    doubtful, missing = ours - theirs, theirs - ours
    if doubtful:
        return _with_doubtful(case, entry, doubtful, ours & theirs, theirs)
    if missing:
        return _without_missing(case, entry, ours, missing)
    ratio = applied.terms[0].coefficient / right.terms[0].coefficient
    return _with_figure(case, entry, ours, ratio)


def _with_doubtful(
    case: Case, entry: Entry, doubtful: Pieces, shared: Pieces, right: Pieces
) -> Found | None:
    products = [
        doubtful + part
        for part in parts_of(shared)
        if not within(doubtful + part, right) and (part or case.slip.code in ALONE)
    ]
    found: list[int] = []
    renamed: list[int] = []
    for product, hits in zip(products, case.hits(products, entry), strict=True):
        # What is right for another entry is wrong only if it stands in this one's place.
        own = not case.used_elsewhere(product)
        whole = product == doubtful + shared
        for hit in hits:
            if is_trivial(product) and _is_renamed(hit):
                renamed.append(hit.event)
            elif own or (whole and case.columns.fits(hit.event, entry[0])):
                found.append(hit.event)
    if case.slip.code == "wrong-error":
        # `dZ2 = y` is wrong already if it is the last before something is made of it.
        end = min(found, default=len(case.columns.events))
        found += [event for event in renamed if event < end][-1:]
    return _first(found, "value")


def _is_renamed(hit: Hit) -> bool:
    return abs(hit.factor - 1.0) <= CLOSE


def _telling(case: Case, products: list[Pieces], entry: Entry) -> list[int]:
    """Events that made one of the products; a given value's other name is none."""
    return [
        hit.event
        for product, hits in zip(products, case.hits(products, entry), strict=True)
        for hit in hits
        if not is_trivial(product) or not _is_renamed(hit)
    ]


def _first(events: list[int], evidence: Evidence) -> Found | None:
    return (min(events), evidence) if events else None


def _in_sum(case: Case, entry: Entry) -> Found | None:
    """Several terms: what they do not share, times any of what they do."""
    terms = case.applied[entry].terms
    products = [pieces_of(term) for term in terms]
    shared = products[0]
    for product in products[1:]:
        shared = shared & product
    total = np.sum(
        [
            term.coefficient * case.table.product(factors_of(product - shared))
            for term, product in zip(terms, products, strict=True)
        ],
        axis=0,
    )
    values = [total * case.table.product(factors_of(part)) for part in parts_of(shared)]
    found = case.columns.proportional(np.stack(values, axis=1), entry)
    return _first([hit.event for hits in found for hit in hits], "value")


def _without_missing(case: Case, entry: Entry, ours: Pieces, missing: Pieces) -> Found | None:
    layer = 1 if entry[0] in ("W1", "b1") else 2
    stage = max(stage_of(piece, layer) for piece in missing)
    own = Counter({p: n for p, n in ours.items() if stage_of(p, layer) == stage})
    if case.slip.code in ALONE and not is_trivial(own) and not case.used_elsewhere(own):
        (alone,) = case.hits([own], entry)
        if alone:
            return alone[0].event, "value"
    last = UNIT if stage in (WEIGHT, UNIT) else stage
    base = Counter({p: n for p, n in ours.items() if stage_of(p, layer) <= last})
    later = [base + part for part in parts_of(ours - base) if part]
    end = min(_telling(case, later, entry), default=None)
    made = [e for e in _telling(case, [base], entry) if end is None or e < end]
    chosen = _of_stage(case, entry, made, base, stage)
    if chosen is None and not own and stage == OUTPUT:
        chosen = _constant(case, (1.0, 2.0), end)
    if chosen is None:
        chosen = end
    return None if chosen is None else (chosen, "stage")


def _of_stage(case: Case, entry: Entry, events: list[int], base: Pieces, stage: int) -> int | None:
    """Which of the values that are the same product is the one that should have been more."""
    made = [event for event in events if not case.columns.repeats(event)]
    if stage == INPUT:
        whole = (e for e in made if case.columns.fits(e, entry[0]))
        return next(whole, None)
    if stage == OUTPUT:
        return made[-1] if made else None
    if case.used_elsewhere(base):
        # The first is what other entries are rightly made of.
        values = case.table.product(factors_of(base))[:, None]
        (every,) = case.columns.proportional(values, entry)
        made = [event for event in made if event != every[0].event]
        return made[-1] if made else None
    return made[0] if made else None


def _with_figure(case: Case, entry: Entry, ours: Pieces, ratio: float) -> Found | None:
    """Where a value's constant changes by the ratio that the step is off by."""
    parts = [part for part in parts_of(ours) if part]
    chain = [
        (hit.event, part, hit.factor)
        for part, hits in zip(parts, case.hits(parts, entry), strict=True)
        for hit in hits
    ]
    chain.sort(key=lambda link: link[0])
    everywhere = len(case.slip.entries) == len(case.applied)
    steps = _steps(case, entry, ratio)
    for number, (event, part, factor) in enumerate(chain):
        earlier = [f for e, p, f in chain[:number] if e < event and within(p, part)]
        if not earlier or everywhere or case.used_elsewhere(part):
            continue
        if any(abs(factor / earlier[-1] - step) <= CLOSE * abs(step) for step in steps):
            return event, "figure"
    return _rate(case, entry, ratio) or _error_stage(case, chain)


def _steps(case: Case, entry: Entry, ratio: float) -> tuple[float, ...]:
    """By what a value may be multiplied for the step to be off by ``ratio``."""
    if case.slip.code == "wrong-sign":
        return (-1.0,)
    rate = case.task.rates.weight if entry[0][0] == "W" else case.task.rates.bias
    return ratio, -ratio, ratio * rate, -ratio * rate


def _rate(case: Case, entry: Entry, ratio: float) -> Found | None:
    """A learning rate that is set by a name, and that nothing right is multiplied with."""
    if not case.slip.code.endswith("learning-rate") and case.slip.code != "rate-ignored":
        return None
    rates = {"W": case.task.rates.weight, "b": case.task.rates.bias}
    wrong = rates[entry[0][0]] * (1.0 if case.slip.code == "rate-ignored" else abs(ratio))
    right = [rates[other[0][0]] for other in case.applied if other not in case.slip.entries]
    if any(abs(value - wrong) <= CLOSE * wrong for value in right):
        return None
    event = _constant(case, (wrong,), None)
    return None if event is None else (event, "figure")


def _constant(case: Case, sizes: tuple[float, ...], end: int | None) -> int | None:
    """The last event before ``end`` that is the same number in all calls, one of ``sizes``."""
    found = None
    for number, event in enumerate(case.columns.events[:end]):
        size = np.abs(event.values)
        if size[0].size == 1 and any(np.all(np.abs(size - s) <= CLOSE * s) for s in sizes):
            found = number
    return found


def _error_stage(case: Case, chain: list[tuple[int, Pieces, float]]) -> Found | None:
    """A factor of the loss that is missing everywhere belongs where the error is made."""
    if case.slip.code != "wrong-factor" or len(case.slip.entries) < len(case.applied):
        return None
    errors = [
        event
        for event, part, _ in chain
        if all(stage_of(piece, 1) == OUTPUT for piece in part) and not case.columns.repeats(event)
    ]
    return (errors[-1], "figure") if errors else None
