"""Mistakes in a gradient's product: a factor that is wrong, too many, or missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce
from operator import and_

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.columns import Hit
from gradkit.diagnosis.attribute.figure import (
    CLOSE,
    FIGURES,
    Found,
    constant_before,
    scaled_in_place,
    with_figure,
)
from gradkit.diagnosis.attribute.meant import for_entry, settled
from gradkit.diagnosis.attribute.product import (
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
from gradkit.diagnosis.mistakes.parts import is_unit
from gradkit.diagnosis.rules.symbols import letters_of
from gradkit.records.rule import Entry, Evidence, Term

ALONE = frozenset({"wrong-activation-derivative", "wrong-error", "wrong-sum-axis"})
"""Mistakes whose wrong part is wrong by itself, whatever it is multiplied with later."""

ALONE_HERE = frozenset({"wrong-derivative-argument"})
"""Those that are wrong by themselves, but not where a helper made them of its argument."""

LAYERS = {"W1": 1, "b1": 1, "W2": 2, "b2": 2}


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
    if (case.slip.code in FIGURES) == bool(doubtful or missing):
        return None
    if doubtful:
        return _with_doubtful(case, entry, doubtful, made & right, right)
    if missing:
        return _without_missing(case, entry, made, missing)
    return with_figure(case, entry, made, ours.coefficient / theirs.coefficient)


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
    # Nothing that comes before it is left, so that it stands alone in the code as well.
    layer = LAYERS[entry[0]]
    first = all(stage_of(piece, layer) == INPUT for piece in shared)
    bare = alone or first or case.slip.code in ALONE_HERE
    products = [doubtful + part for part in parts_of(shared) if not within(doubtful + part, right)]
    found: list[int] = []
    renamed: list[int] = []
    for product, hits in zip(products, case.hits(products, entry), strict=True):
        # What is right for another entry is wrong only if it stands in this one's place.
        own = not case.innocent(product, doubtful)
        whole = product == doubtful + shared
        helped = product == doubtful and bool(shared) and not alone
        for hit in hits:
            if product == doubtful and not bare and not _is_misplaced(case, entry, product, hit):
                continue
            if helped and case.columns.events[hit.event].frame > 0:
                continue
            if _is_renamed(case, product, hit):
                renamed.append(hit.event)
            elif (
                own
                or (whole and case.columns.fits(hit.event, entry[0]))
                or _is_misplaced(case, entry, product, hit)
            ):
                found.append(hit.event)
    if case.slip.code == "wrong-error":
        # `dZ2 = y` is wrong already if it is the last before something is made of it.
        events = case.columns.events
        end = min(found, default=len(events))
        like = [e for e in renamed if events[e].values.shape == events[renamed[0]].values.shape]
        found += [event for event in like if event < end][-1:]
    return _first(found, "value")


def _is_misplaced(case: Case, entry: Entry, product: Pieces, hit: Hit) -> bool:
    """Whether, in an array of the hidden units, another unit's value stands in this one's place."""
    if LAYERS[entry[0]] == 2 or not case.columns.fits(hit.event, "b1"):
        return False
    unit = entry[1][1] if entry[0] == "W1" else entry[1][0]
    factors = [factor for piece in product for factor in piece if is_unit(factor)]
    return hit.position == unit and bool(factors) and all(f.index != (unit,) for f in factors)


def _is_renamed(case: Case, product: Pieces, hit: Hit) -> bool:
    """Whether an event is only another name for something given."""
    if not is_trivial(product) or abs(hit.factor - 1.0) > CLOSE:
        return False
    event = case.columns.events[hit.event]
    if event.values[0].size > 1 and event.prior is None:
        return False
    ((factor,),) = product
    shape = event.values.shape[1:]
    return tuple(size for size in shape if size != 1) == case.shape_of(factor.symbol)


def _telling(case: Case, products: list[Pieces], entry: Entry) -> list[int]:
    """Events that made one of the products; a given value's other name is none."""
    return [
        hit.event
        for product, hits in zip(products, case.hits(products, entry), strict=True)
        for hit in hits
        if not _is_renamed(case, product, hit)
    ]


def _first(events: list[int], evidence: Evidence) -> Found | None:
    return (min(events), evidence) if events else None


