"""All that the search for one mistake's line looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gradkit.diagnosis.mistakes.apply import with_slips
from gradkit.diagnosis.mistakes.explain import Diagnosis, marked
from gradkit.diagnosis.mistakes.parts import (
    hidden_layer,
    is_input,
    is_output,
    is_unit,
    is_weight,
    target_of,
)
from gradkit.diagnosis.mistakes.slots import counted
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.symbols import AXES, Table, letters_of, replace_letter
from gradkit.records.rule import (
    Details,
    Entry,
    Event,
    Factor,
    Rule,
    Slip,
    Steps,
    Term,
    Trace,
    UpdateInputs,
)
from gradkit.records.task import Array, Task
from gradkit.runtime.symbolic.numbers import CONSTANT

NEAR = 1e-8
"""Relative; within which a number is a constant times another, over the calls."""

EQUAL = 1e-13


class Case:
    """One slip in one trace.

    Parameters
    ----------
    task : Task
    trace : Trace
        With its steps, and all parameters ``after``.
    steps : Steps
        The trace's.
    inputs : UpdateInputs
        Of all calls of the trace.
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
    """

    def __init__(
        self,
        task: Task,
        trace: Trace,
        steps: Steps,
        inputs: UpdateInputs,
        diagnosis: Diagnosis,
        slip: Slip,
    ) -> None:
        self.task, self.trace, self.steps, self.slip = task, trace, steps, slip
        self.near = max(NEAR, diagnosis.precision.exact)
        self.inputs = inputs
        self.table = Table(task, inputs, trace.after)
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
        self.observed = {**everything, **diagnosis.applies}
        moved = {*self.redirected, *self.redirected.values()}
        kept = moved if slip.code != "wrong-target" else ()
        self.applied = {e: everything[e] if e in kept else self.observed[e] for e in everything}
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

    def fits(self, event: Event, parameter: str) -> bool:
        """Whether an event has the shape of a parameter, axes of length 1 aside."""
        shapes = event.values.shape[1:], self.inputs.before[parameter].shape[1:]
        ours, theirs = (tuple(size for size in shape if size != 1) for shape in shapes)
        return ours == theirs

    def place_of(self, entry: Entry) -> int:
        """The entry's place in its parameter's flat values."""
        return int(np.ravel_multi_index(entry[1], self.inputs.before[entry[0]].shape[1:]))

    def entries_at(self, event: Event, place: int) -> Iterator[Entry]:
        """Entries that a number belongs to, by its place in an array of some parameter's shape."""
        for key, value in self.inputs.before.items():
            if self.fits(event, key):
                i, j = np.unravel_index(place, value.shape[1:])
                yield key, (int(i), int(j))

    def at(self, event: Event, entry: Entry) -> Array:
        """An event's values in the place of an entry."""
        flat: Array = event.values.reshape(len(event.values), -1)[:, self.place_of(entry)]
        return flat

    def written(self, entry: Entry) -> Iterator[tuple[int, Event]]:
        """Events on the entry's parameter that statements made."""
        for number, event in enumerate(self.trace.events):
            made = event.kind != "given" and event.parameter == entry[0]
            if made and self.fits(event, entry[0]):
                yield number, event

    def first_holding(self, step: int) -> int | None:
        """The first event that a step's number is in."""
        events = enumerate(self.trace.events)
        return next((n for n, event in events if step in event.steps), None)

    def root(self, entry: Entry) -> int:
        """The step that made an entry's new value, or that its change went into."""
        return self.steps.after[self.redirected.get(entry, entry)]

    def renames(self, step: int, event: Event) -> bool:
        """Whether a name was given to a number that had been there before."""
        return (
            event.kind != "given"
            and step in event.steps
            and event is not self.trace.events[self.first_holding(step) or 0]
        )

    def is_computed(self, step: int) -> bool:
        """Whether a number was neither handed over, nor stands in the text."""
        return bool(self.steps.made[step].into)

    def is_a_figure(self, event: Event) -> bool:
        """Whether a name stands for a number in the text that is no learning rate."""
        rates = (self.task.rates.weight, self.task.rates.bias)
        sizes = np.abs(event.values).flat
        made = event.kind != "given" and all(map(self.is_constant, event.steps))
        return made and not any(size in rates for size in sizes)

    def is_rate(self, size: float, event: Event) -> bool:
        """Whether a name stands for a number in the text that is this large."""
        figure = len(event.steps) == 1 and self.is_constant(event.steps[0])
        return figure and bool(np.isclose(abs(event.values.flat[0]), size, NEAR, 0.0))

    def is_followed(self, entry: Entry) -> bool:
        """Whether the steps give what the known rule of an entry gives."""
        target = self.redirected.get(entry, entry)
        known, made = rule_values(self.table, self.observed[target]), self.after(target)
        return bool(np.abs(known - made).max() <= self.near * np.abs(made).max())

    def is_constant(self, step: int) -> bool:
        """Whether a number is the same, whatever was handed over."""
        return self.steps.made[step].operation == CONSTANT


