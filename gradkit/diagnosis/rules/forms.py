"""How a rule is best written, of several ways that give the same numbers."""

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
    gather,
)
from gradkit.records.rule import Entry, Factor, Rule, Term
from gradkit.records.task import Task


def own_value(entry: Entry) -> Factor:
    """An entry's own value before the step."""
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
    """How far-fetched a rule is; of equal rules the simplest is told."""
    own = rule.source == Factor(rule.parameter, rule.index, "before")
    cost = 0.0 if own else 1.0 if rule.source is None or rule.source.when == "before" else 1.2
    for term in rule.terms:
        cost += 3.0 if is_usual(term.coefficient, task) else 7.0
        for factor in term.factors:
            late = {"after": 0.3, "recomputed": 0.3}.get(factor.when, 0.0)
            cost += abs(factor.power) * (COSTS.get(factor.symbol, 1.0) + late)
    return cost


def tidy(rule: Rule) -> Rule:
    """Coefficients snapped, equal factors gathered, in a fixed order."""
    terms = [
        Term(snap(term.coefficient), tuple(sorted(gather(term.factors), key=_rank)))
        for term in rule.terms
    ]
    terms.sort(key=lambda term: [*map(_rank, term.factors), (len(ORDER), "", "")])
    return replace(rule, terms=tuple(terms))


ORDER = ("rate", *PER_OUTPUT, W2, W1, B2, B1, *PER_HIDDEN, *PER_INPUT)
"""In which order a product is written."""


def _rank(factor: Factor) -> tuple[int, str, str]:
    return ORDER.index(factor.symbol), factor.when, str(factor.index)


# --- coefficients as somebody would have written them ----------------------------------------

CLOSE = 1e-8
"""Relative; within which a coefficient is one that people write."""

FACTORS = (1.0, 2.0, 0.5, 4.0, 0.25, 3.0)


def is_usual(coefficient: float, task: Task) -> bool:
    """Whether somebody who trains with the task's rates would write this coefficient."""
    size = abs(coefficient)
    return any(
        abs(size - rate * factor) <= CLOSE * size
        for rate in (task.rates.weight, task.rates.bias)
        for factor in FACTORS
    )


def snap(coefficient: float) -> float:
    """A short decimal, where one is close; else without the digits that rounding has left."""
    short = float(f"{coefficient:.6g}")
    close = abs(short - coefficient) <= CLOSE * abs(coefficient)
    return short if close else float(f"{coefficient:.13g}")
