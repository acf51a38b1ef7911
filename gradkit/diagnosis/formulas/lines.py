"""Find the line of a mistake in an update function: the operation in which it is made.

The input is the record of one call on symbolic inputs, see `gradkit.runtime.symbolic`. For a wrong
factor, `blame` finds the operation. A parameter that is written wrongly or not at all has the line
that the text shows, see `gradkit.diagnosis.update_text`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gradkit.diagnosis.formulas.blame import Blame
from gradkit.diagnosis.formulas.case import NEAR, Case, is_equal
from gradkit.diagnosis.formulas.records import Changes, Diagnosis
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.forms import value_before
from gradkit.diagnosis.rules.program import collect_ancestors
from gradkit.diagnosis.update_text import UpdateText
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import (
    Attribution,
    Entry,
    Evidence,
    Rule,
    Slip,
    Spot,
    Trace,
    UpdateInputs,
)
from gradkit.records.submission import Place
from gradkit.records.task import Array, Task

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

WRONG_PLACES = frozenset({"swapped-index", "wrong-index"})
"""Mistakes in the place of a value in its array."""

Location = tuple[Spot, Evidence, str]
"""The line, the reason why this line is named, and a local name of the value."""


@np.errstate(all="ignore")  # a student's values may be huge, or tiny
def attribute(
    task: Task,
    trace: Trace,
    inputs: UpdateInputs,
    diagnosis: Diagnosis,
    slip: Slip,
    text: UpdateText | None = None,
) -> tuple[Attribution, ...]:
    """Return the lines of the student's function in which one mistake is made.

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
    text : UpdateText, optional
        The text of the function.

    Returns
    -------
    tuple of Attribution
        One for each line, in the order of the first entry concerned. Where no line is found, the
        whole function.
    """
    whole_function: Location = Spot(trace.start), "function", ""
    if trace.steps is None or not set(trace.after) >= set(inputs.before):
        return (Attribution(slip.code, slip.entries, *whole_function),)
    case = Case(task, trace, trace.steps, inputs, diagnosis, slip, text)
    if not slip.entries:
        return (Attribution(slip.code, (), *(_find_in_text(case) or whole_function)),)
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
    """Return the location of each entry, with a common one for biases that are summed too far.

    ``slip`` is the mistake that is located, ``changes`` has all changes of each entry, and
    ``origins`` the locations found so far. The mistake `SUMMED` adds up the values of several
    units, so no value before the sum belongs to a single bias. If such a bias has the mistake
    ``slip`` too, it gets the first location with evidence ``value`` of the other entries; without
    one, its location stays.
    """
    codes = {entry: {change.code for change in made} for entry, made in changes.items()}
    summed = {e for e in origins if slip.code != SUMMED and SUMMED in codes.get(e, ())}
    others = [location for e, location in origins.items() if e not in summed]
    shown = next((each for each in others if each[1] == "value"), None)
    return {e: shown if shown and e in summed else each for e, each in origins.items()}


def _find_in_text(case: Case, entry: Entry | None = None) -> Location | None:
    """Return the line of a mistake that is found by reading the text; None if there is none.

    The mistake is that of ``case``. By its code, the line is one that copies a parameter, makes
    integers or changes an input; for other mistakes it is the line that stores ``entry``, if an
    entry is given. The result also has the evidence (see `Attribution`) and an empty name.
    """
    text, code = case.text, case.slip.code
    if text is None:
        return None
    evidence: Evidence = "value"
    if code in ("nothing-updated", "copy-dropped"):
        place, evidence = text.find_copying_line(), "copy"
    elif code == "integer-truncation":
        place = text.find_integer_line()
    elif code == "input-mutated":
        place = text.find_mutating_line()
    elif entry is not None:
        spots = case.steps.spots[case.root(entry)]
        place = text.find_storing_line(entry[0], [spot.place for spot in spots])
    else:
        place = None
    return None if place is None else (Spot(place), evidence, "")


def _find_line(case: Case, blame: Blame, entry: Entry) -> Location | None:
    """Return the line that makes an entry wrong, with its evidence; None for the whole function.

    ``case`` has the mistake and the trace, and ``blame`` finds operations of it. By the mistake's
    code, the line is searched in the text, as that of an update that is not stored, or as that of
    the wrong operation. If no operation is found, it is the line that stores or changes the entry.
    See `Attribution` for the kinds of evidence.
    """
    code = case.slip.code
    if code in ("input-mutated", "integer-truncation"):
        return _find_in_text(case, entry)
    if code in NO_CHANGE:
        return _find_lost_update(case, entry)
    step, line = _find_step(case, blame, entry)
    if code == UNEXPLAINED and step is not None and len(case.steps.spots[step]) > 1:
        # Without a rule, the helper or its arguments may be wrong.
        return None
    if line is not None:
        return Spot(line), "value", ""
    if step is not None and code in WRONG_PLACES:
        turned = _find_turn(case, step, blame.operations_of(entry))
        if turned is not None:
            return _location_of_step(case, turned, "within")
    if step is not None:
        # If a helper is right for its arguments, the line that calls it is named.
        called = code == WRONG_ARGUMENT or (code in WRONG_INPUTS and blame.is_right_elsewhere(step))
        return _location_of_step(case, step, "value", called=called)
    stored = _find_in_text(case, entry) if code in WRONG_SOURCE else None
    return stored or _find_application(case, entry)


def _find_turn(case: Case, step: int, operations: Iterable[int]) -> int | None:
    """Return the first operation in another line that uses a value after rearranging its array.

    ``step`` is the number of the operation with the value, and ``operations`` are the numbers to
    search, in order. ``case`` has their lines. The line may transpose the array, for example; then
    the value of ``step`` may be right, but is used for another entry. None if there is no such
    line, or no text.
    """
    spots, made = case.steps.spots, case.steps.made
    if case.text is None or not spots[step]:
        return None
    place = spots[step][0].place
    users = (n for n in operations if step in made[n].into and spots[n])
    others = (n for n in users if spots[n][0].place != place)
    return next((n for n in others if case.text.rearranges(place, spots[n][0].place)), None)


def _find_step(case: Case, blame: Blame, entry: Entry) -> tuple[int | None, Place | None]:
    """Return the operation in which an entry goes wrong, and a line to name instead of its own.

    ``case`` has the mistake, whose code selects the search, and ``blame`` searches. The number of
    the operation is None if none is found; the line is None if the operation's own line is to be
    named. If the trace does not follow the entry's formula, most mistakes have no operation.
    """
    code, not_found = case.slip.code, (None, None)
    if code in WRONG_SOURCE:
        return _find_wrong_source(case, entry), None
    if code == "wrong-target":
        return _find_misdirected(case, entry), None
    if code == UNEXPLAINED:
        return blame.find_unexplained(entry) or not_found
    if not case.is_followed(entry):
        return not_found
    return (
        blame.find_constant(entry) if code in CONSTANT_MISTAKES else blame.find_factor(entry)
    ) or not_found


def _find_application(case: Case, entry: Entry) -> Location | None:
    """Return the line that changes an entry, with its evidence, or None if there is none.

    ``case`` has the trace and the right formulas. The evidence is ``applied`` if the entry should
    change in another way. If it should not change at all, an earlier line may be wrong, and the
    evidence is ``within``.
    """
    evidence: Evidence = "applied" if np.any(_rule_change(case, case.without[entry])) else "within"
    root = case.root(entry)
    step = _find_summand(case, root, _rule_change(case, case.applied[entry]))
    if step is not None or case.is_computed(root):
        return _location_of_step(case, root if step is None else step, evidence)
    stored = None if case.text is None else case.text.find_storing_line(entry[0])
    return None if stored is None else (Spot(stored), evidence, "")


def _location_of_step(
    case: Case, number: int, evidence: Evidence, *, called: bool = False
) -> Location | None:
    """Return the line of operation ``number`` in the trace of ``case``, with its evidence.

    None if the operation has no line. If the operation was made in a helper that the function
    calls, the evidence ``value`` or ``applied`` becomes ``within``; if ``called``, the line that
    calls the helper is returned.
    """
    spots = case.steps.spots[number]
    if evidence in ("value", "applied") and len(spots) > 1:
        evidence = "within"
    if called:
        spots = spots[1:] or spots
    return (spots[0], evidence, "") if spots else None


# --- mistakes in writing a parameter ---------------------------------------------------------


def _find_lost_update(case: Case, entry: Entry) -> Location | None:
    """Return the line that copies or computes the new value of an entry that stays unchanged.

    ``case`` has the mistake and the trace. The result is the first of these that exists: a line
    that copies the parameter; the line that computes the right new value (evidence ``local`` with
    the local name that gets it, else ``unused``); the last line that computes the right gradient.
    None if there is none. For a mistake ``not-updated``, only the line of the new value counts.
    """
    copied = _find_in_text(case) if case.slip.code != "not-updated" else None
    if copied is not None:
        return copied
    expected = rule_values(case.table, case.without[entry])
    computed = (
        number
        for number, value in enumerate(case.steps.values)
        if case.is_computed(number) and is_equal(value, expected)
    )
    number = next(computed, None)
    if number is None and case.slip.code == "not-updated":
        # The part of the parameter that moves shows where the rest is missing.
        return None
    if number is None:
        # The gradient at least may be there, in the last operation that gives it.
        gradient, values = expected - case.before(entry), case.steps.values
        made = [n for n, value in enumerate(values) if _is_multiple(value, gradient)]
        return _location_of_step(case, made[-1], "unused") if made else None
    name = "" if case.text is None else case.text.rebound_name(entry[0])
    found = _location_of_step(case, number, "local" if name else "unused")
    return None if found is None else (*found[:2], name)


def _find_summand(case: Case, root: int, column: Array) -> int | None:
    """Return the last sum or difference with an operand that is a multiple of ``column`` (calls,).

    ``root`` is the number of the operation that computes a parameter's new value in the trace of
    ``case``. The search goes back from it through sums and differences. The result is the
    operation's number, None if there is none.
    """
    made, values, number = case.steps.made, case.steps.values, root
    while made[number].operation in ("add", "sub"):
        left, right = made[number].into
        if any(_is_multiple(values[operand], column) for operand in (left, right)):
            return number
        number = left if case.is_computed(left) else right
    return None


def _find_wrong_source(case: Case, entry: Entry) -> int | None:
    """Return the sum or difference in which an entry starts from another entry's old value.

    None if the entry starts from its own value or from none, or if there is no such operation.
    """
    source, root = case.observed[entry].source, case.steps.after.get(entry)
    if root is None or source in (None, value_before(entry)):
        return None
    return _find_summand(case, root, case.table.column(source))


def _rule_change(case: Case, rule: Rule) -> Array:
    """Return the change of an entry by its rule, shape (calls,)."""
    still = np.zeros(len(case.inputs.y))
    return np.asarray(np.sum([still, *map(case.table.term, rule.terms)], axis=0))


def _find_misdirected(case: Case, entry: Entry) -> int | None:
    """Return the operation that adds an entry's change to the wrong entry, or to its gradient.

    ``case`` has the trace and both entries. If the change is not added on its own, the result is
    the first operation that is a multiple of the wrong entry's whole change. None if there is
    neither.
    """
    target, expected = case.redirected[entry], _rule_change(case, case.without[entry])
    root = case.steps.after.get(target)
    if root is None:
        return None
    addition = _find_summand(case, root, expected)
    if addition is not None:
        return addition
    joint_change = _rule_change(case, case.applied[target])
    operations = sorted(collect_ancestors(case.steps.made, [root]))
    return next(
        (number for number in operations if _is_multiple(case.steps.values[number], joint_change)),
        None,
    )


def _is_multiple(values: Array, column: Array) -> bool:
    """Return whether ``values`` are ``column`` times a number other than 0, up to `NEAR`.

    Both have a value for each call. False if a value is not finite.
    """
    row = int(np.argmax(np.abs(column)))
    if not column[row] or not values[row] or not np.isfinite(values).all():
        return False
    deviation = np.abs(values - column * (values[row] / column[row])).max()
    return bool(deviation <= NEAR * np.abs(values).max())
