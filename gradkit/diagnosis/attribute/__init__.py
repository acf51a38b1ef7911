"""The line of a mistake: the earliest value of a trace that already contains it.

A mistake in an update step is a difference between two rules: the one that the code applies
and the one it would apply without this mistake. What the first has and the second lacks are
the doubtful factors. A traced value contains the mistake if, over all calls, it is a constant
times a product of the applied rule's factors that holds the doubtful ones. Where a factor is
missing instead, no value is wrong by itself; then the value counts that is complete but for
that factor, when the calculation goes on to its next stage without it.
"""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.figure import Found
from gradkit.diagnosis.attribute.gradient import origin_in_product
from gradkit.diagnosis.attribute.unknown import wrong_values
from gradkit.diagnosis.attribute.write import (
    applied_at,
    changed_at,
    loop_of,
    origin_of_mutation,
    origin_of_source,
    origin_of_standstill,
    origin_of_target,
    origin_of_truncation,
)
from gradkit.diagnosis.mistakes import Diagnosis
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import Attribution, Entry, Evidence, Slip, Trace, UpdateInputs
from gradkit.records.submission import Place
from gradkit.records.task import Task

__all__ = ["attribute"]

STANDSTILL = ("not-updated", "nothing-updated", "copy-dropped")
SOURCE = ("gradient-stored", "overwritten", "wrong-source-entry")


@np.errstate(over="ignore", invalid="ignore")  # a student's values may be huge, or tiny
def attribute(
    task: Task,
    trace: Trace,
    inputs: UpdateInputs,
    diagnosis: Diagnosis,
    slip: Slip,
) -> tuple[Attribution, ...]:
    """The lines of one mistake.

    Parameters
    ----------
    task : Task
    trace : Trace
        Of calls with ``inputs``, or of some of these.
    inputs : UpdateInputs
        Independent of one another, as `gradkit.diagnosis.rules.draw` makes them; six or more.
    diagnosis : Diagnosis
        Of the same function.
    slip : Slip
        One of the explanation's; or one of code ``unexplained`` with entries.

    Returns
    -------
    tuple of Attribution
        One for each pair of lines, in the order of the first entry concerned.
    """
    if not set(trace.after) >= set(inputs.before) or not trace.calls:
        return (Attribution(slip.code, slip.entries, trace.start, None, "function"),)
    case = Case(task, trace, inputs, diagnosis, slip)
    found: dict[tuple[Place, Place | None, Evidence, str, Place | None], list[Entry]] = {}
    for entry in slip.entries or (None,):
        origin = _origin(case, entry)
        applied = None if entry is None else applied_at(case, entry)
        if slip.code in SOURCE and origin is not None:
            applied = origin[0]
        if slip.code == UNEXPLAINED and entry is not None:
            origin, applied = _of_unknown(case, entry, applied)
        elif origin is None and applied is not None:
            origin = applied, "applied"
        changed = None
        if entry is not None and slip.code == "updated-before-use":
            changed = changed_at(case, entry)
        place, name = trace.start, ""
        evidence: Evidence = "function"
        if origin is not None:
            event = trace.events[origin[0]]
            place, name, evidence = event.place, event.name, origin[1]
            if evidence == "loop" and entry is not None:
                place = loop_of(case, entry, origin[0]) or place
        key = place, _place(trace, applied), evidence, name, _place(trace, changed)
        found.setdefault(key, []).extend([] if entry is None else [entry])
    return tuple(
        Attribution(slip.code, tuple(entries), place, applied, evidence, name, changed)
        for (place, applied, evidence, name, changed), entries in found.items()
    )


def _place(trace: Trace, event: int | None) -> Place | None:
    return None if event is None else trace.events[event].place


def _of_unknown(case: Case, entry: Entry, applied: int | None) -> tuple[Found | None, int | None]:
    """The event that holds what is wrong, if it is not a helper's, and the one that applied it."""
    events = wrong_values(case, entry)
    first = next((n for n in events if case.columns.events[n].frame == 0), None)
    if first is None:
        return (None if applied is None else (applied, "applied")), applied
    # Whether a helper is wrong, or what it was handed, cannot be told without a rule.
    return ((first, "value") if first == events[0] else None), applied


def _origin(case: Case, entry: Entry | None) -> Found | None:
    code = case.slip.code
    if code == "input-mutated":
        return origin_of_mutation(case)
    if entry is None or code == UNEXPLAINED:
        return None
    if code in SOURCE:
        return origin_of_source(case, entry)
    if code in STANDSTILL:
        return origin_of_standstill(case, entry)
    if code == "wrong-target":
        return origin_of_target(case, entry)
    if code == "integer-truncation":
        return origin_of_truncation(case, entry)
    return origin_in_product(case, entry)
