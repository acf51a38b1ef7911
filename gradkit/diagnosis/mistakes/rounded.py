"""The mistakes in an update step whose numbers went through float32 somewhere.

Rules that such numbers follow to seven digits are recovered first; what these rules give
exactly is then diagnosed like any other step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.explain import Diagnosis, diagnose
from gradkit.diagnosis.rules.evaluate import evaluate, waiting_in_circles
from gradkit.diagnosis.rules.precision import SINGLE, STORED
from gradkit.diagnosis.rules.recover import recover
from gradkit.records.rule import Entry, Rule, UpdateProbes
from gradkit.records.task import Array, Task

TRIED = 2
"""Entries that are looked at first: most steps without a rule have none to seven digits."""


def diagnose_rounded(
    task: Task,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    unexplained: Sequence[Entry],
    *,
    seen: Collection[str] = (),
) -> Diagnosis | None:
    """Recover the rules to single precision, and name what separates them from the right ones.

    Parameters
    ----------
    task, fit, fresh, seen
        As for `gradkit.diagnosis.mistakes.diagnose`.
    unexplained : sequence of (parameter, index)
        Entries without an exact rule.

    Returns
    -------
    Diagnosis or None
        None where the first of those entries follow no rounded rule either. Otherwise without
        the entries that are right to single precision, and with those as unexplained that
        follow no rule to single precision.
    """
    precision = STORED if all(map(_is_stored, fit.after.values())) else SINGLE
    first = recover(task, fit, fresh, entries=unexplained[:TRIED], precision=precision)
    if not any(isinstance(rule, Rule) for rule in first.values()):
        return None
    found = recover(task, fit, fresh, precision=precision)
    rules = {entry: rule for entry, rule in found.items() if isinstance(rule, Rule)}
    rules = {e: rule for e, rule in rules.items() if e not in waiting_in_circles(rules)}
    exact = (
        UpdateProbes(probes.inputs, evaluate(task, rules, probes.inputs, probes.after))
        for probes in (fit, fresh)
    )
    return replace(diagnose(task, *exact, seen=seen), precision=precision)


def _is_stored(values: Array) -> bool:
    """Whether all that is a number came out of float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)
