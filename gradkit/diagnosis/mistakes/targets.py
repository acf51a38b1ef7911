"""Mistakes that show in two entries at once: steps that went astray, indices exchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import permutations

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.compare import Choice, Difference, source_change, term_differences
from gradkit.diagnosis.mistakes.figures import is_usual_ratio
from gradkit.diagnosis.mistakes.parts import GROUPS, OF_A_SUM, Change
from gradkit.diagnosis.rules.symbols import W1, W2, letters_of, replace_letter
from gradkit.records.rule import Entry, Rule, Term
from gradkit.records.task import Task

CARRIED = frozenset(
    {
        "updated-before-use",
        "swapped-index",
        "wrong-index",
        "wrong-activation-derivative",
        "missing-activation-derivative",
    }
)
"""What a term may have wrong, even alone, and still be known for another entry's."""


def stands_still(should: Rule, applied: Rule) -> bool:
    """Whether the entry keeps its own value."""
    return not applied.terms and not source_change(should, applied)


def with_targets(
    task: Task,
    base: Mapping[Entry, Rule],
    moved: Mapping[Entry, Rule],
    options: Mapping[Entry, list[Difference]],
) -> dict[Entry, list[Difference]]:
    """The options, with terms given back to entries whose statement wrote elsewhere.

    Such an entry does not move, and another moves by its own term and that one.
    """
    found = dict(options)
    still = [e for e, r in moved.items() if stands_still(base[e], r)]
    for entry, rule in moved.items():
        summed = any(code in OF_A_SUM for d in options[entry][:1] for code, _ in d.changes)
        terms = _expanded(task, rule)
        fits = 2 <= len(terms) <= MOST
        if entry in still or not fits or (options[entry] and not summed):
            continue
        # What an astray term has wrong is the same as in the rest of the code.
        others = (d for e, made in options.items() if e != entry for d in made[:1])
        known = CARRIED.union(code for other in others for code, _ in other.changes)
        made = [
            (own[0], origins)
            for main, *rest in permutations(terms)
            if (own := term_differences(base[entry], main, task))
            and (origins := _origins(task, base, still, rest, known | _codes(own[0]))) is not None
            and all(_is_alike(task, own[0], other) for other in origins.values())
        ]
        if not made:
            continue
        own_part, origins = min(made, key=_slip_count)
        changes = (*source_change(base[entry], rule), *own_part.changes)
        found[entry] = [Difference(changes, own_part.ratio, rule)]
        for origin, difference in origins.items():
            target: Change = ("wrong-target", (("target", (entry[0], *entry[1])),))
            found[origin] = [
                Difference((*difference.changes, target), difference.ratio, moved[origin])
            ]
        still = [e for e in still if e not in origins]
    return found


MOST = 3
"""Terms of which one may be an entry's own and the rest those of others."""


def _is_alike(task: Task, own: Difference, astray: Difference) -> bool:
    """Whether a step that went astray has a size of the task's, or of the step beside it."""
    sizes = [abs(one.ratio) for one in (own, astray) if one.ratio is not None]
    return len(sizes) < 2 or any(
        is_usual_ratio(task, size) for size in (sizes[1], sizes[1] / sizes[0])
    )


def _codes(difference: Difference) -> frozenset[str]:
    return frozenset(code for code, _ in difference.changes)


def _slip_count(made: tuple[Difference, dict[Entry, Difference]]) -> int:
    own, origins = made
    return len(own.changes) + sum(len(difference.changes) for difference in origins.values())


def _expanded(task: Task, rule: Rule) -> list[Term]:
    """The terms with sums over hidden units written out."""
    terms: list[Term] = []
    for term in rule.terms:
        summed = any("j" in letters_of(f.index) for f in term.factors)
        units = range(task.layers[0].units) if summed else range(1)
        terms += [replace_letter(term, "j", unit) for unit in units]
    return terms


def _origins(
    task: Task,
    base: Mapping[Entry, Rule],
    still: list[Entry],
    terms: list[Term],
    known: Collection[str],
) -> dict[Entry, Difference] | None:
    found: dict[Entry, Difference] = {}
    for term in terms:
        fitting = [
            (len(made[0].changes), entry, made[0])
            for entry in still
            if entry not in found and (made := term_differences(base[entry], term, task))
            if all(code in known for code, _ in made[0].changes)
        ]
        if not fitting:
            return None
        _, entry, difference = min(fitting, key=lambda item: item[0])
        found[entry] = difference
    return found


def as_mutated(choice: Choice, seen: Collection[str]) -> Choice:
    """Where an input was seen to be changed, a factor too many is that change's trace."""
    if "input-mutated" not in seen:
        return choice
    extra = dict.fromkeys(("extra-factor", "extra-activation-derivative"), "input-mutated")
    return {entry: _renamed(difference, extra) for entry, difference in choice.items()}


def as_exchanged(choice: Choice) -> Choice:
    """Two entries with each other's indices, in all that is made of them, are swapped.

    Where one factor alone has the other's, neither moves by the other's step.
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
        if _partner(entry, places) is not None and _is_whole(choice[entry].form, wrong)
    }
    renamed = {"wrong-index": "swapped-index"}
    return {e: _renamed(d, renamed if e in swapped else {}) for e, d in choice.items()}


def _is_whole(form: Rule, wrong: Mapping[str, object]) -> bool:
    """Whether no factor of a hidden unit is left that has its own index."""
    return wrong.keys() <= {"input", "output"} or all(
        group in wrong
        for group in (("unit",) if form.parameter == W2 else ("weight", "unit"))
        if any(GROUPS[group](factor) for term in form.terms for factor in term.factors)
    )


def _renamed(difference: Difference, codes: Mapping[str, str]) -> Difference:
    changes = tuple((codes.get(code, code), details) for code, details in difference.changes)
    return replace(difference, changes=changes)


def _partner(entry: Entry, places: Mapping[Entry, Mapping[str, object]]) -> Entry | None:
    parameter, index = entry
    wrong = places[entry]
    # What is made of a hidden unit follows the axis of the units.
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
