"""The sheet on which one check is judged: entries to compare, sentences to say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.binding import Bound
from gradkit.records.observations import Fault, Outcome
from gradkit.records.task import Array
from gradkit.records.verdict import Entry, Verdict
from gradkit.truth import closeness

SENTENCES: Mapping[str, str] = {
    "missing": "`{function}` does not give {quantity}: found {found}.",
    "shape": "`{function}` gives {quantity} in shape {found}.",
    "dtype": "`{function}` gives {quantity} as {found}; real numbers are expected.",
    "type": "`{function}` gives {quantity} as {found}; a numpy array is expected.",
    "subclass": "`{function}` gives {quantity} as {found}, a subclass of ndarray; "
    "its plain values were compared.",
    "mutated": "`{function}` changes its input {quantity}; it should leave it alone.",
    "complex": "`{function}` gives {quantity} as complex numbers; real ones are expected.",
    "whole": "`{function}` gives {quantity} as {found}: whole numbers cut off the fraction.",
    "nan": "`{function}` gives nan (not a number) in {quantity}.",
    "inf": "`{function}` gives an infinite value in {quantity}.",
}

Tolerance = Callable[[float], Array]
"""What each expected number may be missed by, given the rounding unit of what was found."""


@dataclass(slots=True)
class Sheet:
    """Entries and sentences of one check while it is judged."""

    bound: Bound
    entries: list[Entry] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many distinct entries were compared."""
        return len({(entry.parameter, entry.index) for entry in self.entries})

    def say(self, kind: str, quantity: str, found: str = "") -> None:
        """Add one of the sentences, once, in the student's own names."""
        name = self.bound.names.get(quantity, quantity)
        text = SENTENCES[kind].format(function=self.bound.function, quantity=name, found=found)
        kept = self.notes if kind == "subclass" else self.sentences
        if text not in kept:
            kept.append(text)

    def faults(self, faults: tuple[Fault, ...]) -> None:
        """Say what could not be read; a changed input is an entry of its own."""
        for fault in faults:
            self.say(fault.kind, fault.quantity, fault.found)
            if fault.kind == "mutated":
                self.entries.append(Entry(fault.quantity, (), "fail", None, None))

    def compare(
        self,
        quantity: str,
        outcome: Outcome,
        expected: Array,
        tolerance: Tolerance,
        labels: tuple[str, ...],
        *,
        whole: bool = False,
        title: str = "",
    ) -> None:
        """Add one entry per index of ``quantity``, shown at its first failing probe.

        Parameters
        ----------
        quantity : str
            The name in ``outcome.outputs``.
        expected : array, (n, …)
        labels : tuple of str
            Names of the n probes.
        whole : bool
            Whether whole numbers may come back as integers.
        title : str
            What the entries are called, if not ``quantity``.
        """
        found = outcome.outputs.get(quantity)
        shape = expected.shape[1:]
        if found is None or found.shape != expected.shape:
            self.entries += [
                Entry(
                    title or quantity, index, "fail", None, float(expected[(0, *index)]), labels[0]
                )
                for index in np.ndindex(shape)
            ]
            return
        kind = _odd_numbers(found, whole)
        if kind and not any(fault.quantity == quantity for fault in outcome.faults):
            self.say(kind, quantity, str(found.dtype))
        close = closeness.near(found, expected, tolerance(closeness.epsilon(found)))
        for index in np.ndindex(shape):
            failed = np.flatnonzero(~close[(slice(None), *index)])
            probe = int(failed[0]) if len(failed) else 0
            number = found[(probe, *index)]
            self.entries.append(
                Entry(
                    title or quantity,
                    index,
                    "fail" if len(failed) else "pass",
                    None if kind == "complex" else float(number),
                    float(expected[(probe, *index)]),
                    labels[probe],
                )
            )

    def verdict(self, check: str, summary: Callable[[list[Entry]], str]) -> Verdict:
        """Close the sheet: it passes where no entry failed."""
        merged = merge(self.entries)
        failed = [entry for entry in merged if entry.state != "pass"]
        if not failed:
            return Verdict(check, "pass", "", tuple(merged), None, tuple(self.notes))
        message = " ".join(filter(None, [*self.sentences, summary(failed)]))
        place = self.bound.return_place if self.sentences else self.bound.place
        return Verdict(check, "fail", message, tuple(merged), place, tuple(self.notes))


def _odd_numbers(found: NDArray[Any], whole: bool) -> str:
    """What is wrong with these numbers whatever is expected: a key of `SENTENCES`, or nothing."""
    if found.dtype.kind == "c":
        return "complex"
    if found.dtype.kind in "iub":
        return "" if whole else "whole"
    if np.isnan(found).any():
        return "nan"
    return "inf" if np.isinf(found).any() else ""


def merge(entries: list[Entry]) -> list[Entry]:
    """One entry per parameter and index: the first that failed, or else is open, is shown."""
    merged: dict[tuple[str, tuple[int, ...]], Entry] = {}
    for entry in entries:
        known = merged.setdefault((entry.parameter, entry.index), entry)
        if WEIGHT[entry.state] > WEIGHT[known.state]:
            merged[entry.parameter, entry.index] = entry
    return list(merged.values())


WEIGHT = defaultdict(lambda: 2, {"pass": 0, "inconclusive": 1})
"""Of two states for one entry the heavier one stands."""


def listed(entries: list[Entry]) -> str:
    """``W1[0,1], b2[0,0] and 3 more``."""
    names = [
        entry.parameter + (f"[{','.join(map(str, entry.index))}]" if entry.index else "")
        for entry in entries
    ]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
