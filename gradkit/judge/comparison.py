"""Compare found with expected numbers, and collect the entries and messages of one check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.judge.case import subject
from gradkit.records.observations import RETURNED_NONE, Bound, Fault
from gradkit.records.result import Entry, State, Verdict
from gradkit.records.task import Array
from gradkit.text import format_entry, format_text

SENTENCES: Mapping[str, str] = {
    "missing": "{function} does not give {quantity}: {found}.",
    "shape": "{function} gives {quantity} in shape {found}.",
    "dtype": "{function} gives {quantity} as {found}; real numbers are expected.",
    "type": "{function} gives {quantity} as {found}; an array of numbers is expected.",
    "subclass": (
        "{function} gives {quantity} as {found}, a subclass of ndarray; its "
        "plain values were compared."
    ),
    "mutated": (
        "{function} changes its input {quantity}; it should leave it as it was: work on a copy."
    ),
    "complex": "{function} gives {quantity} as complex numbers; real ones are expected.",
    "whole": (
        "{function} gives {quantity} as whole numbers ({found}), which cuts off "
        "the fraction; use float64."
    ),
    "coarse": "{function} gives {quantity} as {found}, which keeps only three digits; use float64.",
    "nan": "{function} gives nan (not a number) in {quantity}.",
    "inf": "{function} gives an infinite number in {quantity}.",
}

TOO_SMALL = (
    "{function} makes steps that are too small for the precision of its numbers; use float64."
)

VECTORS = ("y_hat", "A1")
"""Quantities whose entries are named by one index."""

WORDS: Mapping[str, str] = {
    "y_hat": "the output ŷ",
    "A1": "the hidden layer A1",
    "loss": "the loss",
}
"""Words for quantities that are no argument of the function, and so have no name there."""


class Comparison(Struct):
    """The entries and messages of one check while it is judged.

    ``givers`` name the source of a quantity if it is not the function ``bound``. ``idle`` is set
    if some number is right that would also be right without any step: it earns nothing.
    """

    bound: Bound
    givers: Mapping[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    idle: bool = False
    _reports: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    _remarks: list[str] = field(default_factory=list)
    _explained: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Return the number of distinct numbers that were compared."""
        return len({(entry.parameter, entry.index) for entry in self.entries if entry.index})

    def remark_on_precision(self) -> None:
        """Add, if any number failed, the remark that low precision explains the error."""
        if any(entry.index and entry.state != "pass" for entry in self.entries):
            self.remark(
                format_text(
                    "The numbers agree to about seven digits, no further: {function} works in "
                    "float32 somewhere, or adds a small constant such as 1e-6. Use float64 "
                    "throughout.",
                    function=subject(self.bound),
                )
            )

    def remark(self, text: str) -> None:
        """Add a sentence to the message, once."""
        if text not in self._remarks:
            self._remarks.append(text)

    def report(self, kind: str, quantity: str, found: str = "") -> None:
        """Add one of `SENTENCES` about a quantity to the message, with the student's own names."""
        plain = quantity.removeprefix("final/")
        own = {} if plain in self.givers else {**self.bound.convention.keys, **self.bound.names}
        giver = self.givers.get(plain, subject(self.bound))
        names = self._reports.setdefault((kind, giver, found), [])
        name = own.get(plain, WORDS.get(plain, plain))
        if name not in names:
            names.append(name)
        self._explained.add(plain)

    def faults(self, faults: tuple[Fault, ...]) -> None:
        """Report values that could not be read. A changed input becomes a failed entry."""
        for fault in faults:
            self.report(fault.kind, fault.quantity, fault.found)
            if fault.kind == "mutated":
                self.entries.append(Entry(fault.quantity, (), "fail", None, None))

    def _sentences(self, *, notes: bool) -> list[str]:
        """Return the reports as sentences: those that are only notes, or all others."""
        return [
            format_text(SENTENCES[kind], function=giver, quantity=joined(names), found=found)
            for (kind, giver, found), names in self._reports.items()
            if (kind == "subclass") is notes
        ]

    def compare(
        self,
        quantity: str,
        found: NDArray[Any] | None,
        expected: Array,
        allowed: Array,
        labels: tuple[str, ...],
        *,
        still: Array | None = None,
    ) -> None:
        """Add one entry per index of ``quantity``, with the numbers of its first failing probe.

        Right entries are left out in which ``still`` is right too: code that does nothing must not
        earn points.

        Parameters
        ----------
        quantity : str
        found, expected : array, (n, …)
        allowed : array
            Largest accepted error of each number.
        labels : tuple of str
            Names of the n probes.
        still : array, (n, …), optional
            The numbers if the code did nothing.
        """
        shape = expected.shape[1:]
        kind = ""
        idle: NDArray[np.bool_] = np.zeros(shape, np.bool_)
        off: NDArray[np.bool_] = np.ones(shape, np.bool_)
        first: NDArray[np.intp] = np.zeros(shape, np.intp)
        if found is not None and found.shape != expected.shape:
            found = None
        if found is not None:
            close = tolerances.near(found, expected, allowed)
            if found.dtype.kind == "c":
                close[...] = False
            kind = "" if close.all() else _odd_numbers(found, expected)
            if kind:
                self.report(kind, quantity, str(found.dtype) if kind in ("whole", "coarse") else "")
            off, first = np.asarray(~close.all(axis=0)), (~close).argmax(axis=0)
            if still is not None:
                at_rest = tolerances.near(still, expected, allowed).all(axis=0)
                idle = np.asarray(~off & at_rest)
                self.idle |= bool(idle.any())
        for index in np.ndindex(shape):
            if idle[index]:
                continue
            at = (first[index], *index)
            self.entries.append(
                Entry(
                    quantity.removeprefix("final/"),
                    index,
                    "fail" if off[index] else "pass",
                    None if found is None or kind == "complex" else float(found[at]),
                    float(expected[at]),
                    labels[first[index]],
                    label_of(self.bound, quantity, index, shape),
                )
            )

    def verdict(self, check: str, summary: str, **fields: str) -> Verdict:
        """Return the verdict: the check passes if no entry failed.

        ``summary``, filled with ``fields``, reports the failed entries that no other sentence
        explains.
        """
        merged = merge(self.entries)
        failed = [each for each in merged if each.state == "fail"]
        notes = (*self._sentences(notes=True), *self.notes)
        if not merged and self.idle:
            text = format_text(TOO_SMALL, function=subject(self.bound))
            return Verdict(check, "fail", text, (), self.bound.place, notes)
        if not failed:
            return Verdict(check, "pass", "", tuple(merged), None, notes)
        sentences = self._sentences(notes=False)
        rest = [entry for entry in failed if not self._is_explained(entry)]
        place = self.bound.return_place if sentences else self.bound.place
        sentences += self._remarks
        if rest:
            known = {"function": subject(self.bound), "entries": listed(rest)}
            numbers = {"count": len(rest), "size": self.size}
            sentences.append(format_text(summary, **{**known, **numbers, **fields}))
        message = " ".join(sentences)
        none = any(found == RETURNED_NONE for _, _, found in self._reports)
        return Verdict(check, "fail", message, tuple(merged), place, notes, returns_none=none)

    def _is_explained(self, entry: Entry) -> bool:
        """Return whether a sentence says why an entry has no finite number."""
        if entry.parameter not in self._explained:
            return False
        return entry.found is None or not np.isfinite(entry.found)


