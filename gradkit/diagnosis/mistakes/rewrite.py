"""The update mistakes as changes of a rule: what each does to one entry's formula.

A rewrite takes the rule of one entry, correct or already rewritten, and returns it with
the mistake in it. Composed in the order of `ORDER` they give the rule of any set of
mistakes. What a rewrite needs besides the rule is in its ``details``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.parts import (
    GROUPS,
    PARTS,
    SUMMED,
    exchanged,
    factors_of,
    is_input,
    is_unit,
    is_weight,
    output_index,
    parameter_factor,
    unit_of,
)
from gradkit.diagnosis.rules.symbols import W1, W2, combine_factors
from gradkit.records.rule import Details, Factor, Rule, Term
from gradkit.records.task import Task

WHOLE: Details = (("of", "loss"),)
"""Of a squared error: it is the loss (t − o)² itself, and not −2(t − o) with a square."""

SQUARED: Details = (("loss", "squared_error"),)
"""Of another loss than the task's: it is the squared error."""

MIRRORED = ("written", "o − t")
"""It has the sign of o − t, not the one of t − o: what is left of an error, or minus a gradient."""

Facts = Mapping[str, Any]
Rewrite = Callable[[Rule, Facts, Task], Rule]


def _terms(rule: Rule, change: Callable[[tuple[Factor, ...]], tuple[Factor, ...]]) -> Rule:
    terms = tuple(
        replace(term, factors=combine_factors(change(term.factors))) for term in rule.terms
    )
    return replace(rule, terms=terms)


def each_factor(rule: Rule, change: Callable[[Factor], Factor]) -> Rule:
    """The rule with another factor in the place of each."""
    return _terms(rule, lambda factors: tuple(change(factor) for factor in factors))


# --- order and indices -------------------------------------------------------------------


def _after(rule: Rule, facts: Facts, task: Task) -> Rule:
    return each_factor(rule, lambda f: replace(f, when="after") if f.symbol == W2 else f)


def _reindex(rule: Rule, facts: Facts, task: Task) -> Rule:
    def moved(factor: Factor) -> Factor:
        for group, belongs in GROUPS.items():
            place = facts.get(group)
            if place is not None and belongs(factor) and isinstance(place, int | str):
                rest = factor.index[1:] if group == "weight" else ()
                factor = replace(factor, index=(place, *rest))
        single = facts.get("output")
        if isinstance(single, int) and factor.symbol == W2 and factor.index[1] == "k":
            factor = replace(factor, index=(factor.index[0], single))
        return factor

    return each_factor(rule, moved)


def _sum(rule: Rule, facts: Facts, task: Task) -> Rule:
    letter = str(facts["over"])
    return _reindex(rule, dict.fromkeys(SUMMED[letter], letter), task)


# --- factors -----------------------------------------------------------------------------


def _replace_units(rule: Rule, new: Callable[[int | str, str], tuple[Factor, ...]]) -> Rule:
    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        units = [f for f in factors if is_unit(f)]
        index = units[0].index[0] if units else _weight_unit(factors, unit_of(rule))
        when = units[0].when if units else ""
        return (*(f for f in factors if not is_unit(f)), *new(index, when))

    return _terms(rule, change)


def _weight_unit(factors: tuple[Factor, ...], default: int) -> int | str:
    return next((f.index[0] for f in factors if f.symbol == W2), default)


def _wrong_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    names = facts.get("factors", ())
    return _replace_units(rule, lambda index, when: factors_of(names, (index,), when))


def _extra_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    index = facts.get("index")

    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        place = _weight_unit(factors, unit_of(rule)) if index is None else index
        return (*factors, *factors_of(facts["factors"], (place,)))

    return _terms(rule, change)


def _derivative_elsewhere(rule: Rule, facts: Facts, task: Task) -> Rule:
    where = facts["of"]

    def new(index: int | str, when: str) -> tuple[Factor, ...]:
        if where == "activation":
            return factors_of("hidden_slope", (index,), when)
        if where == "output":
            return factors_of(("output", "output_complement"), (output_index(rule),))
        return factors_of(("input", "input_complement"), (facts["index"],))

    return _replace_units(rule, new)


