"""Name the mistakes in an update step, and prove that they are there.

Every name is earned twice: the mistake, as a rewrite, turns the right rule into the
applied one; and the correct step with all named mistakes in it, run, gives the numbers
that were observed. What fails either is unexplained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np

from gradkit.records.rule import (
    Details,
    Entry,
    Explanation,
    Factor,
    Rule,
    Rules,
    Slip,
    Term,
    UpdateProbes,
)
from gradkit.records.task import Array, Task
from gradkit.truth.mistakes.apply import NEARLY, cut_off, truncated, with_slips
from gradkit.truth.mistakes.cases import usual_cases
from gradkit.truth.mistakes.catalogue import RANK
from gradkit.truth.mistakes.compare import (
    Change,
    Difference,
    differences,
    source_change,
    term_differences,
)
from gradkit.truth.mistakes.figures import common_ratios, readings
from gradkit.truth.mistakes.rewrite import REWRITES, rewritten, target_of
from gradkit.truth.rules.evaluate import evaluate, value_of, waiting_in_circles
from gradkit.truth.rules.recover import recover
from gradkit.truth.rules.step import correct_rules
from gradkit.truth.rules.symbols import Table, letters_of

EXACT = 1e-9
ROUNDING = 8 * np.finfo(float).eps
TRIES = 500
"""Sets of mistakes that are run for the entries without a rule."""

SUMS = ("bias-sum-axis", "wrong-sum-axis")
IDLE = ("nothing-updated", "copy-dropped")
Choice = dict[Entry, Difference]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an update step does, what it should do, and what separates the two."""

    applies: Rules
    should: Mapping[Entry, Rule]
    explanation: Explanation


def explain(
    task: Task,
    applies: Rules,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    *,
    should: Mapping[Entry, Rule] | None = None,
    entries: Iterable[Entry] | None = None,
    seen: Collection[str] = (),
) -> Explanation:
    """The mistakes that separate a student's step from the correct one; see `diagnose`.

    Parameters
    ----------
    task : Task
    applies : mapping
        What ``recover(task, fit, fresh)`` found.
    fit, fresh : UpdateProbes
        The numbers that every name has to reproduce.
    should : mapping, optional
        The right rules; those recovered from `step` by default.
    entries : iterable, optional
        Those whose check failed. By default all that move otherwise than they should.
    seen : collection of str
        Codes that were observed in another way and cannot be told from the numbers:
        ``copy-dropped``, ``input-mutated``.

    Returns
    -------
    Explanation
    """
    return _explain(task, applies, fit, fresh, should, entries, seen)[0]


def diagnose(
    task: Task,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    *,
    should: Mapping[Entry, Rule] | None = None,
    entries: Iterable[Entry] | None = None,
    seen: Collection[str] = (),
) -> Diagnosis:
    """Recover the rules of a step and name its mistakes, in one go.

    Where an entry's rule can be written in several ways, the one is told in which the
    mistakes are named. Arguments as for `explain`.
    """
    applies = recover(task, fit, fresh)
    should = should or correct_rules(task, rate=fit.inputs.rate is not None)
    explanation, forms = _explain(task, applies, fit, fresh, should, entries, seen)
    return Diagnosis({**applies, **forms}, should, explanation)


def _explain(
    task: Task,
    applies: Rules,
    fit: UpdateProbes,
    fresh: UpdateProbes,
    should: Mapping[Entry, Rule] | None,
    entries: Iterable[Entry] | None,
    seen: Collection[str],
) -> tuple[Explanation, dict[Entry, Rule]]:
    should = should or correct_rules(task, rate=fit.inputs.rate is not None)
    base = {entry: _marked(rule, applies.get(entry)) for entry, rule in should.items()}
    wrong = _differing(task, base, fit) if entries is None else list(entries)
    moved = {e: r for e, r in applies.items() if isinstance(r, Rule)}
    work = _Work(task, base, fit, fresh, wrong)
    if len(moved) == len(base) and all(_stands_still(base[e], r) for e, r in moved.items()):
        return _idle(work, seen), {}
    options = {entry: differences(base[entry], rule, task) for entry, rule in moved.items()}
    retargeted = _with_targets(task, base, moved, options)
    choice, alternatives = _choose(retargeted, wrong)
    choice = _as_exchanged(_as_mutated(choice, seen))
    if retargeted != options:
        alternatives.append(_choose(options, wrong)[0])
    explanation = work.prove(_readings_of(task, choice, wrong))
    explanation = work.search(explanation, [e for e in explanation.unexplained if e not in moved])
    others = [sets for other in alternatives for sets in _readings_of(task, other, wrong)[:1]]
    explanation = work.add_alternatives(explanation, others, longest=len(explanation.slips))
    if "input-mutated" in seen and all(s.code != "input-mutated" for s in explanation.slips):
        mutated = Slip("input-mutated", (), ())
        explanation = replace(explanation, slips=(*explanation.slips, mutated))
    return explanation, {entry: difference.form for entry, difference in choice.items()}


