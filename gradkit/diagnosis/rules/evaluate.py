"""Run rules: from inputs to the parameters after the step."""

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
    """Each parameter after the step that ``rules`` describe.

    An entry whose rule mentions values ``after`` the step waits for those, as the student's
    statement did. Entries without a rule keep the values ``given`` for them, or come out
    as NaN.

    Raises
    ------
    ValueError
        Two rules wait for each other: no order of statements gives them.
    """
    after = {
        key: np.full_like(value, np.nan) if given is None else np.array(given[key])
        for key, value in inputs.before.items()
    }
    table = Table(task, inputs, after)
    ready, waiting = in_order(rules)
    if waiting:
        names = ", ".join(f"{key}[{i},{j}]" for key, (i, j) in sorted(waiting))
        raise ValueError(f"The rules of {names} each wait for another's value after the step.")
    for rule in ready:
        after[rule.parameter][:, *rule.index] = value_of(table, rule)
    return after


def waiting_in_circles(rules: Mapping[Entry, Rule]) -> set[Entry]:
    """The entries of which none can be computed before another of them."""
    return in_order(rules)[1]


def in_order(rules: Mapping[Entry, Rule]) -> tuple[list[Rule], set[Entry]]:
    """Rules such that each comes after those it waits for; and the entries left over."""
    late = {entry: late_in(rule) for entry, rule in rules.items()}
    ordered = [rules[entry] for entry, factors in late.items() if not factors]
    waiting = {entry: factors for entry, factors in late.items() if factors}
    while ready := [entry for entry in waiting if not _needs(waiting[entry], waiting)]:
        ordered += [rules[entry] for entry in ready]
        for entry in ready:
            del waiting[entry]
    return ordered, set(waiting)


def value_of(table: Table, rule: Rule) -> Array:
    """What the rule gives in every probe of ``table``, shape (n,)."""
    total = np.zeros(len(table.inputs.y)) if rule.source is None else table.column(rule.source)
    for term in rule.terms:
        total = total + table.term(term)
    return total


def late_in(rule: Rule) -> list[Factor]:
    """The values after the step that a rule waits for."""
    late = [f for term in rule.terms for f in term.factors if f.when == "after"]
    if rule.source is not None and rule.source.when == "after":
        late.append(rule.source)
    return late


def _needs(late: Iterable[Factor], waiting: Iterable[Entry]) -> bool:
    return any(_matches(factor, entry) for factor in late for entry in waiting)


def _matches(factor: Factor, entry: Entry) -> bool:
    return (
        factor.symbol == entry[0]
        and factor.symbol in PARAMETERS
        and all(
            isinstance(axis, str) or axis == place
            for axis, place in zip(factor.index, entry[1], strict=True)
        )
    )


# --- what counts as equal --------------------------------------------------------------------


class Precision(Struct, frozen=True):
    """What counts as equal.

    A rule verifies to ``exact``, relative to what an entry moved, plus ``rounding``,
    relative to its largest value: that is what storing it loses.
    """

    exact: float
    rounding: float


DOUBLE = Precision(1e-9, 8 * float(np.finfo(np.float64).eps))

SINGLE = Precision(32 * float(np.finfo(np.float32).eps), DOUBLE.rounding)
"""For steps that went through float32 somewhere."""

STORED = Precision(SINGLE.exact, 2 * float(np.finfo(np.float32).eps))
"""For parameters that are float32 themselves."""


def agree(ours: Array, theirs: Array, before: Array, precision: Precision = DOUBLE) -> bool:
    """Whether an entry's new values are the same in every probe.

    A deviation is held against its largest change, or value if smaller: an overwritten entry loses
    its old value, beside which the new one may be tiny.
    """
    if not np.all(np.isfinite(ours)) or not np.all(np.isfinite(theirs)):
        return False
    size = max(min(np.abs(each - before).max(), np.abs(each).max()) for each in (ours, theirs))
    rounding = precision.rounding * max(np.abs(theirs).max(), np.abs(before).max())
    return bool(np.abs(ours - theirs).max() <= precision.exact * size + rounding)