def are_at_odds(one: Entry, other: Entry) -> bool:
    """Whether entries belong to different inputs, units or outputs, where they share such."""
    places = [dict(zip(AXES[key], index, strict=False)) for key, index in (one, other)]
    return any(places[0][axis] != places[1][axis] for axis in places[0].keys() & places[1].keys())


def same(one: Array, other: Array, close: float = EQUAL) -> bool:
    """Whether these are the same values, which are numbers."""
    size = np.abs(other).max(initial=0.0)
    return bool(np.isfinite(size) and np.abs(one - other).max(initial=0.0) <= close * size)


# --- the parts of a right product ------------------------------------------------------------

LOSS, OUTPUT, WEIGHT, UNIT, INPUT = range(-1, 4)
"""The order in which backpropagation multiplies: error, weight, derivative, input.

Before them is what a loss gives that the last derivative makes the error.
"""

Stages = tuple[int, ...]
"""Of each factor, in their order."""


class Parts:
    """The parts of a right product, as directions over the calls, with the stages in each."""

    def __init__(self, parts: Iterable[tuple[Stages, Array]], near: float) -> None:
        usable = [(key, value) for key, value in parts if np.any(value)]
        self._keys, self._near = [key for key, _ in usable], near
        self._rows = np.array([value / np.linalg.norm(value) for _, value in usable])
        own = (key for key in self._keys if LOSS not in key)
        self.whole: Stages = max(own, key=len, default=())

    def of(self, value: Array | None) -> Stages | None:
        """Return the stages in a number that is a constant times a part, or else None."""
        size = 0.0 if value is None else float(np.linalg.norm(value))
        if value is None or not self._keys or not size or not np.isfinite(size):
            return None
        along = self._rows @ (value / size)
        best = int(np.argmax(np.abs(along)))
        off = np.abs(value / size - along[best] * self._rows[best]).max()
        return self._keys[best] if off <= self._near else None

    def is_whole(self, part: Stages) -> bool:
        """Whether a part has all of each stage that it has anything of."""
        return all(part.count(stage) == self.whole.count(stage) for stage in {*part})


def parts_of(case: Case, rule: Rule) -> Iterator[tuple[Stages, Array]]:
    """All parts of a right product; of sums over a letter, those of their summands too."""
    for term in rule.terms:
        for each in _instances(case.task, term):
            made: list[tuple[Stages, Array]] = [((), np.ones(len(case.inputs.y)))]
            for piece in _pieces(each):
                stages = tuple(_stage(factor, rule) for factor in piece)
                value = case.table.product(piece)
                made += [(tuple(sorted((*key, *stages))), rest * value) for key, rest in made]
            # Of a product of nothing its constant is left.
            yield from made[1:] or made
    if len(rule.terms) > 1:
        terms = [case.table.term(term) for term in rule.terms]
        yield tuple(range(INPUT + 1)), np.sum(terms, axis=0)


def _pieces(term: Term) -> Iterator[tuple[Factor, ...]]:
    """The term's factors, powers written out, less the rate; all that a sum runs over is one."""
    factors = [factor for factor in term.factors if factor.symbol != "rate"]
    summed = tuple(factor for factor in factors if letters_of(factor.index))
    yield from ((factor,) for factor in counted(tuple(f for f in factors if f not in summed)))
    if summed:
        yield summed


def _stage(factor: Factor, rule: Rule) -> int:
    """When, in a gradient, a factor is multiplied in."""
    if is_unit(factor):
        # Layer 2's input is the hidden layer.
        return UNIT if hidden_layer(rule) else INPUT
    stages = {is_input: INPUT, is_weight: WEIGHT, is_output: OUTPUT}
    return next((stage for has, stage in stages.items() if has(factor)), INPUT)


def _instances(task: Task, term: Term) -> Iterator[Term]:
    """A term and, of a sum over a letter, its summands: they are made before."""
    yield term
    sizes = {"i": task.X.shape[1], "j": task.layers[0].units, "k": task.layers[-1].units}
    for letter in sorted({x for factor in term.factors for x in letters_of(factor.index)}):
        yield from (replace_letter(term, letter, place) for place in range(sizes[letter]))
