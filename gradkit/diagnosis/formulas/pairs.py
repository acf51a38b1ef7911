"""Recognise mistakes that show in two entries at once: misdirected steps and swapped indices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import permutations

from msgspec.structs import replace

from gradkit.diagnosis.formulas.compare import compare_products, source_changes
from gradkit.diagnosis.formulas.constants import is_usual_ratio
from gradkit.diagnosis.formulas.records import Change, Reading
from gradkit.diagnosis.rules.symbols import W1, W2, letters_of, replace_letter
from gradkit.records.rule import Entry, Rule, Rules, Term
from gradkit.records.task import Task

Options = Mapping[Entry, list[Reading]]
"""The readings of each entry."""

SUM_MISTAKES = frozenset({"bias-sum-axis", "wrong-sum-axis"})
"""Mistakes that sum over a wrong axis."""

MAX_TERMS = 3
"""Most terms of a formula that may be the entry's own term and misdirected ones."""

FREQUENT = frozenset(
    {
        "updated-before-use",
        "swapped-index",
        "wrong-index",
        "wrong-activation-derivative",
        "missing-activation-derivative",
    }
)
"""Mistakes that a misdirected term may have although no other entry has them."""


def is_unmoved(rule: Rule) -> bool:
    """Return whether a formula leaves its entry at the entry's old value."""
    source = rule.source
    own = source is not None and (source.symbol, source.index) == (rule.parameter, rule.index)
    return own and not rule.terms


def give_back_misdirected(task: Task, right: Rules, applied: Rules, options: Options) -> Options:
    """Return the readings of all entries after moving terms of a wrong entry to their own entry.

    A reading is a set of changes from the right formula to the student's. ``options`` has the
    possible readings of each entry, ``right`` and ``applied`` are the right and the student's
    formulas for ``task``.

    An entry with several terms and no reading (or one with a sum of units) may contain the terms of
    entries that the student's code leaves unchanged. If one term is the entry's own and each other
    fits such an unchanged entry, the entry gets the readings of its own term, and each unchanged
    entry those of its term, with a change ``wrong-target``. Of several divisions, the one with the
    fewest changes counts.
    """
    found = dict(options)
    unmoved = [entry for entry, rule in applied.items() if is_unmoved(rule)]
    for entry, rule in applied.items():
        summed = any(SUM_MISTAKES & {*each.codes} for each in options[entry][:1])
        terms = _without_sums(task, rule)
        fits = 2 <= len(terms) <= MAX_TERMS and entry not in unmoved
        if not fits or (options[entry] and not summed):
            continue
        others = (each for e, made in options.items() if e != entry for each in made[:1])
        codes = FREQUENT.union(code for other in others for code in other.codes)
        divisions = [
            (own[0], origins)
            for main, *rest in permutations(terms)
            if (own := compare_products(right[entry], main, task))
            and (origins := _assign(task, right, unmoved, rest, codes.union(own[0].codes)))
            and all(_has_usual_size(task, own[0], astray) for astray in origins.values())
        ]
        if not divisions:
            continue
        own_part, origins = min(divisions, key=_number_of_changes)
        source = source_changes(right[entry], rule)
        form = replace(own_part.form, source=rule.source)
        found[entry] = [replace(own_part, changes=(*source, *own_part.changes), form=form)]
        for origin, astray in origins.items():
            details = (("target", (entry[0], *entry[1])),)
            change = Change("wrong-target", details, terms=astray.form.terms)
            found[origin] = [replace(astray, changes=(*astray.changes, change))]
        unmoved = [e for e in unmoved if e not in origins]
    return found


def _without_sums(task: Task, rule: Rule) -> list[Term]:
    """Return the terms of a rule, in which each sum over hidden units becomes a term per unit.

    ``task`` has the number of hidden units.
    """
    terms: list[Term] = []
    for term in rule.terms:
        summed = any("j" in letters_of(factor.index) for factor in term.factors)
        units = range(task.layers[0].units) if summed else range(1)
        terms += [replace_letter(term, "j", unit) for unit in units]
    return terms


