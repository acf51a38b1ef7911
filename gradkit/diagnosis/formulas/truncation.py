"""Recognise entries that are right but for a conversion to integers, which no formula expresses."""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.formulas.records import Changes
from gradkit.diagnosis.rules.draw import to_columns
from gradkit.diagnosis.rules.evaluate import agree, rule_values
from gradkit.diagnosis.rules.symbols import Table
from gradkit.records.rule import Entry, Rule, UpdateInputs, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.task.oracle import rate_of

TOLERANCE = 1e-9
"""Distance from an integer within which a number counts as this integer."""


CODE = "integer-truncation"
"""The code of this mistake."""


def truncated_parts(changes: Changes) -> dict[Entry, str]:
    """Return for each truncated entry the part that is cut to an integer.

    The part is ``value``, ``change`` or ``gradient``. Entries without a change of code `CODE` are
    left out.
    """
    return {
        entry: str(dict(change.details)["of"])
        for entry, made in changes.items()
        for change in made
        if change.code == CODE
    }


def truncated_part(task: Task, right: Rule, *observed: UpdateProbes) -> str:
    """Return the part of an entry that is truncated to an integer in all ``observed`` calls.

    ``right`` is the entry's right formula. The part is the new ``value``, the ``change``, or the
    ``gradient``; "" if none is truncated.
    """
    for part in ("value", "change", "gradient"):
        if all(_is_truncated(task, right, probes, part) for probes in observed):
            return part
    return ""


def _is_truncated(task: Task, right: Rule, probes: UpdateProbes, part: str) -> bool:
    """Return whether the observed new value is the right one after ``part`` is cut to an integer.

    ``right`` is the entry's right formula, ``probes`` has the observed calls of the update of
    ``task``, and ``part`` is as for `truncate`. False if a value is not finite, or the same in all
    calls: then it was assigned.
    """
    before, after = (
        values[right.parameter][:, *right.index] for values in (probes.inputs.before, probes.after)
    )
    # A value that is the same in all calls was assigned, not truncated.
    if not np.isfinite(after).all() or not np.ptp(after):
        return False
    expected = rule_values(Table(task, probes.inputs, probes.after), right)
    return agree(
        truncate(task, probes.inputs, right.parameter, before, expected, part), after, before
    )


def truncate(
    task: Task, inputs: UpdateInputs, parameter: str, before: Array, after: Array, part: str
) -> Array:
    """Return an entry's new values (calls,) if a part is cut to an integer towards 0.

    ``before`` and ``after`` have the old and the right new values of the entry of ``parameter``,
    one for each call. ``part`` is the new ``value``, the ``change`` or the ``gradient`` (the change
    divided by the learning rate, which ``inputs`` or else ``task`` give).
    """
    if part == "value":
        return np.asarray(np.trunc(after))
    rate = rate_of(task, parameter, to_columns(inputs)) if part == "gradient" else 1.0
    # Rounding must not turn 2.9999999999999996 into 2.
    steps, whole = (after - before) / rate, np.round((after - before) / rate)
    return np.asarray(
        before + rate * np.where(np.abs(steps - whole) < TOLERANCE, whole, np.trunc(steps))
    )
