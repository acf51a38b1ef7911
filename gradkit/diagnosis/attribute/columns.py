"""The numbers of a trace as columns over the calls, to be searched for products."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec import Struct

from gradkit.records.rule import Entry, Event, Trace
from gradkit.records.task import Array

PROPORTIONAL = 1e-8
"""Relative; a difference of two parameter values keeps no more digits."""

EQUAL = 1e-13

ROUGHLY = 1e-6
"""Columns that are further from a product's direction are not looked at any closer."""

LEAST = 3
"""Calls in which a value is not zero: with fewer, anything is proportional to anything."""


class Hit(Struct, frozen=True):
    """A number in an event that is ``factor`` times what was looked for."""

    event: int
    position: int
    factor: float


class Columns:
    """Every number that the statements of a trace made: one column over the calls each.

    What was there from the start is left out.

    Parameters
    ----------
    trace : Trace
    proportional : float
        What a value may be off by, relative, and still be a constant times another.
    """

    def __init__(self, trace: Trace, proportional: float = PROPORTIONAL) -> None:
        self._near = proportional
        self.events = trace.events
        self._after = {key: value.reshape(len(value), -1) for key, value in trace.after.items()}
        self._shapes = {key: value.shape[1:] for key, value in trace.after.items()}
        squeezed = {key: _squeezed(shape) for key, shape in self._shapes.items()}
        self._fitting = [
            {key for key, shape in squeezed.items() if shape == _squeezed(event.values.shape[1:])}
            for event in trace.events
        ]
        self._final = [self._finished(trace, number) for number in range(len(trace.events))]
        self._repeats = [_repeats(trace.events, number) for number in range(len(trace.events))]
        made = [i for i, event in enumerate(trace.events) if event.kind != "given"]
        flat = [trace.events[i].values.reshape(len(trace.calls), -1) for i in made]
        empty = np.zeros((len(trace.calls), 0))
        self._matrix: Array = np.concatenate([empty, *flat], axis=1)
        self._largest: Array = np.abs(self._matrix).max(axis=0, initial=0.0)
        with np.errstate(invalid="ignore"):  # a student's values may be infinite
            scaled = self._matrix / np.where(self._largest > 0, self._largest, 1.0)
            length = np.sqrt(np.square(scaled).sum(axis=0))
            self._unit: Array = scaled / np.where(length > 0, length, 1.0)
        sizes = [part.shape[1] for part in flat]
        self._event = np.repeat(np.array(made, dtype=int), sizes)
        self._position = np.concatenate([np.zeros(0, dtype=int), *map(np.arange, sizes)])

    def proportional(self, products: Array, entry: Entry | None) -> list[list[Hit]]:
        """Where columns are constants times each of ``products``, shape (calls, products).

        In the order of the events. In an array of the shape of the entry's own parameter
        only the entry's own place counts: elsewhere the same number belongs to another
        entry.
        """
        usable = np.count_nonzero(products, axis=0) >= LEAST
        usable &= np.all(np.isfinite(products), axis=0)
        products = np.where(usable, products, 1.0)
        rows = np.argmax(np.abs(products), axis=0)
        largest = products[rows, np.arange(len(rows))]
        which, columns = np.nonzero(self._aligned(products / largest) & usable[:, None])
        factors = self._matrix[rows[which], columns] / largest[which]
        off = np.abs(self._matrix[:, columns] - products[:, which] * factors).max(axis=0, initial=0)
        near = (off <= self._near * self._largest[columns]) & (factors != 0)
        found: list[list[Hit]] = [[] for _ in rows]
        for number, column, factor in zip(
            which[near].tolist(), columns[near].tolist(), factors[near].tolist(), strict=True
        ):
            hit = Hit(int(self._event[column]), int(self._position[column]), factor)
            if entry is None or self.may_be(hit, entry):
                found[number].append(hit)
        return found

    def _aligned(self, products: Array) -> Array:
        """Which columns have the direction of which products, roughly: (products, columns)."""
        with np.errstate(invalid="ignore"):  # a student's values may be infinite
            angle = np.square(products.T @ self._unit)
            lengths = np.square(products).sum(axis=0)
            return np.asarray(angle >= (1 - max(ROUGHLY, 10 * self._near)) * lengths[:, None])

    def equal(self, column: Array, entry: Entry | None) -> list[Hit]:
        """Where a column has these very values."""
        if not np.all(np.isfinite(column)):
            return []
        off = np.abs(self._matrix - column[:, None]).max(axis=0, initial=0.0)
        found = off <= EQUAL * np.abs(column).max(initial=0.0)
        return self._hits(found, np.ones(found.shape), entry)

    def _hits(self, found: Array, factors: Array, entry: Entry | None) -> list[Hit]:
        hits = [
            Hit(int(self._event[c]), int(self._position[c]), float(factors[c]))
            for c in np.flatnonzero(found)
        ]
        return [hit for hit in hits if entry is None or self.may_be(hit, entry)]

    def may_be(self, hit: Hit, entry: Entry) -> bool:
        """Whether a number can be about an entry, from where it stands."""
        if self._final[hit.event] not in ("", entry[0]):
            return False
        if self._is_settled(hit) and self.events[hit.event].parameter != entry[0]:
            return False
        return not self.fits(hit.event, entry[0]) or hit.position == self.position_of(entry)

    def _is_settled(self, hit: Hit) -> bool:
        """Whether the number is what some parameter has, in this place, after the step."""
        parameter = self.events[hit.event].parameter
        if not parameter or not self.fits(hit.event, parameter):
            return False
        after = self._after[parameter][:, hit.position]
        return np.array_equal(_flat(self.events[hit.event])[:, hit.position], after)

    def fits(self, event: int, parameter: str) -> bool:
        """Whether an event has the shape of a parameter, axes of length 1 aside."""
        return parameter in self._fitting[event]

    def position_of(self, entry: Entry) -> int:
        """The entry's place in its parameter's flat values."""
        return int(np.ravel_multi_index(entry[1], self._shapes[entry[0]]))

    def entry_at(self, parameter: str, position: int) -> Entry:
        """The entry at a place in a parameter's flat values."""
        i, j = np.unravel_index(position, self._shapes[parameter])
        return parameter, (int(i), int(j))

    def written(self, entry: Entry) -> Iterator[tuple[int, Array, Array | None]]:
        """What statements made of an entry: events on its parameter, with values there.

        The last is what stood in its place before, or None where there was nothing.
        """
        for number, value, before in self._at(entry):
            if self.events[number].parameter == entry[0]:
                yield number, value, before

    def changed(self, entry: Entry) -> Iterator[tuple[int, Array, Array]]:
        """Events that changed an array of the parameter's shape, with values in the place."""
        for number, value, before in self._at(entry):
            if before is not None:
                yield number, value, before

    def _at(self, entry: Entry) -> Iterator[tuple[int, Array, Array | None]]:
        place = self.position_of(entry)
        for number, event in enumerate(self.events):
            if event.kind == "given" or not self.fits(number, entry[0]):
                continue
            before = None
            if event.prior is not None and self.fits(event.prior, entry[0]):
                before = _flat(self.events[event.prior])[:, place]
            yield number, _flat(event)[:, place], before

    def _finished(self, trace: Trace, number: int) -> str:
        """The parameter whose values after the step an event has, or none."""
        event = trace.events[number]
        if not event.parameter or not self.fits(number, event.parameter):
            return ""
        after = trace.after[event.parameter]
        return (
            event.parameter if np.array_equal(_flat(event), after.reshape(len(after), -1)) else ""
        )

    def repeats(self, number: int) -> bool:
        """Whether an event only gives another name to values that were there already."""
        return self._repeats[number]


def _repeats(events: tuple[Event, ...], number: int) -> bool:
    values = events[number].values
    return any(
        other.kind != "given"
        and other.values.shape == values.shape
        and np.array_equal(other.values, values)
        for other in events[:number]
    )


def _flat(event: Event) -> Array:
    return event.values.reshape(len(event.values), -1)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)