def _stands_still(should: Rule, applied: Rule) -> bool:
    return not applied.terms and not source_change(should, applied)


def _as_mutated(choice: Choice, seen: Collection[str]) -> Choice:
    """Where an input was seen to be changed, a factor too many is that change's trace."""
    if "input-mutated" not in seen:
        return choice
    extra = ("extra-factor", "extra-activation-derivative")
    return {
        e: replace(
            d, changes=tuple(("input-mutated", v) if c in extra else (c, v) for c, v in d.changes)
        )
        for e, d in choice.items()
    }


def _as_exchanged(choice: Choice) -> Choice:
    """Indices that are wrong in two entries, each with the other's, are swapped."""
    places = {
        entry: dict(details)
        for entry, difference in choice.items()
        for code, details in difference.changes
        if code == "wrong-index"
    }
    swapped = {entry for entry in places if _partner(entry, places) is not None}
    return {
        e: replace(
            d,
            changes=tuple(
                ("swapped-index", v) if c == "wrong-index" and e in swapped else (c, v)
                for c, v in d.changes
            ),
        )  # fmt: skip
        for e, d in choice.items()
    }


def _partner(entry: Entry, places: Mapping[Entry, Mapping[str, object]]) -> Entry | None:
    parameter, index = entry
    axes = {"weight": 1 if parameter == "W1" else 0, "input": 0, "output": 1}
    axes["unit"] = axes["weight"]
    wrong = places[entry]
    if len({axes[group] for group in wrong}) > 1 or len(set(wrong.values())) > 1:
        return None
    axis, place = axes[next(iter(wrong))], next(iter(wrong.values()))
    if not isinstance(place, int):
        return None
    other = (parameter, (place, index[1]) if axis == 0 else (index[0], place))
    back = {group: index[axis] for group in wrong}
    return other if other != entry and places.get(other) == back else None


def _marked(rule: Rule, applied: object) -> Rule:
    """The right rule with ŷ and A1 recomputed where the student's is; that is no mistake."""
    if not isinstance(applied, Rule):
        return rule
    factors = [f for term in applied.terms for f in term.factors if f.when == "recomputed"]
    for group in ("hidden", ("error", "output")):
        if any(f.symbol.startswith(group) for f in factors):
            terms = tuple(
                Term(
                    t.coefficient,
                    tuple(
                        replace(f, when="recomputed") if f.symbol.startswith(group) else f
                        for f in t.factors
                    ),
                )
                for t in rule.terms
            )
            rule = replace(rule, terms=terms)
    return rule


def _differing(task: Task, base: Mapping[Entry, Rule], probes: UpdateProbes) -> list[Entry]:
    expected = evaluate(task, base, probes.inputs)
    return [entry for entry in base if not _matches(entry, expected, probes)]


def _matches(entry: Entry, predicted: Mapping[str, Array], probes: UpdateProbes) -> bool:
    ours, theirs, before = (
        values[entry[0]][:, *entry[1]] for values in (predicted, probes.after, probes.inputs.before)
    )
    if not np.all(np.isfinite(ours)) or not np.all(np.isfinite(theirs)):
        return False
    size = max(np.abs(theirs - before).max(), np.abs(ours - before).max())
    rounding = ROUNDING * max(np.abs(theirs).max(), np.abs(before).max())
    return bool(np.abs(ours - theirs).max() <= EXACT * size + rounding)


# --- which differences ---------------------------------------------------------------------