def _odd_numbers(found: NDArray[Any], expected: Array) -> str:
    """Return the key of `SENTENCES` that says what is wrong with the type of the numbers, or ""."""
    if found.dtype.kind == "c":
        return "complex"
    if found.dtype.kind in "iub":
        # A cut-off fraction is at most 1. Larger errors have another cause.
        return "whole" if np.all(np.abs(found - expected) <= 1) else ""
    if np.isnan(found).any():
        return "nan"
    if np.isinf(found).any():
        return "inf"
    return "coarse" if found.dtype.itemsize < 4 else ""


def joined(names: list[str]) -> str:
    """Join names to a text: ``W1, b1 and W2``."""
    if len(names) == 1:
        return names[0]
    return format_text("{these} and {that}", these=", ".join(names[:-1]), that=names[-1])


def label_of(bound: Bound, quantity: str, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return an entry as the student indexes it: ``b1[0]``."""
    plain = quantity.removeprefix("final/")
    if plain in VECTORS:
        return plain if shape == (1, 1) else f"{plain}[{index[0]}]"
    if plain not in bound.convention.keys:
        return ""
    return entry_label(
        plain,
        index,
        keys=bound.convention.keys,
        transposed=bound.convention.weights == "out_in",
        outputs=shape[plain[0] == "W"],
    )


def merge(entries: list[Entry]) -> list[Entry]:
    """Merge entries with the same parameter and index: the first of the worst state stays."""
    merged: dict[tuple[str, tuple[int, ...]], Entry] = {}
    for entry in entries:
        known = merged.setdefault((entry.parameter, entry.index), entry)
        if SEVERITIES.index(entry.state) > SEVERITIES.index(known.state):
            merged[entry.parameter, entry.index] = entry
    return list(merged.values())


SEVERITIES: tuple[State, ...] = ("pass", "inconclusive", "fail")
"""The states of a compared entry, the worst last."""


def listed(entries: list[Entry]) -> str:
    """List the first eight entries: ``W1[0,1], b2 and 3 more``."""
    names = [format_entry(entry.label, entry.parameter, entry.index) for entry in entries]
    return ", ".join(names[:8]) + (
        format_text(" and {count} more", count=len(names) - 8) if len(names) > 8 else ""
    )


def entry_label(
    parameter: str,
    index: tuple[int | str, ...],
    *,
    keys: Mapping[str, str],
    transposed: bool = False,
    outputs: int = 1,
) -> str:
    """Return the label of an entry, e.g. ``W1[0,1]``, ``b1[1]``, ``W2[0]``, ``b2``.

    Parameters
    ----------
    parameter : str
        The canonical name.
    index : tuple of int or str
        The canonical index; a letter stands for an axis that is summed over.
    keys : mapping of str to str
        The student's names by the canonical names.
    transposed : bool
        Whether the student stores weights as (out, in), so that indices are reversed.
    outputs : int
        With one output, the axis of W2 and b2 that has length 1 is left out.
    """
    key = keys.get(parameter, parameter)
    single = outputs == 1 and parameter.endswith("2")
    if parameter[0] == "b":
        return key if single else f"{key}[{index[0]}]"
    if single:
        return f"{key}[{index[0]}]"
    return f"{key}[{','.join(map(str, index[::-1] if transposed else index))}]"
