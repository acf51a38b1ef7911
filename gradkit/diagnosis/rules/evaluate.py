"""Compute the parameters that rules give for an update step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec import Struct

from gradkit.diagnosis.rules.symbols import PARAMETERS, Table
from gradkit.records.rule import Entry, Factor, Rule, UpdateInputs
from gradkit.records.task import Array, Task


def evaluate(
    task: Task,
    rules: Mapping[Entry, Rule],
    inputs: UpdateInputs,
    given: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Return each parameter (n, …) after the step that formulas describe, for ``n`` calls.

    ``rules`` has the formula of each entry, in the symbols of the net of ``task``, and ``inputs``
    the old parameters and all other values. A formula that uses new values is computed after the
    formulas of these values. Entries without a formula keep the value in ``given`` (parameters by
    name, as in ``inputs.before``), or are NaN without ``given``.

    Raises
    ------
    ValueError
        Two formulas each need the other's new value.
    """
    after = {
        key: np.full_like(value, np.nan) if given is None else np.array(given[key])
        for key, value in inputs.before.items()
    }
    table = Table(task, inputs, after)
    ready, waiting = sort_rules(rules)
    if waiting:
        names = ", ".join(f"{key}[{i},{j}]" for key, (i, j) in sorted(waiting))
        raise ValueError(f"The rules of {names} each need the new value of another.")
    for rule in ready:
        after[rule.parameter][:, *rule.index] = rule_values(table, rule)
    return after


def entries_in_cycles(rules: Mapping[Entry, Rule]) -> set[Entry]:
    """Return the entries whose rules need each other's new values, or those of such entries."""
    return sort_rules(rules)[1]


def sort_rules(rules: Mapping[Entry, Rule]) -> tuple[list[Rule], set[Entry]]:
    """Sort formulas so that each comes after the formulas whose new values it uses.

    ``rules`` has the formula of each entry. Return the sorted formulas, and the entries whose
    formulas cannot be sorted, because they need each other's new values (`entries_in_cycles`).
    """
    new_values_of = {entry: new_values_in(rule) for entry, rule in rules.items()}
    ordered = [rules[entry] for entry, factors in new_values_of.items() if not factors]
    waiting = {entry: factors for entry, factors in new_values_of.items() if factors}
    while ready := [entry for entry in waiting if not _uses_any(waiting[entry], waiting)]:
        ordered += [rules[entry] for entry in ready]
        for entry in ready:
            del waiting[entry]
    return ordered, set(waiting)


def rule_values(table: Table, rule: Rule) -> Array:
    """Return the new value of a rule's entry for each probe of ``table``, shape (n,)."""
    total = np.zeros(len(table.inputs.y)) if rule.source is None else table.column(rule.source)
    for term in rule.terms:
        total = total + table.term(term)
    return total


def new_values_in(rule: Rule) -> list[Factor]:
    """Return the symbols in a rule that stand for new values of parameters, after the step.

    These are factors of its terms and, last, its source: the value to which the change is added.
    """
    new_values = [
        factor for term in rule.terms for factor in term.factors if factor.when == "after"
    ]
    if rule.source is not None and rule.source.when == "after":
        new_values.append(rule.source)
    return new_values


def _uses_any(new_values: Iterable[Factor], waiting: Iterable[Entry]) -> bool:
    """Return whether any of ``new_values`` belongs to an entry that is still ``waiting``.

    An entry waits until the new values that its formula uses are computed.
    """
    return any(_is_parameter_entry(factor, entry) for factor in new_values for entry in waiting)


def _is_parameter_entry(factor: Factor, entry: Entry) -> bool:
    """Return whether a factor is the parameter entry ``entry``: ``W2[0,k]`` is every ``W2[0,…]``.

    Index letters such as ``k`` match every number. Inputs, targets and stages are no entries.
    """
    return (
        factor.symbol == entry[0]
        and factor.symbol in PARAMETERS
        and all(
            isinstance(axis, str) or axis == place
            for axis, place in zip(factor.index, entry[1], strict=True)
        )
    )


# --- tolerances ------------------------------------------------------------------------------


class Precision(Struct, frozen=True):
    """Tolerance within which two values count as equal.

    The deviation may be ``exact`` times the entry's change, plus ``rounding`` times its largest
    value for what is lost by storing it.
    """

    exact: float
    rounding: float


DOUBLE = Precision(1e-9, 8 * float(np.finfo(np.float64).eps))

SINGLE = Precision(32 * float(np.finfo(np.float32).eps), DOUBLE.rounding)
"""For steps with float32 somewhere in the computation."""

STORED = Precision(SINGLE.exact, 2 * float(np.finfo(np.float32).eps))
"""For parameters that are float32 themselves."""


def agree(predicted: Array, observed: Array, before: Array, precision: Precision = DOUBLE) -> bool:
    """Return whether predicted and observed new values of an entry are equal in every call.

    All arrays have a value for each call; ``before`` has the old values. The tolerance is that of
    ``precision``, relative to the largest change, or to the largest value if that is smaller: after
    an assignment instead of an update, the new value may be tiny beside the old one. False if a
    value is not finite.
    """
    if not np.all(np.isfinite(predicted)) or not np.all(np.isfinite(observed)):
        return False
    size = max(
        min(np.abs(values - before).max(), np.abs(values).max()) for values in (predicted, observed)
    )
    rounding = precision.rounding * max(np.abs(observed).max(), np.abs(before).max())
    return bool(np.abs(predicted - observed).max() <= precision.exact * size + rounding)