def _with_targets(
    task: Task,
    base: Mapping[Entry, Rule],
    moved: Mapping[Entry, Rule],
    options: Mapping[Entry, list[Difference]],
) -> dict[Entry, list[Difference]]:
    """The options, with terms given back to entries whose statement wrote elsewhere.

    Such an entry does not move, and another moves by its own term and that one.
    """
    found = dict(options)
    still = [e for e, r in moved.items() if _stands_still(base[e], r)]
    for entry, rule in moved.items():
        summed = any(code in SUMS for d in options[entry][:1] for code, _ in d.changes)
        terms = _expanded(task, rule)
        if entry in still or not 2 <= len(terms) <= 3 or (options[entry] and not summed):
            continue
        made = [
            (own[0], origins)
            for main, *rest in permutations(terms)
            if (own := term_differences(base[entry], main, task))
            and (origins := _origins(task, base, still, rest)) is not None
        ]
        if not made:
            continue
        own_part, origins = min(made, key=_slip_count)
        if summed:
            # Read as a sum, the entries that stand still are a mistake of their own.
            read = {code for d in (own_part, *origins.values()) for code, _ in d.changes}
            if len(read) + 1 >= len({code for code, _ in options[entry][0].changes}) + 1:
                continue
        changes = (*source_change(base[entry], rule), *own_part.changes)
        found[entry] = [Difference(changes, own_part.ratio, rule)]
        for origin, difference in origins.items():
            target: Change = ("wrong-target", (("target", (entry[0], *entry[1])),))
            found[origin] = [
                Difference((*difference.changes, target), difference.ratio, moved[origin])
            ]
        still = [e for e in still if e not in origins]
    return found


def _slip_count(made: tuple[Difference, dict[Entry, Difference]]) -> int:
    own, origins = made
    return len(own.changes) + sum(len(difference.changes) for difference in origins.values())


def _expanded(task: Task, rule: Rule) -> list[Term]:
    """The terms with sums over hidden units written out."""
    terms = []
    for term in rule.terms:
        if any("j" in letters_of(f.index) for f in term.factors):
            for unit in range(task.layers[0].units):
                terms.append(replace(term, factors=tuple(_placed(f, unit) for f in term.factors)))
        else:
            terms.append(term)
    return terms


def _placed(factor: Factor, unit: int) -> Factor:
    return replace(factor, index=tuple(unit if axis == "j" else axis for axis in factor.index))


def _origins(
    task: Task, base: Mapping[Entry, Rule], still: list[Entry], terms: list[Term]
) -> dict[Entry, Difference] | None:
    found: dict[Entry, Difference] = {}
    for term in terms:
        fitting = [
            (len(made[0].changes), entry, made[0])
            for entry in still
            if entry not in found and (made := term_differences(base[entry], term, task))
        ]
        if not fitting:
            return None
        _, entry, difference = min(fitting, key=lambda item: item[0])
        found[entry] = difference
    return found


def _choose(
    options: Mapping[Entry, list[Difference]], wrong: Collection[Entry]
) -> tuple[Choice, list[Choice]]:
    """For each entry the reading that agrees best with the others', and other choices."""
    usable = {entry: made for entry, made in options.items() if made}
    votes: Counter[str] = Counter()
    for entry in wrong:
        fewest = [
            d for d in usable.get(entry, []) if len(d.changes) == len(usable[entry][0].changes)
        ]
        votes.update({code for d in fewest for code, _ in d.changes})

    def best(made: list[Difference], barred: str = "") -> Difference | None:
        kept = [d for d in made if all(code != barred for code, _ in d.changes)]
        key = {id(d): (len(d.changes), -sum(votes[c] for c, _ in d.changes)) for d in kept}
        return min(kept, key=lambda d: key[id(d)]) if kept else None

    choice = {e: d for e, made in usable.items() if (d := best(made)) is not None}
    named = {code for entry in wrong if entry in choice for code, _ in choice[entry].changes}
    others = []
    for code in sorted(named):
        other = {e: best(made, code) for e, made in usable.items()}
        if all(other[e] is not None for e in usable):
            others.append({e: d for e, d in other.items() if d is not None})
    return choice, others