def _extra_output(rule: Rule, facts: Facts, task: Task) -> Rule:
    names = facts.get("factors", ("output", "output_complement"))
    when = next((f.when for t in rule.terms for f in t.factors if f.symbol == "error"), "")
    return _terms(rule, lambda factors: (*factors, *factors_of(names, (output_index(rule),), when)))


def _no_output_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    known = ("output", "output_complement", "output_derivative")
    if any(f.symbol in known for term in rule.terms for f in term.factors):
        return _without(rule, lambda factor: factor.symbol in known)
    return _extra_output(rule, {"factors": ("output^-1", "output_complement^-1")}, task)


def _error(rule: Rule, facts: Facts, task: Task) -> Rule:
    names = facts.get("factors", ())
    if MIRRORED in facts.items():
        rule = scaled_by(-1.0, rule)

    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        errors = [f for f in factors if f.symbol == "error"]
        when = errors[0].when if errors else ""
        new = factors_of(names, errors[0].index, when) if errors and names else ()
        return (*new, *(f for f in factors if f.symbol != "error"))

    return _terms(rule, change)


def _squared(rule: Rule, facts: Facts, task: Task) -> Rule:
    rule = _error(rule, {**facts, "factors": ("error^2",)}, task)
    return scaled_by(-0.5, rule) if tuple(facts.items()) == WHOLE else rule


def _other_weight(rule: Rule, facts: Facts, task: Task) -> Rule:
    new = parameter_factor(facts["weight"])
    return each_factor(rule, lambda factor: new if factor.symbol == W2 else factor)


def _without(rule: Rule, gone: Callable[[Factor], bool]) -> Rule:
    return _terms(rule, lambda factors: tuple(f for f in factors if not gone(f)))


def _other_input(rule: Rule, facts: Facts, task: Task) -> Rule:
    place: int | str = facts["index"]
    old, symbol = (is_input, "hidden") if rule.parameter == W1 else (is_unit, "input")
    if facts.get("of") == "output":
        symbol = "output"
    return each_factor(rule, lambda factor: Factor(symbol, (place,)) if old(factor) else factor)


def _extra(rule: Rule, facts: Facts, task: Task) -> Rule:
    place = facts.get("index")
    index = () if place is None else place if isinstance(place, tuple) else (place,)
    when = str(facts.get("when", ""))
    return _terms(rule, lambda factors: (*factors, *factors_of(facts["factors"], index, when)))


# --- figures -----------------------------------------------------------------------------


def scaled_by(ratio: float, rule: Rule) -> Rule:
    """The rule with so many times its terms."""
    terms = tuple(replace(t, coefficient=t.coefficient * ratio) for t in rule.terms)
    return replace(rule, terms=terms)


def _scaled(rule: Rule, facts: Facts, task: Task) -> Rule:
    return scaled_by(float(facts["ratio"]), rule)


def _own_rate(rule: Rule, facts: Facts, task: Task) -> Rule:
    rate = task.rates.weight if rule.parameter[0] == "W" else task.rates.bias
    terms = tuple(
        Term(t.coefficient * rate, tuple(f for f in t.factors if f.symbol != "rate"))
        for t in rule.terms
    )
    return replace(rule, terms=terms)


