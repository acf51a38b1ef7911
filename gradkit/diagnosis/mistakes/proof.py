"""Run sets of mistakes and compare the results with the observed numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import rank
from gradkit.diagnosis.mistakes.apply import (
    INTEGER_TOLERANCE,
    changes_by_entry,
    rewrite_rules,
    truncate,
    truncate_entries,
)
from gradkit.diagnosis.mistakes.parts import Change, target_of
from gradkit.diagnosis.mistakes.rewrite import scale_rule
from gradkit.diagnosis.rules.evaluate import DOUBLE, Precision, agree, entries_in_cycles, evaluate
from gradkit.diagnosis.rules.symbols import B1, W1
from gradkit.records.rule import Details, Entry, Explanation, Rule, Slip, UpdateProbes
from gradkit.records.task import Array, Task
from gradkit.task.network import ACTIVATIONS, is_curved, is_piecewise_linear

TRUNCATED, ELSEWHERE = "integer-truncation", "wrong-derivative-argument"

NO_CHANGE = ("nothing-updated", "copy-dropped")
"""Mistakes after which no parameter changes; numbers cannot tell them apart."""


def matches(
    entry: Entry,
    predicted: Mapping[str, Array],
    probes: UpdateProbes,
    precision: Precision = DOUBLE,
) -> bool:
    """Return whether an entry's predicted and observed new values agree in all probes."""
    predicted_values, observed_values, before = (
        values[entry[0]][:, *entry[1]] for values in (predicted, probes.after, probes.inputs.before)
    )
    return agree(predicted_values, observed_values, before, precision)


class ChangeSet:
    """Mistakes by entry, and the ratio of rates that the task's rate policy accepts."""

    def __init__(
        self, changes: Mapping[Entry, tuple[Change, ...]], forgiven: Mapping[Entry, float]
    ) -> None:
        self.changes = {entry: made for entry, made in changes.items() if made}
        self.forgiven = forgiven

    def covered(self) -> set[Entry]:
        """Return the entries that the mistakes explain.

        These are changed, written to, or have an accepted rate.
        """
        writes = {target for _, target in self._writes()}
        return {*self.changes, *writes, *(e for e, ratio in self.forgiven.items() if ratio != 1.0)}

    def _writes(self) -> list[tuple[Entry, Entry]]:
        """Return each entry whose change was written to a wrong entry, with that entry."""
        return [
            (entry, target_of(details))
            for entry, made in self.changes.items()
            for code, details in made
            if code == "wrong-target"
        ]

    def without(self, entries: Collection[Entry]) -> ChangeSet:
        """Return the mistakes without those at ``entries`` and those that write to them."""
        removed = {*entries, *(entry for entry, target in self._writes() if target in entries)}
        kept = {e: made for e, made in self.changes.items() if e not in removed}
        forgiven = {e: ratio for e, ratio in self.forgiven.items() if e not in removed}
        return ChangeSet(kept, forgiven)

    def slips(self) -> tuple[Slip, ...]:
        """Return the mistakes grouped by code, the most basic first."""
        by_code: dict[str, list[tuple[Entry, Details]]] = {}
        for entry, made in self.changes.items():
            for code, details in made:
                by_code.setdefault(code, []).append((entry, details))
        return tuple(
            Slip(code, tuple(e for e, _ in by_code[code]), tuple(d for _, d in by_code[code]))
            for code in sorted(by_code, key=rank().__getitem__)
        )