def _readings_of(task: Task, choice: Choice, wrong: Collection[Entry]) -> list[_Set]:
    """The sets of changes, by entry, that a choice and the readings of its ratios give."""
    ratios = {e: d.ratio for e, d in choice.items() if d.ratio is not None}
    forgiven = common_ratios(task, ratios)
    left = {e: ratio / forgiven.get(e, 1.0) for e, ratio in ratios.items()}
    sets = []
    for figures in readings(task, left) or [{}]:
        made = {
            e: (*d.changes, *figures.get(e, ()))
            for e, d in choice.items()
            if e in wrong or any(code == "wrong-target" for code, _ in d.changes)
        }
        sets.append(_Set(made, forgiven))
    return sets


# --- the proof -----------------------------------------------------------------------------


class _Set:
    """Changes by entry, with the common ratios that the rate policy forgives."""

    def __init__(
        self, changes: Mapping[Entry, tuple[Change, ...]], forgiven: Mapping[Entry, float]
    ) -> None:
        self.changes = {entry: made for entry, made in changes.items() if made}
        self.forgiven = forgiven

    def covered(self) -> set[Entry]:
        """The entries that the changes concern: where they are, and where they write to."""
        return set(self.changes) | {target for _, target in self._writes()}

    def _writes(self) -> list[tuple[Entry, Entry]]:
        return [
            (entry, target_of(details))
            for entry, made in self.changes.items()
            for code, details in made
            if code == "wrong-target"
        ]

    def without(self, entries: Collection[Entry]) -> _Set:
        """Less these entries, and less what writes to them."""
        gone = {*entries, *(entry for entry, target in self._writes() if target in entries)}
        kept = {e: made for e, made in self.changes.items() if e not in gone}
        return _Set(kept, self.forgiven)

    def slips(self) -> tuple[Slip, ...]:
        by_code: dict[str, list[tuple[Entry, Details]]] = {}
        for entry, made in self.changes.items():
            for code, details in made:
                by_code.setdefault(code, []).append((entry, details))
        return tuple(
            Slip(code, tuple(e for e, _ in by_code[code]), tuple(d for _, d in by_code[code]))
            for code in sorted(by_code, key=RANK.__getitem__)
        )


