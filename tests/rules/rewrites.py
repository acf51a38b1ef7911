"""Rewrite the right formulas of an update step such that they have given mistakes.

The diagnosis compares formulas and never rewrites them. So tests can make a mistake here and look
for it there. ``REWRITES`` has a rewrite for every code; the ``details`` of a mistake are the
rewrite's parameters. Several mistakes are made in the order of ``REWRITES``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from gradkit.diagnosis.formulas.compare import MIRRORED, PARENTHESES, SUMS
from gradkit.diagnosis.formulas.records import WHOLE, parse_factors, parse_parameter, target_of
from gradkit.diagnosis.formulas.truncation import truncate
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.diagnosis.rules.symbols import (
    B1,
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W1,
    W2,
    combine_factors,
)
from gradkit.records.rule import Details, Entry, Factor, Rule, Slip, Term, UpdateInputs
from gradkit.records.task import Array, Task

SQUARED: Details = (("loss", "squared_error"),)
"""Detail of ``wrong-loss``: the squared error is used."""

Facts = Mapping[str, Any]
Rewrite = Callable[[Rule, Facts, Task], Rule]


def is_output(factor: Factor) -> bool:
    """Return whether a factor is computed from y or ŷ."""
    return factor.symbol in PER_OUTPUT


def is_weight(factor: Factor) -> bool:
    """Return whether a factor is a parameter's entry."""
    return factor.symbol in PARAMETERS


def is_unit(factor: Factor) -> bool:
    """Return whether a factor is computed from a hidden unit's value.

    In layer 1 this is the derivative, in layer 2 the input.
    """
    return factor.symbol in PER_HIDDEN


def is_input(factor: Factor) -> bool:
    """Return whether a factor is computed from X."""
    return factor.symbol in PER_INPUT


def is_in_hidden_layer(rule: Rule) -> bool:
    """Return whether a rule's entry belongs to layer 1."""
    return rule.parameter in (W1, B1)


def unit_of(rule: Rule) -> int:
    """Return the hidden unit that an entry of layer 1 belongs to, or that W2's entry reads."""
    return rule.index[1] if rule.parameter == W1 else rule.index[0]


def output_index(rule: Rule) -> int | str:
    """Return the index of the rule's output error, or the letter of the sum over outputs."""
    for term in rule.terms:
        for factor in term.factors:
            if is_output(factor):
                return factor.index[0]
    if is_in_hidden_layer(rule):
        weights = (f for term in rule.terms for f in term.factors if f.symbol == W2)
        return next((f.index[1] for f in weights), 0)
    return rule.index[1] if rule.parameter == W2 else rule.index[0]


def _has_symbol(symbol: str) -> Callable[[Factor], bool]:
    """Return a test whether a factor has this symbol."""
    return lambda factor: factor.symbol == symbol


GROUPS: Mapping[str, Callable[[Factor], bool]] = {
    "output": is_output,
    "weight": lambda factor: factor.symbol == W2,
    "unit": is_unit,
    "input": is_input,
    **{symbol: _has_symbol(symbol) for symbol in PER_HIDDEN},
}
"""The parts of a product whose index can be wrong on its own."""


def swapped_indices(i: int, j: int) -> dict[str, int]:
    """Return the index of each part of an entry of layer 1 after its two indices are swapped."""
    return {"weight": i, "unit": i, "input": j}


def _change_factors(rule: Rule, change: Callable[[tuple[Factor, ...]], tuple[Factor, ...]]) -> Rule:
    """Return the rule with ``change`` applied to the tuple of factors of each term."""
    terms = tuple(
        replace(term, factors=combine_factors(change(term.factors))) for term in rule.terms
    )
    return replace(rule, terms=terms)


def change_each_factor(rule: Rule, change: Callable[[Factor], Factor]) -> Rule:
    """Return the rule with ``change`` applied to each factor."""
    return _change_factors(rule, lambda factors: tuple(change(factor) for factor in factors))


# --- order and indices -------------------------------------------------------------------


