"""The mistakes in an update step whose numbers went through float32 somewhere.

What the rules give exactly that such numbers follow to seven digits is diagnosed like any other
step.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gradkit.diagnosis.mistakes.explain import Diagnosis, diagnose
from gradkit.diagnosis.rules.evaluate import evaluate, waiting_in_circles
from gradkit.diagnosis.rules.precision import SINGLE, STORED
from gradkit.diagnosis.rules.program import Program
from gradkit.diagnosis.rules.recover import recover
from gradkit.records.rule import Entry, Rule, UpdateProbes
from gradkit.records.task import Array, Task


def diagnose_rounded(
    task: Task,
    program: Program,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    unexplained: Sequence[Entry],
    *,
    seen: Collection[str] = (),
) -> Diagnosis | None:
    """Take the rules that hold to single precision, and name what separates them from the right.

    Parameters
    ----------
    task, fit, fresh, seen
        As for `gradkit.diagnosis.mistakes.diagnose`.
    program : Program
        What the step is said to make of its inputs.
    unexplained : sequence of (parameter, index)
        Entries without an exact rule.

    Returns
    -------
    Diagnosis or None
        None where none of those entries follows a rounded rule either. Otherwise without
        the entries that are right to single precision, and with those as unexplained that
        follow no rule to single precision.
    """
    precision = STORED if all(map(_is_stored, fit.after.values())) else SINGLE
    found = recover(task, program, fit, fresh, precision=precision)
    rules = {entry: rule for entry, rule in found.items() if isinstance(rule, Rule)}
    rules = {e: rule for e, rule in rules.items() if e not in waiting_in_circles(rules)}
    if rules.keys().isdisjoint(unexplained):
        return None
    exact = (
        UpdateProbes(probes.inputs, evaluate(task, rules, probes.inputs, probes.after))
        for probes in (fit, fresh)
    )
    return diagnose(task, found, *exact, seen=seen, precision=precision)


def _is_stored(values: Array) -> bool:
    """Whether all that is a number came out of float32."""
    with np.errstate(over="ignore"):
        return np.array_equal(values, values.astype(np.float32), equal_nan=True)
