"""Rules taken apart into pieces that a calculation may multiply in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import is_input, is_output, is_unit, is_weight
from gradkit.diagnosis.rules.symbols import letters_of, to_power
from gradkit.records.rule import Factor, Rule, Term

Piece = tuple[Factor, ...]
"""One factor, or all those that one sum runs over."""

Pieces = Counter[Piece]

OUTPUT, WEIGHT, UNIT, INPUT = range(4)
"""The order in which backpropagation multiplies: error, weight, derivative, input."""

TRIVIAL = frozenset({"input", "hidden", "target", "output", "W1", "b1", "W2", "b2"})
"""What a function is given: its bare value is nobody's mistake."""


def pieces_of(term: Term) -> Pieces:
    """The term's factors, powers written out, less the rate."""
    found: Pieces = Counter()
    summed = []
    for factor in term.factors:
        if factor.symbol == "rate":
            continue
        if letters_of(factor.index):
            summed.append(factor)
        else:
            sign = 1 if factor.power > 0 else -1
            found[to_power(factor, sign),] += abs(factor.power)
    if summed:
        found[tuple(sorted(summed, key=repr))] += 1
    return found


def parts_of(pieces: Pieces) -> Iterator[Pieces]:
    """Every product of some of the pieces, the empty one first."""
    for counts in product(*(range(count + 1) for count in pieces.values())):
        yield Counter({piece: n for piece, n in zip(pieces, counts, strict=True) if n})


def within(part: Pieces, whole: Pieces) -> bool:
    """Whether a product is part of another."""
    return all(whole[piece] >= count for piece, count in part.items())


def stage_of(piece: Piece, layer: int) -> int:
    """When, in the layer's gradient, a piece is multiplied in; of a sum, its last factor."""
    return max(_stage(factor, layer) for factor in piece)


def _stage(factor: Factor, layer: int) -> int:
    if is_input(factor):
        return INPUT
    if is_unit(factor):
        # Layer 2's input is the hidden layer.
        return UNIT if layer == 1 else INPUT
    if is_weight(factor):
        return WEIGHT
    return OUTPUT if is_output(factor) else INPUT


def is_trivial(pieces: Pieces) -> bool:
    """Whether a product is a single given value, or nothing."""
    elements = list(pieces.elements())
    if not elements:
        return True
    (first, *rest) = elements
    return not rest and len(first) == 1 and first[0].symbol in TRIVIAL and first[0].power == 1


def marked(rule: Rule, applied: Rule) -> Rule:
    """A rule with ŷ and A1 recomputed where the applied one has them so; no mistake in itself."""
    again = {
        _quantity(factor)
        for term in applied.terms
        for factor in term.factors
        if factor.when == "recomputed"
    }
    return replace(
        rule,
        terms=tuple(
            replace(
                term,
                factors=tuple(
                    replace(f, when="recomputed") if not f.when and _quantity(f) in again else f
                    for f in term.factors
                ),
            )
            for term in rule.terms
        ),
    )


def _quantity(factor: Factor) -> str:
    return "hidden" if is_unit(factor) else "output" if is_output(factor) else ""
