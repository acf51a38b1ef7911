"""Mistakes in a gradient's product: a factor wrong, too many, missing, or the figure in front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from operator import and_

import numpy as np

from gradkit.records.rule import Entry, Term
from gradkit.records.trace import Evidence
from gradkit.truth.attribute.case import Case
from gradkit.truth.attribute.columns import Hit
from gradkit.truth.attribute.product import (
    INPUT,
    OUTPUT,
    UNIT,
    WEIGHT,
    Pieces,
    is_trivial,
    parts_of,
    pieces_of,
    stage_of,
    within,
)
from gradkit.truth.rules.symbols import letters_of

Found = tuple[int, Evidence]
"""An event, and why it is the one."""

CLOSE = 1e-8

ALONE = frozenset({"wrong-activation-derivative", "wrong-error", "wrong-sum-axis"})
"""Mistakes whose wrong part is wrong by itself, whatever it is multiplied with later."""

FIGURES = frozenset(
    {"wrong-sign", "wrong-factor", "wrong-learning-rate", "uneven-learning-rate", "rate-ignored"}
)
"""Mistakes in the constant, which no factor shows."""


def origin_in_product(case: Case, entry: Entry) -> Found | None:
    """The earliest value of an entry's gradient that contains the slip.

    None where no value before the new parameter does, or the rules are not products.
    """
    applied, right = case.applied[entry], case.without[entry]
    if not applied.terms or not right.terms:
        return None
    if len(applied.terms) == len(right.terms) == 1:
        found = [
            _in_product(case, entry, ours, theirs)
            for ours, theirs in _instances(case, applied.terms[0], right.terms[0])
        ]
        return min((f for f in found if f is not None), default=None)
    return _in_sum(case, entry)


def _in_product(case: Case, entry: Entry, ours: Term, theirs: Term) -> Found | None:
    made, right = pieces_of(ours), pieces_of(theirs)
    doubtful, missing = made - right, right - made
    if case.slip.code in FIGURES and (doubtful or missing):
        return None
    if doubtful:
        return _with_doubtful(case, entry, doubtful, made & right, right)
    if missing:
        return _without_missing(case, entry, made, missing)
    return _with_figure(case, entry, made, ours.coefficient / theirs.coefficient)


def _instances(case: Case, ours: Term, theirs: Term) -> Iterator[tuple[Term, Term]]:
    """Two terms and, of sums over the same letter, their summands: they are made before."""
    yield ours, theirs
    letters = [
        {letter for factor in term.factors for letter in letters_of(factor.index)}
        for term in (ours, theirs)
    ]
    sizes = {
        "i": case.task.X.shape[1],
        "j": case.task.layers[0].units,
        "k": case.task.layers[-1].units,
    }
    for letter in sorted(letters[0] & letters[1]):
        for place in range(sizes[letter]):
            yield _placed(ours, letter, place), _placed(theirs, letter, place)


def _placed(term: Term, letter: str, place: int) -> Term:
    factors = tuple(
        replace(factor, index=tuple(place if axis == letter else axis for axis in factor.index))
        for factor in term.factors
    )
    return replace(term, factors=factors)


def _with_doubtful(
    case: Case, entry: Entry, doubtful: Pieces, shared: Pieces, right: Pieces
) -> Found | None:
    # A wrong sum is made of more than what the function was given.
    alone = case.slip.code in ALONE or any(len(piece) > 1 for piece in doubtful)
    products = [
        doubtful + part
        for part in parts_of(shared)
        if not within(doubtful + part, right) and (part or alone)
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
        events = case.columns.events
        end = min(found, default=len(events))
        like = [e for e in renamed if events[e].values.shape == events[renamed[0]].values.shape]
        found += [event for event in like if event < end][-1:]
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
    """Several terms: what they share is doubtful, or else the sum of what they do not."""
    terms = case.applied[entry].terms
    ours = [pieces_of(term) for term in terms]
    theirs = [pieces_of(term) for term in case.without[entry].terms]
    if case.slip.code in FIGURES or {frozenset(p.items()) for p in ours} == {
        frozenset(p.items()) for p in theirs
    }:
        return None
    shared = reduce(and_, ours)
    right = reduce(and_, theirs)
    found = []
    if len(ours) == len(theirs) and shared - right:
        found.append(_with_doubtful(case, entry, shared - right, shared & right, right))
    total = np.sum(
        [
            term.coefficient * case.value(product - shared)
            for term, product in zip(terms, ours, strict=True)
        ],
        axis=0,
    )
    values = [total * case.value(part) for part in parts_of(shared)]
    hits = case.columns.proportional(np.stack(values, axis=1), entry)
    found.append(_first([hit.event for several in hits for hit in several], "value"))
    return min((f for f in found if f is not None), default=None)


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
    if case.slip.code == "missing-activation-derivative":
        # A hidden unit's value is then what the gradient is multiplied with next.
        base = Counter({p: n for p, n in base.items() if stage_of(p, layer) < UNIT})
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
        values = case.value(base)[:, None]
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
        own = part == ours and case.columns.fits(event, entry[0])
        if not earlier or everywhere or (case.used_elsewhere(part) and not own):
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