class _Work:
    """One submission's numbers, against which sets of mistakes are run."""

    def __init__(
        self,
        task: Task,
        base: Mapping[Entry, Rule],
        fit: UpdateProbes,
        fresh: UpdateProbes,
        wrong: list[Entry],
    ) -> None:
        self.task, self.base, self.fit, self.fresh, self.wrong = task, base, fit, fresh, wrong
        self._tries = 0

    def refuted(self, sets: _Set, entries: Iterable[Entry]) -> set[Entry]:
        """Those of the entries whose observed numbers the set does not give."""
        entries = list(entries)
        if not entries:
            return set()
        slips = sets.slips()
        scaled = {
            e: replace(
                r,
                terms=tuple(
                    replace(t, coefficient=t.coefficient * sets.forgiven.get(e, 1.0))
                    for t in r.terms
                ),
            )  # fmt: skip
            for e, r in self.base.items()
        }
        rules = with_slips(self.task, scaled, slips)
        touched = {e: rules[e] for e in rules if e in entries or e not in self.wrong}
        if waiting_in_circles(touched):
            return set(entries)
        failed: set[Entry] = set()
        for probes in (self.fit, self.fresh):
            predicted = evaluate(self.task, touched, probes.inputs, probes.after)
            predicted = truncated(self.task, slips, probes.inputs, predicted)
            failed |= {entry for entry in entries if not _matches(entry, predicted, probes)}
        return failed

    def prove(self, sets: list[_Set]) -> Explanation:
        """The first of the sets, without the entries where it does not hold."""
        first = sets[0]
        while failed := self.refuted(first, (e for e in self.wrong if e in first.covered())):
            first = first.without(failed)
        covered = first.covered()
        lost = tuple(entry for entry in self.wrong if entry not in covered)
        return self.add_alternatives(Explanation(first.slips(), (), lost), sets[1:])

    def add_alternatives(
        self, explanation: Explanation, sets: Iterable[_Set], longest: int = 99
    ) -> Explanation:
        """Other sets of at most ``longest`` codes that give the same numbers there."""
        known = {_codes(explanation.slips), *(_codes(s) for s in explanation.alternatives)}
        found = list(explanation.alternatives)
        entries = [e for e in self.wrong if e not in explanation.unexplained]
        for other in sets:
            kept = other.without(explanation.unexplained)
            codes = _codes(kept.slips())
            if len(codes) > longest or codes in known or not set(entries) <= kept.covered():
                continue
            if codes and not self.refuted(kept, entries):
                known.add(codes)
                found.append(kept.slips())
        return replace(explanation, alternatives=tuple(found))

    def search(self, explanation: Explanation, entries: Collection[Entry]) -> Explanation:
        """Try sets of at most three mistakes on these entries, for which there is no rule."""
        slips = list(explanation.slips)
        left = []
        for entry in explanation.unexplained:
            found = self._search_entry(entry, slips) if entry in entries else None
            if found is None:
                left.append(entry)
                continue
            for code, details in found:
                slips = _with(slips, code, entry, details)
        slips.sort(key=lambda slip: RANK[slip.code])
        return replace(explanation, slips=tuple(slips), unexplained=tuple(left))

    def _search_entry(self, entry: Entry, named: list[Slip]) -> tuple[Change, ...] | None:
        before, after = (
            v[entry[0]][:, *entry[1]] for v in (self.fit.inputs.before, self.fit.after)
        )
        if not np.all(np.isfinite(after)):
            return None
        cuts = self._cuts(entry[0], before, after)
        changes = self._usual_changes(entry, named)
        tables = [Table(self.task, p.inputs, p.after) for p in (self.fit, self.fresh)]
        for cut in (*cuts, "") if cuts else ("",):
            extra: tuple[Change, ...] = (("integer-truncation", (("of", cut),)),) if cut else ()
            for size in range(4 - len(extra)):
                for made in combinations(changes, size):
                    self._tries += 1
                    if self._tries > TRIES:
                        return None
                    if len({code for code, _ in made}) == size and self._fits(
                        entry, (*made, *extra), tables
                    ):
                        return (*made, *extra)
        return None

    def _cuts(self, key: str, before: Array, after: Array) -> list[str]:
        """Of what the integers are seen: the value, the change, or the gradient."""
        inputs = self.fit.inputs
        return [
            of
            for of in ("value", "change", "gradient")
            if np.abs(cut_off(self.task, inputs, key, before, after, of) - after).max() < NEARLY
        ]

    def _usual_changes(self, entry: Entry, named: list[Slip]) -> list[Change]:
        """What usually goes wrong at this entry, beginning with what did elsewhere."""
        found: list[Change] = []
        skip = {"wrong-target", "integer-truncation", "not-updated", *IDLE}
        codes = [slip.code for slip in named] + list(REWRITES)
        for code in dict.fromkeys(codes):
            for slip in usual_cases(code, self.task, rate=self.fit.inputs.rate is not None):
                if code not in skip and entry in slip.entries:
                    found.append((code, slip.details[slip.entries.index(entry)]))
        return list(dict.fromkeys(found))

    def _fits(self, entry: Entry, changes: tuple[Change, ...], tables: list[Table]) -> bool:
        rule = rewritten(self.base[entry], changes, self.task)
        slips = [Slip(code, (entry,), (details,)) for code, details in changes]
        for table, probes in zip(tables, (self.fit, self.fresh), strict=True):
            predicted = {key: np.array(value) for key, value in probes.after.items()}
            predicted[entry[0]][:, *entry[1]] = value_of(table, rule)
            predicted = truncated(self.task, slips, probes.inputs, predicted)
            if not _matches(entry, predicted, probes):
                return False
        return True


def _codes(slips: Iterable[Slip]) -> frozenset[str]:
    return frozenset(slip.code for slip in slips)


def _with(slips: list[Slip], code: str, entry: Entry, details: Details) -> list[Slip]:
    for place, slip in enumerate(slips):
        if slip.code == code:
            joined = Slip(code, (*slip.entries, entry), (*slip.details, details))
            return [*slips[:place], joined, *slips[place + 1 :]]
    return [*slips, Slip(code, (entry,), (details,))]


def _idle(work: _Work, seen: Collection[str]) -> Explanation:
    """Nothing moved at all, which has more than one cause."""
    entries = tuple(work.wrong)
    sets = [(Slip(code, entries, ((),) * len(entries)),) for code in IDLE]
    if "copy-dropped" in seen:
        return Explanation(sets[1])
    return Explanation(sets[0], (sets[1],))
