"""All that the search for one mistake's line looks at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import sub

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.attribute.columns import PROPORTIONAL, Columns, Hit
from gradkit.diagnosis.attribute.product import Piece, Pieces, marked, pieces_of, within
from gradkit.diagnosis.mistakes import Diagnosis, with_slips
from gradkit.diagnosis.mistakes.parts import target_of
from gradkit.diagnosis.rules.symbols import Table
from gradkit.records.rule import Details, Entry, Rule, Slip, Trace, UpdateInputs
from gradkit.records.task import Array, Task


class Case:
    """One slip in one trace.

    Parameters
    ----------
    task : Task
    trace : Trace
        Of at least one call, with all parameters ``after``.
    inputs : UpdateInputs
        Of all calls of the traced batch.
    diagnosis : Diagnosis
    slip : Slip
        One of the explanation's.

    Attributes
    ----------
    applied, without : dict
        For each entry the rule that the code follows, and the one it would follow if this
        slip, and no other, were mended.
    observed : dict
        For each entry the rule that was recovered, or else the one that the slips make, with
        changes that were written to a wrong entry where they went.
    redirected : dict
        Entries whose change was written to another, with that other.
    other_inputs : dict
        Entries for which other values serve as input, with the symbol and index of these.
    """

    def __init__(
        self, task: Task, trace: Trace, inputs: UpdateInputs, diagnosis: Diagnosis, slip: Slip
    ) -> None:
        self.task, self.trace, self.slip = task, trace, slip
        self.columns = Columns(trace, max(PROPORTIONAL, diagnosis.precision.exact))
        self.inputs = rows_of(inputs, trace.calls)
        self.table = Table(task, self.inputs, trace.after)
        self.details: dict[Entry, Details] = dict(zip(slip.entries, slip.details, strict=False))
        slips = diagnosis.explanation.slips
        self.redirected = {
            entry: target_of(details)
            for other in slips
            if other.code == "wrong-target"
            for entry, details in zip(other.entries, other.details, strict=True)
        }
        if slip.code != "wrong-target":
            # Where a term was written to is another matter than what is wrong with it.
            slips = tuple(other for other in slips if other.code != "wrong-target")
        everything = with_slips(task, diagnosis.should, slips)
        others = with_slips(task, diagnosis.should, (s for s in slips if s is not slip))
        recovered = {e: r for e, r in diagnosis.applies.items() if isinstance(r, Rule)}
        self.observed = everything | recovered
        moved = {*self.redirected, *self.redirected.values()}
        kept = moved if slip.code != "wrong-target" else ()
        self.applied = {e: everything[e] if e in kept else self.observed[e] for e in everything}
        self.other_inputs = {
            entry: (_symbol_of_input(entry, dict(details)), dict(details)["index"])
            for other in slips
            if other.code == "wrong-layer-input"
            for entry, details in zip(other.entries, other.details, strict=True)
        }
        self._values: dict[Piece, Array] = {}
        self._others = {
            entry: [pieces_of(term) for term in rule.terms]
            for entry, rule in self.applied.items()
            if entry not in slip.entries
        }
        self._should = {
            entry: [_whenever(pieces_of(term)) for term in diagnosis.should[entry].terms]
            for entry in self._others
        }
        self._slipped = {
            entry: [reduce(sub, self._should[entry], _whenever(other)) for other in others]
            for entry, others in self._others.items()
        }
        self.without = {e: marked(rule, self.applied[e]) for e, rule in others.items()}

    def fact(self, entry: Entry, name: str) -> object:
        """One of the slip's details at an entry, or None."""
        return dict(self.details.get(entry, ())).get(name)

    def after(self, entry: Entry) -> Array:
        """The entry's values after the step, shape (calls,)."""
        return self.trace.after[entry[0]][:, *entry[1]]

    def before(self, entry: Entry) -> Array:
        """The entry's values before the step, shape (calls,)."""
        return self.inputs.before[entry[0]][:, *entry[1]]

    def hits(self, products: list[Pieces], entry: Entry) -> list[list[Hit]]:
        """Where each product was made, up to a constant, as a value of this entry's."""
        if not products:
            return []
        values = [self.value(product) for product in products]
        found = self.columns.proportional(np.stack(values, axis=1), entry)
        rule = self.applied[entry]
        whole = pieces_of(rule.terms[0]) if len(rule.terms) == 1 else None
        return [
            [hit for hit in hits if product != whole or not self._owned(hit, product, entry)]
            if product
            else []
            for product, hits in zip(products, found, strict=True)
        ]

    def used_elsewhere(self, pieces: Pieces, among: Collection[Entry] | None = None) -> bool:
        """Whether an entry without this mistake is made of the same product."""
        return any(
            within(pieces, other)
            for entry, others in self._others.items()
            if among is None or entry in among
            for other in others
        )

    def innocent(self, pieces: Pieces, doubtful: Pieces) -> bool:
        """Whether an entry without this mistake is, or should be, made of the same product.

        An entry in which the doubtful part is wrong too, by another name, makes it no better.
        """
        made, wrong = _whenever(pieces), _whenever(doubtful)
        return any(
            within(pieces, other) and not within(wrong, slipped)
            for entry, others in self._others.items()
            for other, slipped in zip(others, self._slipped[entry], strict=True)
        ) or any(within(made, right) for should in self._should.values() for right in should)

    def shape_of(self, symbol: str) -> tuple[int, ...]:
        """The shape in which a quantity is given, axes of length 1 aside."""
        values = self.table.array(symbol, "")
        return tuple(size for size in values.shape[1:] if size != 1)

    def value(self, pieces: Pieces) -> Array:
        """A product over the calls, shape (calls,)."""
        total = np.ones(len(self.inputs.y))
        for piece, count in pieces.items():
            if piece not in self._values:
                self._values[piece] = self.table.product(piece)
            total = total * self._values[piece] ** count
        return total

    def _owned(self, hit: Hit, pieces: Pieces, entry: Entry) -> bool:
        """Whether the number is the whole gradient of another weight's entry, in its place.

        A bias's gradient is a step on the way to the others' as well.
        """
        for parameter in self.trace.after:
            if parameter in (entry[0], "b1", "b2") or not self.columns.fits(hit.event, parameter):
                continue
            other = self.applied[self.columns.entry_at(parameter, hit.position)]
            if len(other.terms) == 1 and pieces_of(other.terms[0]) == pieces:
                return not self.columns.fits(hit.event, entry[0])
        return False


def _symbol_of_input(entry: Entry, facts: Mapping[str, object]) -> str:
    return "output" if facts.get("of") == "output" else "hidden" if entry[0] == "W1" else "input"


def _whenever(pieces: Pieces) -> Pieces:
    """A product in which a parameter's value is the same before and after its update."""
    found: Pieces = Counter()
    for piece, count in pieces.items():
        plain = tuple(replace(f, when="") if f.when else f for f in piece)
        found[plain] += count
    return found


def rows_of(inputs: UpdateInputs, rows: Iterable[int]) -> UpdateInputs:
    """Some of the calls."""
    chosen = np.array(list(rows), dtype=int)
    return replace(
        inputs,
        y=inputs.y[chosen],
        y_hat=inputs.y_hat[chosen],
        A1=inputs.A1[chosen],
        X=inputs.X[chosen],
        before={key: value[chosen] for key, value in inputs.before.items()},
        rate=None if inputs.rate is None else inputs.rate[chosen],
    )
