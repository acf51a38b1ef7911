"""Compare the rule that an entry follows with its correct rule, and list the mistakes between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import permutations

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import DIFFERENCES, Change, write_parameter
from gradkit.diagnosis.mistakes.rewrite import MIRRORED, WHOLE, rewrite
from gradkit.diagnosis.mistakes.slots import part_mistakes, repeat_factors, replacements
from gradkit.diagnosis.rules.symbols import combine_factors
from gradkit.records.rule import Details, Entry, Factor, Rule, Term
from gradkit.records.task import Task


class Difference(Struct, frozen=True):
    """Mistakes that turn the correct rule into the applied one, up to a ``ratio``.

    ``ratio`` is the applied coefficient divided by the correct one, None where nothing moves.
    ``form`` is the way of writing the applied rule that was compared.
    """

    changes: tuple[Change, ...]
    ratio: float | None
    form: Rule

    @property
    def uses_loss_as_gradient(self) -> bool:
        """True if the squared error itself is used as its derivative, without −2."""
        return ("squared-error", WHOLE) in self.changes


MAX_CHANGES = 4
"""A product with more mistakes has too little of the correct one for them to mean anything."""

WITHOUT_ERROR = ("wrong-error", "squared-error", "missing-error")
"""Mistakes after which a product no longer contains y − ŷ."""

Readings = dict[Entry, Difference]
"""One difference for each entry."""


def differences(should: Rule, applied: Rule, task: Task) -> list[Difference]:
    """Return the sets of mistakes that turn ``should`` into ``applied``, fewest mistakes first.

    Each set is verified by rewriting ``should``. The caller explains the ratios, which needs all
    entries.
    """
    found: list[Difference] = []
    for form in (applied, *applied.others):
        source = source_change(should, form)
        if not form.terms:
            found.append(Difference((*source, ("not-updated", ())), None, form))
        for term, changes in _merge_terms(form):
            for difference in term_differences(should, term, task):
                every = (*source, *difference.changes, *changes)
                found += _read_as_gradient(should, every, difference.ratio, form, task)
                if _verifies(should, every, difference.ratio, form, task):
                    found.append(Difference(every, difference.ratio, form))
    return sorted(found, key=_sort_key)


def _read_as_gradient(
    should: Rule, every: tuple[Change, ...], ratio: float | None, form: Rule, task: Task
) -> Iterator[Difference]:
    """Yield the reading in which the gradient is stored instead of a step from the old value.

    At a rate of 1 both are equal and it counts as a step. Without an error, as in ``W2 = A1``, it
    is no gradient.
    """
    if every[:1] != (("overwritten", ()),) or ratio is None or abs(ratio) == 1:
        return
    # A gradient has no learning rate.
    rest = tuple(change for change in every[1:] if change[0] != "rate-ignored")
    if any(code in WITHOUT_ERROR for code, _ in rest):
        return
    for details in ((), (MIRRORED,)):
        changes = (("gradient-stored", details), *rest)
        if _verifies(should, changes, 1.0, form, task):
            yield Difference(changes, 1.0, form)


def _sort_key(difference: Difference) -> tuple[int, bool]:
    """Return the sort key: few mistakes first, then no sign error."""
    return len(difference.changes), difference.ratio is not None and difference.ratio < 0


def source_change(should: Rule, applied: Rule) -> tuple[Change, ...]:
    """Return the mistake by which a rule starts from another value than the entry's own, if any."""
    if applied.source == should.source:
        return ()
    if applied.source is None:
        return (("overwritten", ()),)
    return (("wrong-source-entry", (("source", write_parameter(applied.source)),)),)


def term_differences(should: Rule, term: Term, task: Task) -> list[Difference]:
    """Return the `differences` if ``term`` were the only term of the applied rule."""
    found = []
    for factors, assumed in replacements(should, term.factors):
        for changes in _with_loss_as_gradient(part_mistakes(should, factors), task):
            every = (*changes, *assumed)
            if len(every) > MAX_CHANGES:
                continue
            ratio = term.coefficient / _expected_coefficient(should, every, task)
            if ratio < 0 and any(_has_no_sign(change) for change in every):
                every, ratio = tuple(map(_as_mirrored, every)), -ratio
            form = replace(should, terms=(term,))
            if _verifies(should, every, ratio, form, task):
                found.append(Difference(every, ratio, form))
    return sorted(found, key=_sort_key)


