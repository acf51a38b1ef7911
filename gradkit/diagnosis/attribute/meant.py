"""What a value is meant for, where equal values are made for several gradients.

Numbers cannot tell; a name such as ``dW2`` can. It decides between statements that make the
same, and proves nothing else.
"""

from __future__ import annotations

import re

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.product import Pieces, pieces_of
from gradkit.records.rule import Entry

NAMED = re.compile(
    r"(?:(?<![A-Za-z])|(?<=[dD])|(?<=[a-z])(?=[WB]))([wWbB])_?([12])(?![0-9])", re.ASCII
)
"""A parameter's name in a student's: ``dW2``, ``grad_b1``, ``grads['w1']``."""


def meant_for(name: str) -> frozenset[str]:
    """The parameters that a name speaks of."""
    return frozenset(
        f"{'W' if letter in 'wW' else 'b'}{layer}" for letter, layer in NAMED.findall(name)
    )


def for_entry(case: Case, entry: Entry, events: list[int]) -> int | None:
    """The first of some events whose name speaks of the entry's own parameter."""
    names = {event: meant_for(case.columns.events[event].name) for event in events}
    return next((event for event in events if names[event] == {entry[0]}), None)


def settled(
    case: Case, entry: Entry, chosen: int, made: list[int], base: Pieces, *, whole: bool
) -> int | None:
    """The event to tell, of those that make the same as the chosen one; None where it is not sure.

    ``whole`` says that ``base`` is all of the entry's gradient.
    """
    own = for_entry(case, entry, made) if whole else None
    if own is not None:
        return own
    events = case.columns.events
    shape = events[chosen].values.shape
    alike = [
        event
        for event in made
        if event == chosen or (events[event].values.shape == shape and events[event].prior is None)
    ]
    return min(_of_layer(case, entry, alike, base, 1 if whole else 2), default=None)


def _of_layer(case: Case, entry: Entry, events: list[int], base: Pieces, most: int) -> list[int]:
    """Of events that all make ``base``, those that may be a stage of the entry's layer.

    None at all, where another layer's whole gradient is the same product, made in ``most``
    places, and no name tells which is which.
    """
    named = {event: meant_for(case.columns.events[event].name) for event in events}
    layer = entry[0][1]
    left = [e for e in events if not named[e] or any(p[1] == layer for p in named[e])]
    others = [
        other
        for other, rule in case.applied.items()
        if other[0][1] != layer and len(rule.terms) == 1 and pieces_of(rule.terms[0]) == base
    ]
    rivals = [e for e in left if any(case.columns.fits(e, other[0]) for other in others)]
    places = {case.columns.events[event].place for event in rivals if not named[event]}
    told = {other[0] for event in events for other in others if other[0] in named[event]}
    return left if len(places) < most or told else []