def _in_sum(case: Case, entry: Entry) -> Found | None:
    """Several terms: what they share is doubtful, or else the sum of what they do not."""
    terms = case.applied[entry].terms
    ours = [pieces_of(term) for term in terms]
    theirs = [pieces_of(term) for term in case.without[entry].terms]
    if case.slip.code in FIGURES:
        return scaled_in_place(case, entry)
    shared = reduce(and_, ours)
    right = reduce(and_, theirs)
    found = []
    if len(ours) == len(theirs) and shared - right:
        found.append(_with_doubtful(case, entry, shared - right, shared & right, right))
    elif len(ours) == len(theirs) and right - shared:
        found.append(_without_missing(case, entry, shared, right - shared))
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
    layer = LAYERS[entry[0]]
    stage = max(stage_of(piece, layer) for piece in missing)
    before = _without_input(case, entry, ours)
    own = Counter({p: n for p, n in before.items() if stage_of(p, layer) == stage})
    if case.slip.code in ALONE and not is_trivial(own) and not case.used_elsewhere(own):
        (alone,) = case.hits([own], entry)
        if alone:
            return alone[0].event, "value"
    last = UNIT if stage in (WEIGHT, UNIT) else stage
    base = Counter({p: n for p, n in before.items() if stage_of(p, layer) <= last})
    if stage == INPUT:
        base = ours
    later = [base + part for part in parts_of(ours - base) if part]
    end = min(_telling(case, later, entry), default=None)
    made = [e for e in _telling(case, [base], entry) if end is None or e < end]
    chosen = _of_stage(case, entry, made, base, stage)
    if chosen is not None and stage != OUTPUT:
        chosen = settled(case, entry, chosen, made, base, whole=stage == INPUT)
        return None if chosen is None else (chosen, "stage")
    if chosen is None and not base:
        chosen = _constant_stage(case, entry, stage, end)
    if chosen is None and end is None:
        chosen = for_entry(case, entry, made)
    elif chosen is None:
        chosen = end
    return None if chosen is None else (chosen, "stage")


def _constant_stage(case: Case, entry: Entry, stage: int, end: int | None) -> int | None:
    """Where nothing has been multiplied yet: a constant of the shape that the stage has."""
    if stage == OUTPUT:
        return constant_before(case, (1.0, 2.0), end)
    like = entry[0] if stage == INPUT else "b1"
    return next(
        (
            number
            for number, event in enumerate(case.columns.events[:end])
            if event.kind != "given"
            and case.columns.fits(number, like)
            and np.all(event.values == event.values[:1])
        ),
        None,
    )


def _without_input(case: Case, entry: Entry, ours: Pieces) -> Pieces:
    """A product without what serves as the layer's input, if that is the wrong layer's values."""
    if entry not in case.other_inputs:
        return ours
    symbol, index = case.other_inputs[entry]
    return ours - Counter({p: 1 for p in ours if p[0].symbol == symbol and p[0].index == (index,)})


def _of_stage(case: Case, entry: Entry, events: list[int], base: Pieces, stage: int) -> int | None:
    """Which of the values that are the same product is the one that should have been more."""
    made = [event for event in events if not case.columns.repeats(event)]
    if not made and stage in (WEIGHT, UNIT):
        # An array of its own, and not another name: `dZ1 = 1.0 * W2` repeats W2's new values.
        made = [event for event in events if case.columns.events[event].prior is None]
    if stage == INPUT:
        whole = (e for e in made if case.columns.fits(e, entry[0]))
        return next(whole, None)
    if stage == OUTPUT:
        return made[-1] if made else None
    if made and _is_shared(case, entry, base):
        # The first is what other entries are rightly made of; what this layer makes of it
        # has another shape.
        (every,) = case.columns.proportional(case.value(base)[:, None], entry)
        first = case.columns.events[every[0].event].values.shape
        made = [event for event in made if case.columns.events[event].values.shape != first]
    return made[0] if made else None


def _is_shared(case: Case, entry: Entry, base: Pieces) -> bool:
    """Whether a product is a stage on the way to entries that are right."""
    layer = LAYERS[entry[0]]
    own = any(stage_of(piece, layer) == WEIGHT for piece in base)
    among = [other for other in case.applied if not own or LAYERS[other[0]] == layer]
    return case.used_elsewhere(base, among)
