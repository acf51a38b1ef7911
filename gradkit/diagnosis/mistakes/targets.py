"""Recognise mistakes that show in two entries at once: misdirected changes, swapped indices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import permutations

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.compare import Difference, Readings, source_change, term_differences
from gradkit.diagnosis.mistakes.figures import is_usual_ratio
from gradkit.diagnosis.mistakes.parts import GROUPS, SUM_MISTAKES, Change
from gradkit.diagnosis.rules.symbols import W1, W2, letters_of, replace_letter
from gradkit.records.rule import Entry, Rule, Term
from gradkit.records.task import Task

ALLOWED_IN_MISDIRECTED = frozenset(
    {
        "updated-before-use",
        "swapped-index",
        "wrong-index",
        "wrong-activation-derivative",
        "missing-activation-derivative",
    }
)
"""Mistakes that a misdirected term may have and still be recognised as another entry's."""


def is_unchanged(should: Rule, applied: Rule) -> bool:
    """Return whether an entry keeps its own value."""
    return not applied.terms and not source_change(should, applied)


def find_misdirected(
    task: Task,
    base: Mapping[Entry, Rule],
    moved: Mapping[Entry, Rule],
    options: Mapping[Entry, list[Difference]],
) -> dict[Entry, list[Difference]]:
    """Return the options, with misdirected terms given back to the entries they belong to.

    Such an entry does not change, and another changes by its own term and this one.
    """
    found = dict(options)
    still = [e for e, r in moved.items() if is_unchanged(base[e], r)]
    for entry, rule in moved.items():
        summed = any(code in SUM_MISTAKES for d in options[entry][:1] for code, _ in d.changes)
        terms = _expand_sums(task, rule)
        fits = 2 <= len(terms) <= MAX_MISDIRECTED_TERMS
        if entry in still or not fits or (options[entry] and not summed):
            continue
        # A misdirected term may only have mistakes that occur in the rest of the code too.
        others = (d for e, made in options.items() if e != entry for d in made[:1])
        known = ALLOWED_IN_MISDIRECTED.union(code for other in others for code, _ in other.changes)
        made = [
            (own[0], origins)
            for main, *rest in permutations(terms)
            if (own := term_differences(base[entry], main, task))
            and (origins := _assign_terms(task, base, still, rest, known | _codes(own[0])))
            is not None
            and all(_has_plausible_size(task, own[0], other) for other in origins.values())
        ]
        if not made:
            continue
        own_part, origins = min(made, key=_count_changes)
        changes = (*source_change(base[entry], rule), *own_part.changes)
        found[entry] = [Difference(changes, own_part.ratio, rule)]
        for origin, difference in origins.items():
            target: Change = ("wrong-target", (("target", (entry[0], *entry[1])),))
            found[origin] = [
                Difference((*difference.changes, target), difference.ratio, moved[origin])
            ]
        still = [e for e in still if e not in origins]
    return found


MAX_MISDIRECTED_TERMS = 3
"""Terms of a rule that may be one of its own and others that are misdirected."""


def _has_plausible_size(task: Task, own_part: Difference, astray: Difference) -> bool:
    """Return whether a misdirected change has a usual rate, or that of the change beside it."""
    sizes = [abs(one.ratio) for one in (own_part, astray) if one.ratio is not None]
    return len(sizes) < 2 or any(
        is_usual_ratio(task, size) for size in (sizes[1], sizes[1] / sizes[0])
    )


def _codes(difference: Difference) -> frozenset[str]:
    """Return the codes of a difference's mistakes."""
    return frozenset(code for code, _ in difference.changes)


def _count_changes(made: tuple[Difference, dict[Entry, Difference]]) -> int:
    """Return the number of mistakes in an entry's own part and in the misdirected ones."""
    own, origins = made
    return len(own.changes) + sum(len(difference.changes) for difference in origins.values())


def _expand_sums(task: Task, rule: Rule) -> list[Term]:
    """Return a rule's terms, with sums over hidden units written out."""
    terms: list[Term] = []
    for term in rule.terms:
        summed = any("j" in letters_of(f.index) for f in term.factors)
        units = range(task.layers[0].units) if summed else range(1)
        terms += [replace_letter(term, "j", unit) for unit in units]
    return terms


def _assign_terms(
    task: Task,
    base: Mapping[Entry, Rule],
    still: list[Entry],
    terms: list[Term],
    allowed_codes: Collection[str],
) -> dict[Entry, Difference] | None:
    """Assign each term to an unchanged entry whose change it is; None if a term fits no entry."""
    found: dict[Entry, Difference] = {}
    for term in terms:
        fitting = [
            (len(made[0].changes), entry, made[0])
            for entry in still
            if entry not in found and (made := term_differences(base[entry], term, task))
            if all(code in allowed_codes for code, _ in made[0].changes)
        ]
        if not fitting:
            return None
        _, entry, difference = min(fitting, key=lambda item: item[0])
        found[entry] = difference
    return found


def explain_by_mutation(choice: Readings, seen: Collection[str]) -> Readings:
    """Rename additional factors to ``input-mutated`` if an input was seen to change."""
    if "input-mutated" not in seen:
        return choice
    extra = dict.fromkeys(("extra-factor", "extra-activation-derivative"), "input-mutated")
    return {entry: _rename_codes(difference, extra) for entry, difference in choice.items()}


def recognise_swaps(choice: Readings) -> Readings:
    """Rename ``wrong-index`` to ``swapped-index`` for two entries with each other's indices.

    All factors must have them: with a single wrong factor, neither has the other's change.
    """
    places = {
        entry: dict(details)
        for entry, difference in choice.items()
        for code, details in difference.changes
        if code == "wrong-index"
    }
    swapped = {
        entry
        for entry, wrong in places.items()
        if _find_partner(entry, places) is not None and _all_units_wrong(choice[entry].form, wrong)
    }
    renamed = {"wrong-index": "swapped-index"}
    return {e: _rename_codes(d, renamed if e in swapped else {}) for e, d in choice.items()}


def _all_units_wrong(form: Rule, wrong: Mapping[str, object]) -> bool:
    """Return whether all factors of hidden units in an entry's rule have a wrong index.

    True also if only the input or the output has one. ``wrong`` are the wrong indices by part.
    """
    return wrong.keys() <= {"input", "output"} or all(
        group in wrong
        for group in (("unit",) if form.parameter == W2 else ("weight", "unit"))
        if any(GROUPS[group](factor) for term in form.terms for factor in term.factors)
    )


def _rename_codes(difference: Difference, codes: Mapping[str, str]) -> Difference:
    """Return a difference with its mistakes' codes replaced."""
    changes = tuple((codes.get(code, code), details) for code, details in difference.changes)
    return replace(difference, changes=changes)


def _find_partner(entry: Entry, places: Mapping[Entry, Mapping[str, object]]) -> Entry | None:
    """Return the entry that has this entry's index in exchange, or None."""
    parameter, index = entry
    wrong = places[entry]
    # Factors of hidden units have the axis of the units.
    units = 1 if parameter == W1 else 0
    axes = {{"input": 0, "output": 1}.get(group, units) for group in wrong}
    if len(axes) > 1 or len(set(wrong.values())) > 1:
        return None
    axis, place = axes.pop(), next(iter(wrong.values()))
    if not isinstance(place, int):
        return None
    other = (parameter, (place, index[1]) if axis == 0 else (index[0], place))
    back = dict.fromkeys(wrong, index[axis])
    return other if other != entry and places.get(other) == back else None
