"""Find the line of a mistake in an update function: the operation in which it is made.

The input is the trace of one call on symbolic inputs, see `gradkit.runtime.symbolic`. For a wrong
factor, `blame` finds the operation. For a parameter that is written wrongly or not at all, `write`
looks at the arrays that statements left behind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradkit.diagnosis.formulas.blame import Blame
from gradkit.diagnosis.formulas.case import Case
from gradkit.diagnosis.formulas.records import Changes, Diagnosis
from gradkit.diagnosis.formulas.writes import (
    find_lost_update,
    find_misdirected,
    find_mutation,
    find_store,
    find_summand,
    find_truncation,
    find_wrong_source,
    rule_change,
)
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import Attribution, Entry, Evidence, Slip, Spot, Trace, UpdateInputs
from gradkit.records.task import Task

__all__ = ["NO_CHANGE", "attribute"]

NO_CHANGE = ("not-updated", "nothing-updated", "copy-dropped")
"""Mistakes after which an entry keeps its old value."""
WRONG_SOURCE = ("gradient-stored", "overwritten", "wrong-source-entry")
"""Mistakes in the value that an entry's change is added to."""
CONSTANT_MISTAKES = frozenset(
    {"wrong-sign", "wrong-factor", "wrong-learning-rate", "uneven-learning-rate", "rate-ignored"}
)
"""Mistakes in a constant, which leave all factors right."""

SUMMED = "bias-sum-axis"
"""The code of a bias whose change is summed over the hidden units."""

WRONG_ARGUMENT = "wrong-derivative-argument"
WRONG_INPUTS = frozenset({"wrong-layer-input", "wrong-weight"})
"""Mistakes in the arguments of a helper function, if that function is right elsewhere."""

Location = tuple[Spot, Evidence, str]
"""The line, the reason why this line is named, and the student's name of the value."""


@np.errstate(all="ignore")  # a student's values may be huge, or tiny
def attribute(
    task: Task,
    trace: Trace,
    inputs: UpdateInputs,
    diagnosis: Diagnosis,
    slip: Slip,
) -> tuple[Attribution, ...]:
    """Return the lines of one mistake.

    Parameters
    ----------
    task : Task
    trace : Trace
        Trace of a call at ``inputs``, with its operations.
    inputs : UpdateInputs
        Independent random inputs, as from `gradkit.diagnosis.rules.draw`; six or more.
    diagnosis : Diagnosis
        Diagnosis of the same function.
    slip : Slip
        A mistake of the diagnosis, or one of code ``unexplained`` with entries.

    Returns
    -------
    tuple of Attribution
        One for each line, in the order of the first entry concerned. Where no line is found, the
        whole function.
    """
    whole_function: Location = Spot(trace.start), "function", ""
    if trace.steps is None or not set(trace.after) >= set(inputs.before):
        return (Attribution(slip.code, slip.entries, *whole_function),)
    case = Case(task, trace, trace.steps, inputs, diagnosis, slip)
    if not slip.entries:
        return (Attribution(slip.code, (), *(_find_mutation(case) or whole_function)),)
    blame = Blame(case)
    # Entries of few operations first: their wrong operation may explain the longer ones too.
    order = sorted(slip.entries, key=lambda e: (len(blame.operations_of(e)), -int(e[0][1])))
    if slip.code == UNEXPLAINED:
        order = [entry for entry in order if not blame.is_right(entry)] or order
    origins = {entry: _find_line(case, blame, entry) or whole_function for entry in order}
    if slip.code.startswith("missing-"):
        origins = _with_lines_before_sum(slip, diagnosis.changes, origins)
    by_location: dict[Location, list[Entry]] = {}
    for entry in filter(origins.__contains__, slip.entries):
        by_location.setdefault(origins[entry], []).append(entry)
    return tuple(
        Attribution(slip.code, tuple(entries), *location)
        for location, entries in by_location.items()
    )


def _with_lines_before_sum(
    slip: Slip, changes: Changes, origins: Mapping[Entry, Location]
) -> dict[Entry, Location]:
    """Return the location of each entry, with other ones for biases that are summed too far.

    `SUMMED` adds up the values of several units, so no value before the sum belongs to one bias.
    Other mistakes of such a bias have the line that other parameters show, if there is one.
    """
    codes = {entry: {change.code for change in made} for entry, made in changes.items()}
    summed = {e for e in origins if slip.code != SUMMED and SUMMED in codes.get(e, ())}
    others = [location for e, location in origins.items() if e not in summed]
    shown = next((each for each in others if each[1] == "value"), None)
    return {e: shown if shown and e in summed else each for e, each in origins.items()}


