"""Run the correct update step with mistakes in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import require_one_of
from gradkit.diagnosis.mistakes.parts import target_of
from gradkit.diagnosis.mistakes.rewrite import REWRITES, rewrite
from gradkit.diagnosis.rules.draw import to_columns
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.records.rule import Details, Entry, Rule, Slip, UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.oracle import rate_of

INTEGER_TOLERANCE = 1e-9
"""Distance from an integer within which a number counts as this integer."""


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

    Raises
    ------
    ValueError
        A slip's code is no update mistake, or its entries and details do not pair up.
    """
    slips = tuple(slips)
    rules = rewrite_rules(task, correct_rules(task, rate=inputs.rate is not None), slips)
    return truncate_entries(task, slips, inputs, evaluate(task, rules, inputs))


def rewrite_rules(
    task: Task, should: Mapping[Entry, Rule], slips: Iterable[Slip]
) -> dict[Entry, Rule]:
    """Return the rules ``should`` with these mistakes in them.

    Raises
    ------
    ValueError
        See `apply`.
    """
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
        require_one_of(REWRITES, slip.code, "an update step")
        if len(slip.entries) != len(slip.details):
            raise ValueError(
                f"{slip.code}: {len(slip.entries)} entries and {len(slip.details)} items of "
                f"details; give one for each entry."
            )
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


def truncate(
    task: Task, inputs: UpdateInputs, key: str, before: Array, after: Array, of: str
) -> Array:
    """Return an entry's new values after truncation to an integer.

    ``of`` says what is truncated: its ``value``, its ``change``, or its ``gradient``. ``key`` is
    the parameter, for its learning rate.
    """
    if of == "value":
        return np.trunc(after)
    rate = rate_of(task, key, to_columns(inputs)) if of == "gradient" else 1.0
    # Rounding must not turn 2.9999999999999996 into 2.
    steps = (after - before) / rate
    whole = np.where(
        np.abs(steps - np.round(steps)) < INTEGER_TOLERANCE, np.round(steps), np.trunc(steps)
    )
    return before + rate * whole
