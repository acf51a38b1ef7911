"""What separates the rule that an entry follows from the rule that it should follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import PARTS, Change, parameter_detail
from gradkit.diagnosis.mistakes.rewrite import MIRRORED, WHOLE, rewritten
from gradkit.diagnosis.mistakes.slots import counted, readings_of_factors, slots
from gradkit.diagnosis.rules.symbols import combine_factors
from gradkit.records.rule import Details, Entry, Factor, Rule, Term
from gradkit.records.task import Task


class Difference(Struct, frozen=True):
    """Mistakes that turn the right rule into the applied one, but for a ``ratio``.

    ``ratio`` is the applied coefficient by the right one, or None where nothing moves;
    ``form`` is the way of writing the applied rule that was compared.
    """

    changes: tuple[Change, ...]
    ratio: float | None
    form: Rule

    @property
    def of_the_loss(self) -> bool:
        """Whether a square is taken for the whole loss, which has a sign and a factor less."""
        return ("squared-error", WHOLE) in self.changes


MOST_CHANGES = 4
"""Past this number a product has so little of the right one that no name means anything."""

WITHOUT_ERROR = ("wrong-error", "squared-error", "missing-error")
"""Mistakes after which t − o is not in a product."""

Choice = dict[Entry, Difference]
"""One reading for each entry."""


def differences(should: Rule, applied: Rule, task: Task) -> list[Difference]:
    """All known ways in which ``applied`` can come from ``should``, fewest mistakes first.

    Every one is confirmed by rewriting ``should``: what does not give the applied rule,
    symbol by symbol, is left out. Ratios are left to the caller, who sees all entries.
    """
    found: list[Difference] = []
    for form in (applied, *applied.others):
        source = source_change(should, form)
        if not form.terms:
            found.append(Difference((*source, ("not-updated", ())), None, form))
        for term, changes in _as_one_term(form):
            for difference in term_differences(should, term, task):
                every = (*source, *difference.changes, *changes)
                found += _as_gradient(should, every, difference.ratio, form, task)
                if _gives(should, every, difference.ratio, form, task):
                    found.append(Difference(every, difference.ratio, form))
    return sorted(found, key=_simplest)


def _as_gradient(
    should: Rule, every: tuple[Change, ...], ratio: float | None, form: Rule, task: Task
) -> Iterator[Difference]:
    """The reading in which a new value without the old one is a gradient, and no step.

    At a rate of 1 it is as long as a step, and is taken for one. Without its error it is no
    gradient that anyone would know: ``W2 = A1`` is none.
    """
    if every[:1] != (("overwritten", ()),) or ratio is None or abs(ratio) == 1:
        return
    # A gradient has no rate that could be ignored.
    rest = tuple(change for change in every[1:] if change[0] != "rate-ignored")
    if any(code in WITHOUT_ERROR for code, _ in rest):
        return
    for details in ((), (MIRRORED,)):
        changes = (("gradient-stored", details), *rest)
        if _gives(should, changes, 1.0, form, task):
            yield Difference(changes, 1.0, form)


def _simplest(difference: Difference) -> tuple[int, bool]:
    return len(difference.changes), difference.ratio is not None and difference.ratio < 0


def source_change(should: Rule, applied: Rule) -> tuple[Change, ...]:
    """Where the entry starts from another value than it should."""
    if applied.source == should.source:
        return ()
    if applied.source is None:
        return (("overwritten", ()),)
    return (("wrong-source-entry", (("source", parameter_detail(applied.source)),)),)


def term_differences(should: Rule, term: Term, task: Task) -> list[Difference]:
    """The same for one term, as if it were all that moves the entry."""
    found = []
    for factors, assumed in readings_of_factors(should, term.factors):
        for changes in _of_the_loss(slots(should, factors), task):
            every = (*changes, *assumed)
            if len(every) > MOST_CHANGES:
                continue
            ratio = term.coefficient / _coefficient(should, every, task)
            if ratio < 0 and any(_has_no_side(change) for change in every):
                every, ratio = tuple(map(_mirrored, every)), -ratio
            form = replace(should, terms=(term,))
            if _gives(should, every, ratio, form, task):
                found.append(Difference(every, ratio, form))
    return sorted(found, key=_simplest)


def _of_the_loss(readings: list[list[Change]], task: Task) -> Iterator[list[Change]]:
    """The readings, and of each with a squared error the one in which that is the whole loss.

    Where the loss stands for its slope, the slope's −2 is gone with it, and no mistake of its own.
    """
    for changes in readings:
        if task.loss == "squared_error" and ("squared-error", ()) in changes:
            yield [("squared-error", WHOLE) if c == ("squared-error", ()) else c for c in changes]
        yield changes


def _has_no_side(change: Change) -> bool:
    """Whether so little is left of the error that there is no sign to blame.

    One half of it, its square, or nothing stand for t − o in a step that is added, and for o − t in
    one that is subtracted: both are right, and the sign that they leave is none of the student's.
    """
    code, details = change
    return code in WITHOUT_ERROR and details != WHOLE


def _mirrored(change: Change) -> Change:
    """The change, if it has no side, as it comes of an error that is written as o − t."""
    return (change[0], (*change[1], MIRRORED)) if _has_no_side(change) else change


def _coefficient(should: Rule, changes: tuple[Change, ...], task: Task) -> float:
    own = [change for change in changes if change[0] in ("rate-ignored", "squared-error")]
    return rewritten(should, tuple(own), task).terms[0].coefficient


def _gives(
    should: Rule, changes: tuple[Change, ...], ratio: float | None, applied: Rule, task: Task
) -> bool:
    scaled: Change = ("wrong-learning-rate", (("ratio", ratio),))
    result = rewritten(should, (*changes, scaled) if ratio is not None else changes, task)
    return result.source == applied.source and same_terms(result.terms, applied.terms)


def same_terms(ours: tuple[Term, ...], theirs: tuple[Term, ...]) -> bool:
    """Equal sums: the same products, coefficients within 1e-8, in any order."""
    left = {frozenset(term.factors): term.coefficient for term in ours}
    right = {frozenset(term.factors): term.coefficient for term in theirs}
    return left.keys() == right.keys() and all(
        abs(left[key] - right[key]) <= 1e-8 * abs(left[key]) for key in left
    )


# --- several terms read as one -----------------------------------------------------------


def _as_one_term(applied: Rule) -> Iterator[tuple[Term, tuple[Change, ...]]]:
    """One term from which a misplaced parenthesis, if any, made the applied ones."""
    if len(applied.terms) == 1:
        yield applied.terms[0], ()
    if len(applied.terms) == 2:
        for first, second in permutations(applied.terms):
            for around, (plus, minus) in PARTS.items():
                yield from _closed(first, second, around, plus, minus)


def _closed(
    first: Term, second: Term, around: str, plus: str, minus: str
) -> Iterator[tuple[Term, tuple[Change, ...]]]:
    """``(around)`` put back around what stands in two terms."""
    taken = next((f for f in second.factors if f.symbol == minus), None)
    if taken is None:
        return
    a = Counter(counted(first.factors))
    b = Counter(counted(second.factors))
    if plus:
        twin = replace(taken, symbol=plus, power=1)
        if not a[twin]:
            return
        a[twin] -= 1
    b[replace(taken, power=1)] -= 1
    a, b = +a, +b
    inside = tuple(sorted({f.symbol for f in b - a}))
    outside = tuple(sorted({f.symbol for f in a - b}))
    # A factor that both have must stand in both to the same power, or no reading gives it.
    if any(f.symbol in inside or f.symbol in outside for f in a & b):
        return
    whole = tuple((a | b).elements())
    lost = "error" in outside and not inside
    merged = combine_factors((*whole, Factor(around, taken.index, taken.when)))
    shared = (("around", around), ("inside", inside), ("outside", outside))
    for scale, coefficient, fits in (
        ("both", first.coefficient, second.coefficient == -first.coefficient),
        ("first", first.coefficient, second.coefficient == -1.0),
        ("second", -second.coefficient, first.coefficient == 1.0),
        # With the error, the second one lost its minus.
        ("turned", first.coefficient, second.coefficient == first.coefficient and lost),
    ):
        if fits:
            details: Details = (*shared, ("coefficient", scale))
            yield Term(coefficient, merged), (("misplaced-parenthesis", details),)