class Prover(Struct, frozen=True):
    """One submission's numbers, against which sets of mistakes are run."""

    task: Task
    base: Mapping[Entry, Rule]
    fit: UpdateProbes
    fresh: UpdateProbes
    wrong: list[Entry]

    def refuted(self, sets: ChangeSet, entries: Iterable[Entry]) -> set[Entry]:
        """Return the entries, of those given, whose observed numbers the mistakes do not give."""
        entries = list(entries)
        if not entries:
            return set()
        slips = sets.slips()
        scaled = {e: scale_rule(sets.forgiven.get(e, 1.0), r) for e, r in self.base.items()}
        rules = rewrite_rules(self.task, scaled, slips)
        touched = {e: rules[e] for e in rules if e in entries or e not in self.wrong}
        if entries_in_cycles(touched):
            return set(entries)
        failed: set[Entry] = set()
        for probes in (self.fit, self.fresh):
            predicted = evaluate(self.task, touched, probes.inputs, probes.after)
            predicted = truncate_entries(self.task, slips, probes.inputs, predicted)
            failed |= {entry for entry in entries if not matches(entry, predicted, probes)}
        return failed

    def prove(self, sets: list[ChangeSet]) -> Explanation:
        """Return the explanation by the first of the sets, with the others as alternatives.

        Entries for which the first set gives wrong numbers are unexplained.
        """
        best = sets[0]
        while failed := self.refuted(best, (e for e in self.wrong if e in best.covered())):
            best = best.without(failed)
        covered = best.covered()
        lost = tuple(entry for entry in self.wrong if entry not in covered)
        return self.add_alternatives(Explanation(best.slips(), (), lost), sets[1:])

    def add_alternatives(
        self, explanation: Explanation, sets: Iterable[ChangeSet], longest: int = 99
    ) -> Explanation:
        """Add the other sets, of at most ``longest`` codes, that give the same numbers."""
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

    def search(self, explanation: Explanation, ruled: Collection[Entry]) -> Explanation:
        """Explain entries without a rule: integers, or a derivative taken at another value.

        All of them are truncated to integers, or none: a truncated entry may still seem to follow a
        rule such as ``= 0``, and where only some are truncated, it was one of their inputs. For
        entries not in ``ruled``, a derivative at another value is tried.
        """
        entries = explanation.unexplained
        cut = {entry: ((TRUNCATED, (("of", self._truncated_part(entry)),)),) for entry in entries}
        whole = all(dict(details)["of"] for ((_, details),) in cut.values())
        found: dict[Entry, tuple[Change, ...]] = {**cut} if whole else {}
        hidden = ACTIVATIONS[self.task.layers[0].activation]
        # A ReLU's derivative is the same at A and at Z.
        bent = is_curved(hidden) and not is_piecewise_linear(hidden)
        for of in ("activation", "output") if bent else ():
            made: dict[Entry, tuple[Change, ...]] = {
                entry: ((ELSEWHERE, (("of", of),)),)
                for entry in entries
                if entry[0] in (W1, B1) and entry not in found and entry not in ruled
            }
            failed = self.refuted(ChangeSet(made, {}), made)
            found |= {entry: change for entry, change in made.items() if entry not in failed}
        every = {**changes_by_entry(explanation.slips), **found}
        merged = ChangeSet(
            {entry: tuple(every[entry]) for entry in self.base if entry in every}, {}
        )
        left = tuple(entry for entry in entries if entry not in found)
        return replace(explanation, slips=merged.slips(), unexplained=left)

    def _truncated_part(self, entry: Entry) -> str:
        """Return which part of an entry is truncated: its value, change or gradient; "" if none."""
        inputs, place = self.fit.inputs, (slice(None), *entry[1])
        before, after = inputs.before[entry[0]][place], self.fit.after[entry[0]][place]
        # A value that is the same in all probes was assigned, not truncated.
        if not np.all(np.isfinite(after)) or not np.ptp(after):
            return ""
        for of in ("value", "change", "gradient"):
            whole = truncate(self.task, inputs, entry[0], before, after, of)
            made = ChangeSet({entry: ((TRUNCATED, (("of", of),)),)}, {})
            if np.abs(whole - after).max() < INTEGER_TOLERANCE and not self.refuted(made, [entry]):
                return of
        return ""


def _codes(slips: Iterable[Slip]) -> frozenset[str]:
    """Return the set of the mistakes' codes."""
    return frozenset(slip.code for slip in slips)
