"""The formulas of findings, taken apart and held against each other.

The text form is that of the result: signed terms of factors, ``+0.002 · (y−ŷ) · W2′[0]``,
behind ``= `` and another entry where it is a new value and no step. Whatever the text is,
it comes apart into something.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

STILL = "not moved"

FORMULAS = 2
"""Entries of a finding whose formulas are shown; the rest are alike."""
_TERM = re.compile(r" (?=[+−])")


class Factor(Struct, frozen=True):
    """One symbol, or one number, of a product; ``differs`` where the other formula lacks it."""

    text: str
    differs: bool = False


class Term(Struct, frozen=True):
    """A product with its sign, ``+`` or ``−``; in front of a value the sign may be empty."""

    sign: str
    factors: tuple[Factor, ...]
    sign_differs: bool = False


class Formula(Struct, frozen=True):
    """A step, or with ``value`` what an entry becomes. Without terms it stands still."""

    terms: tuple[Term, ...]
    value: bool = False


def read(text: str) -> Formula:
    """Take the text of a formula apart."""
    body = text.removeprefix("= ")
    if body == STILL:
        return Formula(())
    return Formula(tuple(map(_term, _TERM.split(body))), body != text)


def _term(text: str) -> Term:
    sign = text[:1] if text[:1] in ("+", "−") else ""
    return Term(sign, tuple(Factor(part) for part in text[len(sign) :].split(" · ")))


def beside(formula: Formula, other: Formula | None) -> Formula:
    """The formula with marks, unless the other stands still or is none.

    All differs then, and marks would say nothing.
    """
    return held_against(formula, other) if other is not None and other.terms else formula


def held_against(formula: Formula, other: Formula) -> Formula:
    """The formula with all that marked which the other has not.

    Each term is held against the term of the other that shares most with it.
    """
    return replace(formula, terms=tuple(_marked(term, other.terms) for term in formula.terms))


def _marked(term: Term, others: Iterable[Term]) -> Term:
    # What an entry starts from is no step, and only ever like what another starts from.
    alike = [other for other in others if bool(other.sign) == bool(term.sign)]
    nearest = max(alike, key=lambda other: _shared(term, other), default=Term("", ()))
    left = Counter(factor.text for factor in nearest.factors)
    factors = []
    for factor in term.factors:
        factors.append(replace(factor, differs=not left[factor.text]))
        left[factor.text] -= bool(left[factor.text])
    return Term(term.sign, tuple(factors), term.sign != nearest.sign)


def _shared(term: Term, other: Term) -> int:
    own, others = ({factor.text for factor in each.factors} for each in (term, other))
    return len(own & others)


def spelled(formula: Formula) -> str:
    """The text again, with what differs between ‹ and ›."""
    terms = (
        _wrapped(term.sign, term.sign_differs)
        + " · ".join(_wrapped(factor.text, factor.differs) for factor in term.factors)
        for term in formula.terms
    )
    return ("= " if formula.value else "") + (" ".join(terms) if formula.terms else STILL)


def _wrapped(text: str, differs: bool) -> str:
    return f"‹{text}›" if differs and text else text


def pieces(applied: str, right: str) -> Iterator[tuple[str, bool]]:
    """The text of a formula in pieces, each with whether the right formula lacks it.

    A number goes with its sign.
    """
    marked = beside(read(applied), read(right) if right else None)
    for number, term in enumerate(marked.terms):
        yield " " if number else "", False
        for place, factor in enumerate(term.factors):
            yield " · " if place else "", False
            head = "" if place else term.sign
            yield head + factor.text, factor.differs or (not place and term.sign_differs)