def _use_new_weights(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with W2 after the step in place of W2 before."""
    return change_each_factor(rule, lambda f: replace(f, when="after") if f.symbol == W2 else f)


def _reindex(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with other indices: ``facts`` has the new index of each part, by its name."""

    def moved(factor: Factor) -> Factor:
        """Return a factor with the index that ``facts`` has for its part."""
        for group, belongs in GROUPS.items():
            place = facts.get(group)
            if place is not None and belongs(factor) and isinstance(place, int | str):
                rest = factor.index[1:] if group == "weight" else ()
                factor = replace(factor, index=(place, *rest))
        single = facts.get("output")
        if isinstance(single, int) and factor.symbol == W2 and factor.index[1] == "k":
            factor = replace(factor, index=(factor.index[0], single))
        return factor

    return change_each_factor(rule, moved)


def _sum_over_axis(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with a sum over the axis ``facts["over"]``."""
    letter = str(facts["over"])
    return _reindex(rule, dict.fromkeys(SUMS[letter], letter), task)


# --- factors -----------------------------------------------------------------------------


def _replace_unit_factors(rule: Rule, new: Callable[[int | str, str], tuple[Factor, ...]]) -> Rule:
    """Return the rule with all factors of hidden units replaced by ``new(index, when)``."""

    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        units = [f for f in factors if is_unit(f)]
        index = units[0].index[0] if units else _weight_unit(factors, unit_of(rule))
        when = units[0].when if units else ""
        return (*(f for f in factors if not is_unit(f)), *new(index, when))

    return _change_factors(rule, change)


def _weight_unit(factors: tuple[Factor, ...], default: int) -> int | str:
    """Return the hidden unit of the W2 factor, or the default without such a factor."""
    return next((f.index[0] for f in factors if f.symbol == W2), default)


def _replace_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with other factors, or none, in place of the hidden derivative."""
    names = facts.get("factors", ())
    return _replace_unit_factors(rule, lambda index, when: parse_factors(names, (index,), when))


def _add_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with additional factors of a hidden unit."""
    index = facts.get("index")

    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        place = _weight_unit(factors, unit_of(rule)) if index is None else index
        return (*factors, *parse_factors(facts["factors"], (place,)))

    return _change_factors(rule, change)


def _move_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with the derivative taken at A, at the output, or at the input."""
    where = facts["of"]

    def new(index: int | str, when: str) -> tuple[Factor, ...]:
        """Return the factors of the derivative at another value."""
        if where == "activation":
            return parse_factors("hidden_slope", (index,), when)
        if where == "output":
            return parse_factors(("output", "output_complement"), (output_index(rule),))
        return parse_factors(("input", "input_complement"), (facts["index"],))

    return _replace_unit_factors(rule, new)


def _add_output_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with an additional derivative of the output."""
    names = facts.get("factors", ("output", "output_complement"))
    when = next((f.when for t in rule.terms for f in t.factors if f.symbol == "error"), "")
    return _change_factors(
        rule, lambda factors: (*factors, *parse_factors(names, (output_index(rule),), when))
    )


def _remove_output_derivative(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule without the derivative of the output activation."""
    known = ("output", "output_complement", "output_derivative")
    if any(f.symbol in known for term in rule.terms for f in term.factors):
        return _remove_factors(rule, lambda factor: factor.symbol in known)
    return _add_output_derivative(rule, {"factors": ("output^-1", "output_complement^-1")}, task)


def _replace_error(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with other factors, or none, in place of the error."""
    names = facts.get("factors", ())
    if MIRRORED in facts.items():
        rule = scale_rule(-1.0, rule)

    def change(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        errors = [f for f in factors if f.symbol == "error"]
        when = errors[0].when if errors else ""
        new = parse_factors(names, errors[0].index, when) if errors and names else ()
        return (*new, *(f for f in factors if f.symbol != "error"))

    return _change_factors(rule, change)


def _square_error(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with a squared error; for `WHOLE`, with the loss as its own derivative."""
    rule = _replace_error(rule, {**facts, "factors": ("error^2",)}, task)
    return scale_rule(-0.5, rule) if tuple(facts.items()) == WHOLE else rule


def _replace_weight(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with another parameter's entry in place of W2."""
    new = parse_parameter(facts["weight"])
    return change_each_factor(rule, lambda factor: new if factor.symbol == W2 else factor)


def _remove_factors(rule: Rule, gone: Callable[[Factor], bool]) -> Rule:
    """Return the rule without the factors for which ``gone`` is true."""
    return _change_factors(rule, lambda factors: tuple(f for f in factors if not gone(f)))


def _replace_input(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with the input of another layer, or the layer's output, as its input."""
    place: int | str = facts["index"]
    old, symbol = (is_input, "hidden") if rule.parameter == W1 else (is_unit, "input")
    if facts.get("of") == "output":
        symbol = "output"
    return change_each_factor(
        rule, lambda factor: Factor(symbol, (place,)) if old(factor) else factor
    )


def _add_factors(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with the additional factors in ``facts``."""
    place = facts.get("index")
    index = () if place is None else place if isinstance(place, tuple) else (place,)
    when = str(facts.get("when", ""))
    return _change_factors(
        rule, lambda factors: (*factors, *parse_factors(facts["factors"], index, when))
    )


# --- constants ---------------------------------------------------------------------------


def scale_rule(ratio: float, rule: Rule) -> Rule:
    """Return the rule with all coefficients multiplied by ``ratio``."""
    terms = tuple(replace(t, coefficient=t.coefficient * ratio) for t in rule.terms)
    return replace(rule, terms=terms)


def _scale_by_detail(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with all coefficients multiplied by ``facts["ratio"]``."""
    return scale_rule(float(facts["ratio"]), rule)


def _use_task_rate(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule with the task's learning rate instead of the function's argument."""
    rate = task.rates.weight if rule.parameter[0] == "W" else task.rates.bias
    terms = tuple(
        Term(t.coefficient * rate, tuple(f for f in t.factors if f.symbol != "rate"))
        for t in rule.terms
    )
    return replace(rule, terms=terms)


def _misplace_parenthesis(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return ``pre·(a − b)·post`` as ``pre·a − pre·b·post`` or ``pre·a − b·post``.

    ``facts["inside"]`` are the factors that only ``b`` has, ``facts["outside"]`` those that only
    ``a`` has.
    """
    plus, minus = PARENTHESES[str(facts["around"])]
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


def _store_gradient(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule that stores the gradient, or its negative if mirrored, as the parameter."""
    rate = task.rates.weight if rule.parameter[0] == "W" else task.rates.bias
    step = _use_task_rate(rule, {}, task) if _has_rate(rule) else rule
    sign = 1.0 if MIRRORED in facts.items() else -1.0
    return replace(scale_rule(sign / rate, step), source=None)


def _has_rate(rule: Rule) -> bool:
    """Return whether a rule contains the learning rate."""
    return any(factor.symbol == "rate" for term in rule.terms for factor in term.factors)


def _remove_change(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule that keeps the old value."""
    return replace(rule, terms=())


def _keep(rule: Rule, facts: Facts, task: Task) -> Rule:
    """Return the rule unchanged: the mistake is applied elsewhere."""
    return rule


REWRITES: Mapping[str, Rewrite] = {
    "wrong-error": _replace_error,
    "squared-error": _square_error,
    "missing-error": _replace_error,
    "missing-output-derivative": _remove_output_derivative,
    "missing-activation-derivative": _replace_derivative,
    "wrong-activation-derivative": _replace_derivative,
    "wrong-derivative-argument": _move_derivative,
    "missing-input": lambda rule, facts, task: _remove_factors(
        rule, is_input if rule.parameter == W1 else is_unit
    ),
    "wrong-weight": _replace_weight,
    "missing-weight": lambda rule, facts, task: _remove_factors(rule, is_weight),
    "swapped-index": lambda rule, facts, task: _reindex(
        rule, facts or swapped_indices(*rule.index), task
    ),
    "wrong-index": _reindex,
    "wrong-layer-input": _replace_input,
    "bias-sum-axis": _sum_over_axis,
    "wrong-sum-axis": _sum_over_axis,
    "extra-output-derivative": _add_output_derivative,
    "wrong-loss": lambda rule, facts, task: scale_rule(2.0, _add_output_derivative(rule, {}, task)),
    "extra-activation-derivative": _add_derivative,
    "bias-times-input": _add_factors,
    "extra-factor": _add_factors,
    "input-mutated": lambda rule, facts, task: _add_factors(rule, facts, task) if facts else rule,
    "updated-before-use": _use_new_weights,
    "rate-ignored": _use_task_rate,
    "wrong-sign": lambda rule, facts, task: scale_rule(-1.0, rule),
    "wrong-factor": _scale_by_detail,
    "wrong-learning-rate": _scale_by_detail,
    "uneven-learning-rate": _scale_by_detail,
    "misplaced-parenthesis": _misplace_parenthesis,
    "wrong-source-entry": lambda rule, facts, task: replace(
        rule, source=parse_parameter(facts["source"])
    ),
    "gradient-stored": _store_gradient,
    "overwritten": lambda rule, facts, task: replace(rule, source=None),
    "wrong-target": _keep,
    "not-updated": _remove_change,
    "nothing-updated": _remove_change,
    "copy-dropped": _remove_change,
    "integer-truncation": _keep,
}
"""Every update mistake, in the order in which they are composed."""

ORDER = {code: place for place, code in enumerate(REWRITES)}


def rewrite(rule: Rule, changes: tuple[tuple[str, Details], ...], task: Task) -> Rule:
    """Return an entry's rule with several mistakes in it, applied in the fixed order."""
    for code, details in sorted(changes, key=lambda change: ORDER[change[0]]):
        rule = REWRITES[code](rule, dict(details), task)
    return rule


def apply(task: Task, slips: Iterable[Slip], inputs: UpdateInputs) -> dict[str, Array]:
    """Return the parameters after one step with exactly these mistakes.

    Parameters
    ----------
    task : Task
    slips : iterable of Slip
        Empty for the correct step.
    inputs : UpdateInputs

    Returns
    -------
    dict
        Each parameter after the step, shapes as in ``inputs.before``.

    """
    slips = tuple(slips)
    rules = rewrite_rules(task, correct_rules(task, rate=inputs.rate is not None), slips)
    return truncate_entries(task, slips, inputs, evaluate(task, rules, inputs))


def rewrite_rules(
    task: Task, should: Mapping[Entry, Rule], slips: Iterable[Slip]
) -> dict[Entry, Rule]:
    """Return the rules ``should`` with these mistakes in them."""
    changes = changes_by_entry(slips)
    rules = {
        entry: rewrite(rule, tuple(changes.get(entry, ())), task) for entry, rule in should.items()
    }
    for entry, made in changes.items():
        for code, details in made:
            if code == "wrong-target":
                target = target_of(details)
                moved = rules[entry]
                own = should[entry].source
                terms = (*rules[target].terms, *moved.terms)
                rules[target] = replace(rules[target], terms=terms)
                rules[entry] = replace(moved, terms=(), source=own)
    return rules


def changes_by_entry(slips: Iterable[Slip]) -> dict[Entry, list[tuple[str, Details]]]:
    """Return the mistakes at each entry, as codes with their details."""
    changes: dict[Entry, list[tuple[str, Details]]] = {}
    for slip in slips:
        for entry, details in zip(slip.entries, slip.details, strict=True):
            changes.setdefault(entry, []).append((slip.code, details))
    return changes


def truncate_entries(
    task: Task, slips: Iterable[Slip], inputs: UpdateInputs, after: dict[str, Array]
) -> dict[str, Array]:
    """Truncate the entries of ``integer-truncation`` in ``after``, which no formula expresses."""
    for slip in slips:
        if slip.code != "integer-truncation":
            continue
        for (key, place), details in zip(slip.entries, slip.details, strict=True):
            where = (slice(None), *place)
            before, value = inputs.before[key][where], after[key][where]
            of = str(dict(details).get("of", "value"))
            after[key][where] = truncate(task, inputs, key, before, value, of)
    return after
