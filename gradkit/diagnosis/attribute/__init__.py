"""The line of a mistake: the step of the call that it is made in.

An update is called once with numbers that know how they were made, see
`gradkit.runtime.symbolic`. Where a mistake is one of a product, `blame` finds the step; where a
parameter is written wrongly, or not at all, `write` looks at what statements left behind.
"""

from __future__ import annotations

import numpy as np

from gradkit.diagnosis.attribute.blame import Blame
from gradkit.diagnosis.attribute.case import Case
from gradkit.diagnosis.attribute.write import (
    change,
    mutated_at,
    source_of,
    standstill,
    stored,
    summand,
    truncated_in,
    written_to,
)
from gradkit.diagnosis.mistakes.explain import Diagnosis
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import Attribution, Entry, Evidence, Slip, Spot, Trace, UpdateInputs
from gradkit.records.task import Task

__all__ = ["STANDSTILL", "attribute"]

STANDSTILL = ("not-updated", "nothing-updated", "copy-dropped")
SOURCE = ("gradient-stored", "overwritten", "wrong-source-entry")
FIGURES = frozenset(
    {"wrong-sign", "wrong-factor", "wrong-learning-rate", "uneven-learning-rate", "rate-ignored"}
)
"""Mistakes in the constant, which no factor shows."""

ARGUMENT = "wrong-derivative-argument"
HANDED = frozenset({"wrong-layer-input", "wrong-weight"})
"""Mistakes in what a function is handed, if it gives what is right elsewhere."""

Found = tuple[Spot, Evidence, str]
"""Where, why there, and what the student calls the value."""


@np.errstate(all="ignore")  # a student's values may be huge, or tiny
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
        Of a call with its steps, told for ``inputs``.
    inputs : UpdateInputs
        Independent of one another, as `gradkit.diagnosis.rules.draw` makes them; six or more.
    diagnosis : Diagnosis
        Of the same function.
    slip : Slip
        One of the explanation's; or one of code ``unexplained`` with entries.

    Returns
    -------
    tuple of Attribution
        One for each line, in the order of the first entry concerned.
    """
    function: Found = Spot(trace.start), "function", ""
    if trace.steps is None or not set(trace.after) >= set(inputs.before):
        return (Attribution(slip.code, slip.entries, *function),)
    case = Case(task, trace, trace.steps, inputs, diagnosis, slip)
    if not slip.entries:
        return (Attribution(slip.code, (), *(_mutated(case) or function)),)
    blame = Blame(case)
    # What is to blame for a plain entry may be so for one that is made of more.
    order = sorted(slip.entries, key=lambda e: (len(blame.below(e)), -int(e[0][1])))
    if slip.code == UNEXPLAINED:
        order = [entry for entry in order if not blame.is_right(entry)] or order
    origins = {entry: _origin(case, blame, entry) or function for entry in order}
    found: dict[Found, list[Entry]] = {}
    for entry in filter(origins.__contains__, slip.entries):
        found.setdefault(origins[entry], []).append(entry)
    return tuple(Attribution(slip.code, tuple(made), *at) for at, made in found.items())


def _mutated(case: Case) -> Found | None:
    number = mutated_at(case)
    return None if number is None else _of_event(case, number, "value")


def _origin(case: Case, blame: Blame, entry: Entry) -> Found | None:
    code = case.slip.code
    if code == "input-mutated":
        return _mutated(case)
    if code in STANDSTILL:
        left, made = standstill(case, entry)
        if code == "not-updated" and made is None:
            # Where others move, the change tells what is missing, and where.
            return None
        if left is not None:
            return _of_event(case, *left)
        return None if made is None else _of_step(case, *made)
    step, event = _at(case, blame, entry)
    if code == UNEXPLAINED and step is not None and len(case.steps.spots[step]) > 1:
        # Whether a helper is wrong, or what it was handed, cannot be told without a rule.
        return None
    if event is None and step is not None and code.startswith("missing-"):
        event = _renamed(case, step)
    if event is not None:
        return _of_event(case, event, "value")
    if step is not None:
        held = case.first_holding(step)
        returned = held is not None and case.trace.events[held].kind == "returned"
        # A function is right that gives what belongs to what it is handed.
        called = returned if code == ARGUMENT else code in HANDED and blame.is_right_elsewhere(step)
        return _of_step(case, step, "value", called=called)
    return _applied(case, entry)


def _renamed(case: Case, step: int) -> int | None:
    """Return where a number is given another name, by which alone it is read."""
    held, events = case.first_holding(step), case.trace.events
    users = [n for n, made in enumerate(case.steps.made) if step in made.into]
    names = {name for n in users for spot in case.steps.spots[n][:1] for name in spot.names}
    if held is None or not names or events[held].name in names:
        return None
    # What a function gives has another name where it is called.
    own = (n for n, e in enumerate(events) if e.frame == events[held].frame and e.name in names)
    return next((n for n in own if case.renames(step, events[n])), None)


def _at(case: Case, blame: Blame, entry: Entry) -> tuple[int | None, int | None]:
    """The step to blame, or the event."""
    code, nothing = case.slip.code, (None, None)
    if code == "integer-truncation":
        return None, truncated_in(case, entry)
    if code in SOURCE:
        step = source_of(case, entry)
        return step, (stored(case, entry) if step is None else None)
    if code == "wrong-target":
        return written_to(case, entry), None
    if code == UNEXPLAINED:
        return blame.unknown(entry) or nothing
    if not case.is_followed(entry):
        return nothing
    return (blame.figure(entry) if code in FIGURES else blame.product(entry)) or nothing


def _applied(case: Case, entry: Entry) -> Found | None:
    """Where the entry moves; if it should not, any line before that may be it."""
    evidence: Evidence = "applied" if np.any(change(case, case.without[entry])) else "within"
    root = case.root(entry)
    step = summand(case, root, change(case, case.applied[entry]))
    if step is not None or case.is_computed(root):
        return _of_step(case, root if step is None else step, evidence)
    number = stored(case, entry)
    return None if number is None else _of_event(case, number, evidence)


def _of_event(case: Case, number: int, evidence: Evidence) -> Found:
    event = case.trace.events[number]
    helped = any(len(case.steps.spots[step]) > 1 for step in event.steps)
    within = evidence == "value" and (event.frame > 0 or helped)
    return Spot(event.place), "within" if within else evidence, event.name


def _of_step(case: Case, number: int, evidence: Evidence, *, called: bool = False) -> Found | None:
    spots, events = case.steps.spots[number], case.trace.events
    if evidence in ("value", "applied") and len(spots) > 1:
        evidence = "within"
    held = case.first_holding(number)
    if called:
        spots = spots[1:] or spots
    return (spots[0], evidence, "" if held is None else events[held].name) if spots else None