def _with_loss_as_gradient(readings: list[list[Change]], task: Task) -> Iterator[list[Change]]:
    """Yield the readings; before each with a squared error, one with the loss as its gradient.

    In that reading the missing −2 is no mistake of its own.
    """
    for changes in readings:
        if task.loss == "squared_error" and ("squared-error", ()) in changes:
            yield [("squared-error", WHOLE) if c == ("squared-error", ()) else c for c in changes]
        yield changes


def _has_no_sign(change: Change) -> bool:
    """Return whether a mistake leaves too little of y − ŷ to tell a sign error.

    What is left may come from y − ŷ in a step that is added, or from ŷ − y in one that is
    subtracted.
    """
    code, details = change
    return code in WITHOUT_ERROR and details != WHOLE


def _as_mirrored(change: Change) -> Change:
    """Return the change, marked as coming from ŷ − y if it leaves no sign."""
    return (change[0], (*change[1], MIRRORED)) if _has_no_sign(change) else change


def _expected_coefficient(should: Rule, changes: tuple[Change, ...], task: Task) -> float:
    """Return the correct coefficient after the changes that affect it."""
    own = [change for change in changes if change[0] in ("rate-ignored", "squared-error")]
    return rewrite(should, tuple(own), task).terms[0].coefficient


def _verifies(
    should: Rule, changes: tuple[Change, ...], ratio: float | None, applied: Rule, task: Task
) -> bool:
    """Return whether rewriting ``should`` by the changes and the ratio gives ``applied``."""
    scaled: Change = ("wrong-learning-rate", (("ratio", ratio),))
    result = rewrite(should, (*changes, scaled) if ratio is not None else changes, task)
    return result.source == applied.source and same_terms(result.terms, applied.terms)


def same_terms(left_terms: tuple[Term, ...], right_terms: tuple[Term, ...]) -> bool:
    """Return whether two sums have the same products, with equal coefficients, in any order."""
    left = {frozenset(term.factors): term.coefficient for term in left_terms}
    right = {frozenset(term.factors): term.coefficient for term in right_terms}
    return left.keys() == right.keys() and all(
        abs(left[key] - right[key]) <= 1e-8 * abs(left[key]) for key in left
    )


# --- several terms read as one -----------------------------------------------------------


def _merge_terms(applied: Rule) -> Iterator[tuple[Term, tuple[Change, ...]]]:
    """Yield a single term that the rule is, or that becomes its two by a misplaced parenthesis."""
    if len(applied.terms) == 1:
        yield applied.terms[0], ()
    if len(applied.terms) == 2:
        for first, second in permutations(applied.terms):
            for around, (plus, minus) in DIFFERENCES.items():
                yield from _restore_parenthesis(first, second, around, plus, minus)


def _restore_parenthesis(
    first: Term, second: Term, around: str, plus: str, minus: str
) -> Iterator[tuple[Term, tuple[Change, ...]]]:
    """Yield the term with the parenthesis ``around`` = (plus − minus) restored from two terms."""
    taken = next((f for f in second.factors if f.symbol == minus), None)
    if taken is None:
        return
    a = Counter(repeat_factors(first.factors))
    b = Counter(repeat_factors(second.factors))
    if plus:
        twin = replace(taken, symbol=plus, power=1)
        if not a[twin]:
            return
        a[twin] -= 1
    b[replace(taken, power=1)] -= 1
    a, b = +a, +b
    inside = tuple(sorted({f.symbol for f in b - a}))
    outside = tuple(sorted({f.symbol for f in a - b}))
    # A common factor must have the same power in both terms.
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
        # The second term lost its minus together with the error.
        ("turned", first.coefficient, second.coefficient == first.coefficient and lost),
    ):
        if fits:
            details: Details = (*shared, ("coefficient", scale))
            yield Term(coefficient, merged), (("misplaced-parenthesis", details),)
