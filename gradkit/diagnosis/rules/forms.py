"""Choose and normalise the simplest of several equal ways to write a rule."""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.diagnosis.rules.symbols import (
    B1,
    B2,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W1,
    W2,
    combine_factors,
)
from gradkit.records.rule import Entry, Factor, Rule, Term
from gradkit.records.task import Task


def value_before(entry: Entry) -> Factor:
    """Return the factor for an entry's own value before the step."""
    return Factor(entry[0], entry[1], "before")


COSTS = {
    "hidden_excess": 2.0,
    "hidden_again": 2.0,
    "hidden_slope": 1.5,
    "output_slope": 1.5,
    "input_complement": 2.0,
    "target": 1.5,
    "output": 1.5,
    W1: 4.0,
    B1: 4.0,
    B2: 4.0,
}


def complexity(rule: Rule, task: Task) -> float:
    """Return a cost of a rule, by which the most usual of several equal rules is chosen.

    The cost is higher for coefficients that are no simple multiple of a learning rate of ``task``,
    for unusual symbols such as ``hidden_slope``, for values from after the step, and for a source
    (the value to which the change is added) that is not the entry's own old value.
    """
    own = rule.source == Factor(rule.parameter, rule.index, "before")
    cost = 0.0 if own else 1.0 if rule.source is None or rule.source.when == "before" else 1.2
    for term in rule.terms:
        cost += 3.0 if is_usual_coefficient(term.coefficient, task) else 7.0
        for factor in term.factors:
            late = {"after": 0.3, "recomputed": 0.3}.get(factor.when, 0.0)
            cost += abs(factor.power) * (COSTS.get(factor.symbol, 1.0) + late)
    return cost


def normalize_rule(rule: Rule) -> Rule:
    """Round a rule's coefficients, combine equal factors to powers, and sort factors and terms.

    Equal rules become identical.
    """
    terms = [
        Term(
            round_coefficient(term.coefficient),
            tuple(sorted(combine_factors(term.factors), key=_rank)),
        )
        for term in rule.terms
    ]
    terms.sort(key=lambda term: [*map(_rank, term.factors), (len(ORDER), "", "")])
    return replace(rule, terms=tuple(terms))


ORDER = ("rate", *PER_OUTPUT, W2, W1, B2, B1, *PER_HIDDEN, *PER_INPUT)
"""The order in which the factors of a product are written."""


def _rank(factor: Factor) -> tuple[int, str, str]:
    """Return the sort key of a factor within a product."""
    return ORDER.index(factor.symbol), factor.when, str(factor.index)


# --- coefficients ----------------------------------------------------------------------------

CLOSE = 1e-8
"""Relative tolerance within which a coefficient counts as the round number next to it."""

FACTORS = (1.0, 2.0, 0.5, 4.0, 0.25, 3.0)


def is_usual_coefficient(coefficient: float, task: Task) -> bool:
    """Return whether a coefficient is a learning rate of the task times 1, 2, 3, 4, 1/2 or 1/4.

    Its sign is ignored.
    """
    size = abs(coefficient)
    return any(
        abs(size - rate * factor) <= CLOSE * size
        for rate in (task.rates.weight, task.rates.bias)
        for factor in FACTORS
    )


def round_coefficient(coefficient: float) -> float:
    """Return the nearest decimal of 6 digits if it is equal but for rounding, else 13 digits."""
    short = float(f"{coefficient:.6g}")
    close = abs(short - coefficient) <= CLOSE * abs(coefficient)
    return short if close else float(f"{coefficient:.13g}")