def _find_mutation(case: Case) -> Location | None:
    """Return the line that changes an input in place."""
    number = find_mutation(case)
    return None if number is None else _location_of_event(case, number, "value")


def _find_line(case: Case, blame: Blame, entry: Entry) -> Location | None:
    """Return the line that makes an entry wrong, or None to name the whole function."""
    code = case.slip.code
    if code == "input-mutated":
        return _find_mutation(case)
    if code in NO_CHANGE:
        event_and_evidence, step_and_evidence = find_lost_update(case, entry)
        if code == "not-updated" and step_and_evidence is None:
            # The part of the parameter that moves shows where the rest is missing.
            return None
        if event_and_evidence is not None:
            return _location_of_event(case, *event_and_evidence)
        return None if step_and_evidence is None else _location_of_step(case, *step_and_evidence)
    step, event = _find_step_or_event(case, blame, entry)
    if code == UNEXPLAINED and step is not None and len(case.steps.spots[step]) > 1:
        # Without a rule, the helper or its arguments may be wrong.
        return None
    if event is None and step is not None and code.startswith("missing-"):
        event = _find_renaming(case, step)
    if event is not None:
        return _location_of_event(case, event, "value")
    if step is not None:
        first_event = case.first_event_with(step)
        returned = first_event is not None and case.trace.events[first_event].kind == "returned"
        # If a helper is right for its arguments, the line that calls it is named.
        called = (
            returned
            if code == WRONG_ARGUMENT
            else code in WRONG_INPUTS and blame.is_right_elsewhere(step)
        )
        return _location_of_step(case, step, "value", called=called)
    return _find_application(case, entry)


def _find_renaming(case: Case, step: int) -> int | None:
    """Return the event that gives a number the name by which it is used.

    None if it is used by its first name, or if there is no such event.
    """
    first_event, events = case.first_event_with(step), case.trace.events
    users = [n for n, made in enumerate(case.steps.made) if step in made.into]
    names = {name for n in users for spot in case.steps.spots[n][:1] for name in spot.names}
    if first_event is None or not names or events[first_event].name in names:
        return None
    # A returned value gets its name in the calling function, so other frames do not count.
    renamings = (
        n for n, e in enumerate(events) if e.frame == events[first_event].frame and e.name in names
    )
    return next((n for n in renamings if case.renames(step, events[n])), None)


def _find_step_or_event(case: Case, blame: Blame, entry: Entry) -> tuple[int | None, int | None]:
    """Return the operation or the event in which an entry goes wrong, by the kind of mistake."""
    code, not_found = case.slip.code, (None, None)
    if code == "integer-truncation":
        return None, find_truncation(case, entry)
    if code in WRONG_SOURCE:
        step = find_wrong_source(case, entry)
        return step, (find_store(case, entry) if step is None else None)
    if code == "wrong-target":
        return find_misdirected(case, entry), None
    if code == UNEXPLAINED:
        return blame.find_unexplained(entry) or not_found
    if not case.is_followed(entry):
        return not_found
    return (
        blame.find_constant(entry) if code in CONSTANT_MISTAKES else blame.find_factor(entry)
    ) or not_found


def _find_application(case: Case, entry: Entry) -> Location | None:
    """Return the line that changes an entry, with its evidence.

    The evidence is ``applied`` if the entry should change, though not in this way. If it should not
    change at all, an earlier line may be wrong, and the evidence is ``within``.
    """
    evidence: Evidence = "applied" if np.any(rule_change(case, case.without[entry])) else "within"
    root = case.root(entry)
    step = find_summand(case, root, rule_change(case, case.applied[entry]))
    if step is not None or case.is_computed(root):
        return _location_of_step(case, root if step is None else step, evidence)
    number = find_store(case, entry)
    return None if number is None else _location_of_event(case, number, evidence)


def _location_of_event(case: Case, number: int, evidence: Evidence) -> Location:
    """Return the line of an event, with ``within`` as evidence if a helper function is involved."""
    event = case.trace.events[number]
    in_helper = any(len(case.steps.spots[step]) > 1 for step in event.steps)
    within = evidence == "value" and (event.frame > 0 or in_helper)
    return Spot(event.place), "within" if within else evidence, event.name


def _location_of_step(
    case: Case, number: int, evidence: Evidence, *, called: bool = False
) -> Location | None:
    """Return the line of an operation; if ``called``, the line of the call of its function."""
    spots, events = case.steps.spots[number], case.trace.events
    if evidence in ("value", "applied") and len(spots) > 1:
        evidence = "within"
    first_event = case.first_event_with(number)
    if called:
        spots = spots[1:] or spots
    return (
        (spots[0], evidence, "" if first_event is None else events[first_event].name)
        if spots
        else None
    )
