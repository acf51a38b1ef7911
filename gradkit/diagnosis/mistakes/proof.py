"""Run sets of mistakes against what was observed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.mistakes.apply import NEARLY, cut_off, truncated, with_slips
from gradkit.diagnosis.mistakes.cases import usual_cases
from gradkit.diagnosis.mistakes.catalogue import RANK
from gradkit.diagnosis.mistakes.parts import Change, target_of
from gradkit.diagnosis.mistakes.rewrite import REWRITES, rewritten
from gradkit.diagnosis.rules.evaluate import evaluate, moved, value_of, waiting_in_circles
from gradkit.diagnosis.rules.symbols import Table
from gradkit.records.rule import Details, Entry, Explanation, Rule, Slip, UpdateProbes
from gradkit.records.task import Array, Task

EXACT = 1e-9
ROUNDING = 8 * np.finfo(float).eps
TRIES = 160
"""Sets of mistakes that are run for the entries without a rule."""

IDLE = ("nothing-updated", "copy-dropped")
"""Mistakes after which nothing has moved; the numbers cannot tell them apart."""


def matches(entry: Entry, predicted: Mapping[str, Array], probes: UpdateProbes) -> bool:
    """Whether predicted and observed agree to 1e-9 of what the entry moved, in every probe."""
    ours, theirs, before = (
        values[entry[0]][:, *entry[1]] for values in (predicted, probes.after, probes.inputs.before)
    )
    if not np.all(np.isfinite(ours)) or not np.all(np.isfinite(theirs)):
        return False
    size = max(moved(before, theirs), moved(before, ours))
    rounding = ROUNDING * max(np.abs(theirs).max(), np.abs(before).max())
    return bool(np.abs(ours - theirs).max() <= EXACT * size + rounding)


class ChangeSet:
    """Changes by entry, with the common ratios that the rate policy forgives."""

    def __init__(
        self, changes: Mapping[Entry, tuple[Change, ...]], forgiven: Mapping[Entry, float]
    ) -> None:
        self.changes = {entry: made for entry, made in changes.items() if made}
        self.forgiven = forgiven

    def covered(self) -> set[Entry]:
        """The entries accounted for: changed, written to, or forgiven a ratio."""
        writes = {target for _, target in self._writes()}
        return {*self.changes, *writes, *(e for e, ratio in self.forgiven.items() if ratio != 1.0)}

    def _writes(self) -> list[tuple[Entry, Entry]]:
        return [
            (entry, target_of(details))
            for entry, made in self.changes.items()
            for code, details in made
            if code == "wrong-target"
        ]

    def without(self, entries: Collection[Entry]) -> ChangeSet:
        """Less these entries, and less what writes to them."""
        gone = {*entries, *(entry for entry, target in self._writes() if target in entries)}
        kept = {e: made for e, made in self.changes.items() if e not in gone}
        forgiven = {e: ratio for e, ratio in self.forgiven.items() if e not in gone}
        return ChangeSet(kept, forgiven)

    def slips(self) -> tuple[Slip, ...]:
        """The changes gathered by code, the most basic first."""
        by_code: dict[str, list[tuple[Entry, Details]]] = {}
        for entry, made in self.changes.items():
            for code, details in made:
                by_code.setdefault(code, []).append((entry, details))
        return tuple(
            Slip(code, tuple(e for e, _ in by_code[code]), tuple(d for _, d in by_code[code]))
            for code in sorted(by_code, key=RANK.__getitem__)
        )


class Proof:
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

    def refuted(self, sets: ChangeSet, entries: Iterable[Entry]) -> set[Entry]:
        """Those of the entries whose observed numbers the set does not give."""
        entries = list(entries)
        if not entries:
            return set()
        slips = sets.slips()
        scaled = {e: _scaled(r, sets.forgiven.get(e, 1.0)) for e, r in self.base.items()}
        rules = with_slips(self.task, scaled, slips)
        touched = {e: rules[e] for e in rules if e in entries or e not in self.wrong}
        if waiting_in_circles(touched):
            return set(entries)
        failed: set[Entry] = set()
        for probes in (self.fit, self.fresh):
            predicted = evaluate(self.task, touched, probes.inputs, probes.after)
            predicted = truncated(self.task, slips, probes.inputs, predicted)
            failed |= {entry for entry in entries if not matches(entry, predicted, probes)}
        return failed

    def prove(self, sets: list[ChangeSet]) -> Explanation:
        """The first of the sets, without the entries where it does not hold."""
        first = sets[0]
        while failed := self.refuted(first, (e for e in self.wrong if e in first.covered())):
            first = first.without(failed)
        covered = first.covered()
        lost = tuple(entry for entry in self.wrong if entry not in covered)
        return self.add_alternatives(Explanation(first.slips(), (), lost), sets[1:])

    def add_alternatives(
        self, explanation: Explanation, sets: Iterable[ChangeSet], longest: int = 99
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
        """Try sets of at most three mistakes on these entries, for which there is no rule.

        An entry cut down to integers may still seem to follow a rule, such as ``= 0``; it
        is tried as well.
        """
        slips = list(explanation.slips)
        left = []
        for entry in explanation.unexplained:
            found = self._search_entry(entry, slips, ruled=entry not in entries)
            if found is None:
                left.append(entry)
                continue
            for code, details in found:
                slips = _with(slips, code, entry, details)
        slips.sort(key=lambda slip: RANK[slip.code])
        return replace(explanation, slips=tuple(slips), unexplained=tuple(left))

    def _search_entry(
        self, entry: Entry, named: list[Slip], *, ruled: bool
    ) -> tuple[Change, ...] | None:
        before, after = (
            v[entry[0]][:, *entry[1]] for v in (self.fit.inputs.before, self.fit.after)
        )
        if not np.all(np.isfinite(after)):
            return None
        cuts = self._cuts(entry[0], before, after)
        if ruled and not cuts:
            return None
        changes = self._usual_changes(entry, named)
        tables = [Table(self.task, p.inputs, p.after) for p in (self.fit, self.fresh)]
        for cut in cuts if ruled else (*cuts, ""):
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
        if not np.ptp(after):
            # One number throughout, zero for instance, was set and not cut off.
            return []
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
        rate = self.fit.inputs.rate is not None
        for code in dict.fromkeys(codes):
            found += [
                (code, slip.details[slip.entries.index(entry)])
                for slip in usual_cases(code, self.task, rate=rate)
                if code not in skip and entry in slip.entries
            ]
        return list(dict.fromkeys(found))

    def _fits(self, entry: Entry, changes: tuple[Change, ...], tables: list[Table]) -> bool:
        rule = rewritten(self.base[entry], changes, self.task)
        slips = [Slip(code, (entry,), (details,)) for code, details in changes]
        for table, probes in zip(tables, (self.fit, self.fresh), strict=True):
            predicted = {key: np.array(value) for key, value in probes.after.items()}
            predicted[entry[0]][:, *entry[1]] = value_of(table, rule)
            predicted = truncated(self.task, slips, probes.inputs, predicted)
            if not matches(entry, predicted, probes):
                return False
        return True


def _scaled(rule: Rule, ratio: float) -> Rule:
    terms = tuple(replace(term, coefficient=term.coefficient * ratio) for term in rule.terms)
    return replace(rule, terms=terms)


def _codes(slips: Iterable[Slip]) -> frozenset[str]:
    return frozenset(slip.code for slip in slips)


def _with(slips: list[Slip], code: str, entry: Entry, details: Details) -> list[Slip]:
    for place, slip in enumerate(slips):
        if slip.code == code:
            joined = Slip(code, (*slip.entries, entry), (*slip.details, details))
            return [*slips[:place], joined, *slips[place + 1 :]]
    return [*slips, Slip(code, (entry,), (details,))]