def _assign(
    task: Task, right: Rules, unmoved: list[Entry], terms: list[Term], codes: Collection[str]
) -> dict[Entry, Reading]:
    """Return an unchanged entry for each term, with the term's reading; {} if a term fits none.

    ``right`` has the right formulas, ``unmoved`` are the entries that the student's code leaves
    unchanged, and ``terms`` are terms of a formula of ``task``. A reading, the changes from the
    entry's right formula to the term, may only have changes of the given ``codes``. A term gets the
    entry with the fewest changes; each entry gets at most one term.
    """
    found: dict[Entry, Reading] = {}
    for term in terms:
        fitting = [
            (len(made[0].changes), entry, made[0])
            for entry in unmoved
            if entry not in found and (made := compare_products(right[entry], term, task))
            if all(code in codes for code in made[0].codes)
        ]
        if not fitting:
            return {}
        _, entry, reading = min(fitting, key=lambda item: item[0])
        found[entry] = reading
    return found


def _has_usual_size(task: Task, own: Reading, astray: Reading) -> bool:
    """Return whether the reading ``astray`` of a misdirected term has a usual ratio.

    The ratio counts alone or relative to that of ``own``, the reading of the entry's own term. True
    if a ratio is unknown.
    """
    sizes = [abs(each.ratio) for each in (own, astray) if each.ratio is not None]
    return len(sizes) < 2 or any(
        is_usual_ratio(task, size) for size in (sizes[1], sizes[1] / sizes[0])
    )


def _number_of_changes(division: tuple[Reading, Mapping[Entry, Reading]]) -> int:
    """Return the number of changes in an entry's own term and in the misdirected ones."""
    own, origins = division
    return len(own.changes) + sum(len(astray.changes) for astray in origins.values())


# --- swapped indices -------------------------------------------------------------------------


def recognise_swaps(choice: Mapping[Entry, Reading]) -> dict[Entry, Reading]:
    """Return the reading of each entry, with ``wrong-index`` renamed ``swapped-index`` in some.

    ``choice`` has the reading of each entry: the changes from the right formula to the student's.
    The change is renamed in two entries of which each has the index of the other, in all factors of
    hidden units or only in inputs or outputs. Other readings stay.
    """
    places = {
        entry: dict(change.details)
        for entry, reading in choice.items()
        for change in reading.changes
        if change.code == "wrong-index"
    }
    swapped = {
        entry
        for entry, wrong in places.items()
        if _has_partner(entry, places) and _moves_all_units(choice[entry].form, wrong)
    }
    return {
        e: rename(r, {"wrong-index": "swapped-index"} if e in swapped else {})
        for e, r in choice.items()
    }


def rename(reading: Reading, codes: Mapping[str, str]) -> Reading:
    """Return a reading with other codes of its changes."""
    changes = (replace(each, code=codes.get(each.code, each.code)) for each in reading.changes)
    return replace(reading, changes=tuple(changes))


def _moves_all_units(form: Rule, wrong: Mapping[str, object]) -> bool:
    """Return whether only inputs or outputs have wrong indices, or all factors of hidden units.

    ``form`` is the student's formula; ``wrong`` has the wrong index by part of the product:
    ``output``, ``weight``, ``unit`` or ``input``. W2 counts as a factor of hidden units in formulas
    of other parameters.
    """
    symbols = {factor.symbol for term in form.terms for factor in term.factors}
    groups = {
        group
        for group, present in (
            ("unit", any(symbol.startswith("hidden") for symbol in symbols)),
            ("weight", W2 in symbols and form.parameter != W2),
        )
        if present
    }
    return wrong.keys() <= {"input", "output"} or groups <= wrong.keys()


def _has_partner(entry: Entry, places: Mapping[Entry, Mapping[str, object]]) -> bool:
    """Return whether an entry and another one of its parameter have each other's wrong indices.

    ``places`` has, for each entry, the wrong indices by part of the product (``output``,
    ``weight``, ``unit``, ``input``). They must all be the same number, on the same axis: W1[0, 1]
    with 2 for 1 has the partner W1[0, 2] with 1 for 2.
    """
    parameter, index = entry
    wrong = places[entry]
    units = 1 if parameter == W1 else 0
    axes = {{"input": 0, "output": 1}.get(group, units) for group in wrong}
    if len(axes) > 1 or len({*wrong.values()}) > 1:
        return False
    axis, place = axes.pop(), next(iter(wrong.values()))
    if not isinstance(place, int):
        return False
    other = (parameter, (place, index[1]) if axis == 0 else (index[0], place))
    return other != entry and places.get(other) == dict.fromkeys(wrong, index[axis])