def _parenthesis(rule: Rule, facts: Facts, task: Task) -> Rule:
    """``pre·(a − b)·post`` as ``pre·a − pre·b·post`` or, without any, ``pre·a − b·post``.

    ``inside`` are the factors that only ``b`` got, ``outside`` those that only ``a`` got.
    """
    plus, minus = PARTS[str(facts["around"])]
    inside = set(facts["inside"])
    outside = set(facts.get("outside", ()))
    scale = str(facts.get("coefficient", "both"))
    terms: list[Term] = []
    for term in rule.terms:
        split = next(
            (f for f in term.factors if f.symbol == str(facts["around"]) and f.power == 1), None
        )
        if split is None:
            return rule
        rest = [f for f in term.factors if f != split]
        first = [f for f in rest if f.symbol not in inside]
        second = [f for f in rest if f.symbol not in outside]
        first += [replace(split, symbol=plus)] if plus else []
        second += [replace(split, symbol=minus)]
        one = 1.0 if scale == "second" else term.coefficient
        two = {"first": 1.0, "turned": -term.coefficient}.get(scale, term.coefficient)
        terms += [
            Term(one, combine_factors(tuple(first))),
            Term(-two, combine_factors(tuple(second))),
        ]
    return replace(rule, terms=tuple(terms))


# --- sources and targets -----------------------------------------------------------------


def _gradient(rule: Rule, facts: Facts, task: Task) -> Rule:
    """The slope itself, for which the step has minus the rate; or minus the slope."""
    rate = task.rates.weight if rule.parameter[0] == "W" else task.rates.bias
    step = _own_rate(rule, {}, task) if _follows_the_rate(rule) else rule
    sign = 1.0 if MIRRORED in facts.items() else -1.0
    return replace(scaled_by(sign / rate, step), source=None)


def _follows_the_rate(rule: Rule) -> bool:
    return any(factor.symbol == "rate" for term in rule.terms for factor in term.factors)


def _still(rule: Rule, facts: Facts, task: Task) -> Rule:
    return replace(rule, terms=())


def _same(rule: Rule, facts: Facts, task: Task) -> Rule:
    return rule


REWRITES: Mapping[str, Rewrite] = {
    "wrong-error": _error,
    "squared-error": _squared,
    "missing-error": _error,
    "missing-output-derivative": _no_output_derivative,
    "missing-activation-derivative": _wrong_derivative,
    "wrong-activation-derivative": _wrong_derivative,
    "wrong-derivative-argument": _derivative_elsewhere,
    "missing-input": lambda rule, facts, task: _without(
        rule, is_input if rule.parameter == W1 else is_unit
    ),
    "wrong-weight": _other_weight,
    "missing-weight": lambda rule, facts, task: _without(rule, is_weight),
    "swapped-index": lambda rule, facts, task: _reindex(
        rule, facts or exchanged(*rule.index), task
    ),
    "wrong-index": _reindex,
    "wrong-layer-input": _other_input,
    "bias-sum-axis": _sum,
    "wrong-sum-axis": _sum,
    "extra-output-derivative": _extra_output,
    "wrong-loss": lambda rule, facts, task: scaled_by(2.0, _extra_output(rule, {}, task)),
    "extra-activation-derivative": _extra_derivative,
    "bias-times-input": _extra,
    "extra-factor": _extra,
    "input-mutated": lambda rule, facts, task: _extra(rule, facts, task) if facts else rule,
    "updated-before-use": _after,
    "rate-ignored": _own_rate,
    "wrong-sign": lambda rule, facts, task: scaled_by(-1.0, rule),
    "wrong-factor": _scaled,
    "wrong-learning-rate": _scaled,
    "uneven-learning-rate": _scaled,
    "misplaced-parenthesis": _parenthesis,
    "wrong-source-entry": lambda rule, facts, task: replace(
        rule, source=parameter_factor(facts["source"])
    ),
    "gradient-stored": _gradient,
    "overwritten": lambda rule, facts, task: replace(rule, source=None),
    "wrong-target": _same,
    "not-updated": _still,
    "nothing-updated": _still,
    "copy-dropped": _still,
    "integer-truncation": _same,
}
"""Every update mistake, in the order in which they are composed."""

ORDER = {code: place for place, code in enumerate(REWRITES)}


def rewritten(rule: Rule, changes: tuple[tuple[str, Details], ...], task: Task) -> Rule:
    """One entry's rule with several mistakes in it, composed in the fixed order."""
    for code, details in sorted(changes, key=lambda change: ORDER[change[0]]):
        rule = REWRITES[code](rule, dict(details), task)
    return rule
