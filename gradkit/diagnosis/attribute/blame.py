"""The step of a call that a mistake is made in: the first that has another value than it should.

A right rule says what an entry should be after the step. Step by step backwards, that says what
each number on the way should have been, if it alone were wrong. Of numbers that nothing right is
made of, the first is to blame that is no part of the right product and should be one; or else the
first that is a part, and should be a larger one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from gradkit.diagnosis.attribute.case import (
    INPUT,
    LOSS,
    NEAR,
    OUTPUT,
    Case,
    Parts,
    Stages,
    are_at_odds,
    parts_of,
    same,
)
from gradkit.diagnosis.mistakes.parts import OF_A_SUM
from gradkit.diagnosis.rules.evaluate import rule_values
from gradkit.diagnosis.rules.program import collect_ancestors
from gradkit.diagnosis.trace import apply_operation
from gradkit.records.result import UNEXPLAINED
from gradkit.records.rule import Entry, Event, Made, Steps
from gradkit.records.task import Array

OF_ANOTHER = "wrong-loss"
"""A mistake of which the place is what comes before the last derivative, if that is anywhere."""

At = tuple[int, int | None]
"""A step, and an event in its place, if that is to be told."""

Back = Callable[[Array, Array, Array], tuple[Array | None, Array | None]]

_BACK: Mapping[str, Back] = {
    "add": lambda w, a, b: (w - b, w - a),
    "sub": lambda w, a, b: (w + b, a - w),
    "mul": lambda w, a, b: (w / b, w / a),
    "truediv": lambda w, a, b: (w * b, a / w),
    "power": lambda w, a, b: (np.sign(a) * np.abs(w) ** (1 / b), None),
    "exp": lambda w, a, b: (np.log(w), None),
    "log": lambda w, a, b: (np.exp(w), None),
    "sqrt": lambda w, a, b: (w**2, None),
    "tanh": lambda w, a, b: (np.arctanh(w), None),
}
"""What should go into a step, either part of it alone, for the step to be what is wanted."""


def backwards(step: Made, want: Array, values: Array) -> tuple[Array | None, ...]:
    """Return what went into a step should have been, each if it alone were wrong."""
    if step.operation not in _BACK:
        return (None,) * len(step.into)
    with np.errstate(all="ignore"):
        return _BACK[step.operation](want, *values[[*step.into]])


def wanted(steps: Steps, values: Array, within: Sequence[int], right: Array) -> dict[int, Array]:
    """Return what each step should have been, were it alone wrong, for the last to be right.

    A step that is wanted to be two things at once is left out, and what it is made of.
    """
    found: dict[int, Array | None] = dict.fromkeys(within[-1:], right)
    for number in reversed(within):
        want = found.get(number)
        step = steps.made[number]
        if want is None or not step.into:
            continue
        for each, back in zip(step.into, backwards(step, want, values), strict=True):
            if back is None or not np.isfinite(back).all():
                found[each] = None
            elif each not in found:
                found[each] = back
            elif (known := found[each]) is None or not same(known, back, NEAR):
                found[each] = None
    return {n: want for n in within if (want := found.get(n)) is not None}


class Blame:
    """The steps that one mistake is made in."""

    def __init__(self, case: Case) -> None:
        self._case, self._steps, self._values = case, case.steps, case.steps.values
        entries = {case.redirected.get(entry, entry) for entry in case.slip.entries}
        roots: tuple[list[int], list[int]] = ([], [])
        for entry, root in case.steps.after.items():
            roots[entry in entries].append(root)
        self._right = collect_ancestors(case.steps.made, roots[False], roots[True])
        self._everywhere = len(case.slip.entries) == len(case.applied)
        self._parts: dict[Entry, Parts] = {}
        self._below: dict[int, set[int]] = {}
        self._mended: dict[int, tuple[Array, int | None]] = {}
        self._names: dict[int, int] = {}
        self._places: dict[int, set[Entry]] = {}
        for event in case.trace.events:
            for place, number in enumerate(event.steps):
                self._places.setdefault(number, set()).update(case.entries_at(event, place))

    def below(self, entry: Entry) -> list[int]:
        """Return the steps of an entry in order; none of those before another's new value."""
        root = self._case.root(entry)
        if root not in self._below:
            others = {*self._steps.after.values()} - {root}
            self._below[root] = collect_ancestors(self._steps.made, [root], others)
        return sorted(self._below[root])

    def is_right_elsewhere(self, number: int) -> bool:
        """Whether the text that made a step made another one, in another call, that is right."""
        spots = self._steps.spots
        return any(spots[each][:1] == spots[number][:1] for each in self._right - {number})

    def is_right(self, entry: Entry) -> bool:
        """Whether an entry is right in this call."""
        return same(self._values[self._case.root(entry)], self._right_at(entry), NEAR)

    def _right_at(self, entry: Entry, *, jointly: bool = False) -> Array:
        """What should be where an entry went, if it were right, or all that went there."""
        case, root = self._case, self._case.root(entry)
        if entry not in {*case.redirected, *case.redirected.values()}:
            return rule_values(case.table, case.without[entry])
        total: Array = self._values[root]
        for each in case.slip.entries:
            if each == entry or (jointly and case.root(each) == root):
                right, made = (
                    rule_values(case.table, of[each]) for of in (case.without, case.applied)
                )
                total = total + right - made
        return total

    def _candidates(self, entry: Entry) -> list[tuple[int, Array]]:
        """Steps of an entry that nothing right is made of, each with what it should have been."""
        found = wanted(self._steps, self._values, self.below(entry), self._right_at(entry))
        return [
            (number, want)
            for number, want in found.items()
            if number not in self._right
            and self._case.is_computed(number)
            and not same(self._values[number], want, NEAR)
            # What should be nothing is known but for rounding, which looks like anything.
            and np.abs(want).max() > NEAR * np.abs(self._values[number]).max()
        ]

    def parts(self, entry: Entry) -> Parts:
        """Return the parts of an entry's right product."""
        if entry not in self._parts:
            case, outputs = self._case, self._case.inputs.y_hat
            parts = [*parts_of(case, case.without[entry])]
            plain = all(key.count(OUTPUT) < 2 for key, _ in parts)
            if plain and case.task.loss == "binary_cross_entropy" and outputs.shape[1] == 1:
                # Where the loss cancels the last activation's derivative, the error is what comes
                # after it.
                slope = outputs[:, 0] * (1 - outputs[:, 0])
                parts += [((LOSS, *key), value / slope) for key, value in parts if OUTPUT in key]
            self._parts[entry] = Parts(parts, case.near)
        return self._parts[entry]

    # --- factors -------------------------------------------------------------------------

    def product(self, entry: Entry) -> At | None:
        """Return the step with a wrong factor, or without one that is missing.

        Or the event of a name that stands for what has it.
        """
        mended = self._mended_in(entry)
        if mended is not None:
            return mended, self._mended[mended][1]
        known = self.parts(entry)
        number, want = self._first(entry, known) or (-1, None)
        if want is None:
            return None
        named = self._named(number, want, known)
        if named is None:
            self._mended[number] = want, None
            return None if number == self._case.root(entry) else (number, None)
        event, step, back = named
        bare = not self._case.is_computed(step)
        self._mended[step if bare else number] = back if bare else want, event
        return number, event

    def _first(self, entry: Entry, known: Parts) -> tuple[int, Array] | None:
        code, fallback, least = self._case.slip.code, None, INPUT + 1
        for number, want in self._candidates(entry):
            if number == self._case.root(entry):
                return fallback or (number, want)
            bare = code == "missing-error"
            if bare and self._named(number, want, known, constant=True) is not None:
                return number, want
            should, now = known.of(want), known.of(self._values[number])
            summing = self._steps.made[number].operation in ("add", "sub")
            if should is None or (code in OF_A_SUM and not summing):
                continue
            if code == OF_ANOTHER and LOSS in should:
                fallback = number, want
                continue
            if now is None or (known.is_whole(should) and not known.is_whole(now)):
                if not self._is_misplaced(entry, number, should):
                    return fallback if fallback and code == OF_ANOTHER else (number, want)
            # A slope alone is as it should be where it comes to what stands before it.
            elif (
                (begun := min(now, default=OUTPUT)) < least
                and known.is_whole(should)
                and {*should} - {*now}
            ):
                missing = min({*should} - {*now})
                before = {stage for stage in known.whole if stage < missing}
                if before <= {*now} and code != UNEXPLAINED:
                    fallback, least = (number, want), begun
        return fallback

    def _is_misplaced(self, entry: Entry, number: int, stages: Stages) -> bool:
        """Whether a number is right where it stands, for another unit, and only used wrongly.

        So is one that has a name of its own, which is given once.
        """
        events = self._case.trace.events
        named = [event.place for event in events if event.steps == (number,)][:1]
        once = sum(event.place in named for event in events) == 1
        others = {*self._places.get(number, ()), *(self._case.slip.entries if once else ())}
        return any(
            are_at_odds(entry, other) and self.parts(other).of(self._values[number]) == stages
            for other in others
        )

    def _mended_in(self, entry: Entry) -> int | None:
        """Return a step that was to blame for another entry, if that makes this one right too."""
        within = self.below(entry)
        made = [number for number in within if number in self._mended]
        if not made:
            return None
        values: dict[int, Array] = {}
        for number in within:
            step = self._steps.made[number]
            ready = [values.get(each, self._values[each]) for each in step.into]
            values[number] = (
                apply_operation(step.operation, *ready) if ready else self._values[number]
            )
            if number in self._mended:
                values[number] = self._mended[number][0]
        right = self._right_at(entry, jointly=True)
        return made[0] if same(values[self._case.root(entry)], right, NEAR) else None

    # --- names ---------------------------------------------------------------------------

    def _named(
        self, number: int, want: Array, known: Parts, *, constant: bool = False
    ) -> tuple[int, int, Array] | None:
        """Return the event of a name for a number that should be another where it is used.

        With the step that made the number, and what it should be.
        """
        case, made = self._case, self._steps.made[number]
        for step, back in zip(made.into, backwards(made, want, self._values), strict=True):
            should, event = known.of(back), None
            if back is None or should is None or known.of(self._values[step]) == should:
                continue
            if case.is_constant(step):
                bare = case.slip.code == "missing-weight" and self._values[step][0] == 1.0
                if bare or case.slip.code in ("missing-error", UNEXPLAINED):
                    event = self._names.get(step, self._last_event(number, case.is_a_figure))
                if event is not None:
                    self._names[step] = event
            elif not constant and (
                (should == known.whole and case.first_holding(number) is None)
                or (case.slip.code == "wrong-error" and not case.is_computed(step))
            ):
                event = self._last_event(number, partial(self._may_hold_wrong_number, number, step))
            if event is not None:
                return event, step, back
        return None

    def _may_hold_wrong_number(self, number: int, step: int, event: Event) -> bool:
        """Return whether a line that gives a number another name may be the wrong line.

        ``old_W2 = W2.copy()`` is right if another line computes right entries with ``old_W2``.
        Then the wrong line is the one that uses ``old_W2`` and leaves a factor out.
        """
        name = re.split(r"\W", event.name)[0]
        own = self._steps.spots[number][:1]
        readers = (right for right in self._right if step in self._steps.made[right].into)
        spots = (spot for right in readers for spot in self._steps.spots[right][:1])
        others = (spot for spot in spots if spot not in own)
        return self._case.renames(step, event) and not any(name in spot.names for spot in others)

    def _last_event(self, number: int, accept: Callable[[Event], bool]) -> int | None:
        """Return the last event before a step, by a name that stands there."""
        names = {name for spot in self._steps.spots[number][:1] for name in spot.names}
        found = None
        for place, event in enumerate(self._case.trace.events):
            if max(event.steps) >= number:
                break
            if re.split(r"\W", event.name)[0] in names and accept(event):
                found = place
        return found

    # --- what has no name, and figures ---------------------------------------------------

    def unknown(self, entry: Entry) -> At | None:
        """Return the first step that is wrong for a reason that has no name."""
        case, found = self._case, self.product(entry)
        if found is not None:
            return found
        before = case.before(entry)
        step, right = self._values[case.root(entry)] - before, self._right_at(entry) - before
        ratio = step[0] / right[0]
        if not np.abs(step - ratio * right).max() <= NEAR * np.abs(step).max():
            return None
        return self._multiplied(entry, ratio, [1.0]) or self._shared(entry)

    def figure(self, entry: Entry) -> At | None:
        """Return the step at which a constant comes in that is off by the slip's ratio.

        Or the event of a learning rate's name.
        """
        code, ratio = self._case.slip.code, self._case.fact(entry, "ratio")
        if code == "wrong-sign":
            return None if self._everywhere else self._multiplied(entry, -1.0, [])
        off = ratio if isinstance(ratio, float) else 1.0
        found = self._multiplied(entry, off, [] if code == "rate-ignored" else [1.0])
        return found or (self._rate(entry, off) if "rate" in code else self._shared(entry))

    def _rate(self, entry: Entry, off: float) -> At | None:
        """The event of a rate's name, where it comes into a constant that is made of several."""
        case, rates = self._case, self._case.task.rates
        both = {"W": rates.weight, "b": rates.bias}
        wrong = abs(off) * both[entry[0][0]]
        if wrong in {both[e[0][0]] for e in case.applied if e not in case.slip.entries}:
            return None
        event = self._last_event(case.root(entry), partial(case.is_rate, wrong))
        return None if event is None else (case.root(entry), event)

    def _multiplied(self, entry: Entry, ratio: float, scales: list[float]) -> At | None:
        """Return the step that multiplies with a constant by which an entry's step is off."""
        rates, code = self._case.task.rates, self._case.slip.code
        scales = [*scales, rates.weight if entry[0][0] == "W" else rates.bias]
        for number, _ in self._candidates(entry):
            step = self._steps.made[number]
            powers = {"mul": (1, 1), "truediv": (0, -1)}.get(step.operation, (0, 0))
            for each, power in zip(step.into, powers, strict=True):
                figure = self._values[each][0] ** power
                if not power or not self._case.is_constant(each):
                    continue
                sizes = np.abs(np.multiply(ratio, scales))
                turned = figure < 0 and np.isclose(ratio, -1.0)
                if turned or (ratio > 0 and np.isclose(abs(figure), sizes, NEAR, 0.0).any()):
                    # A rate that something right is multiplied with is not wrong where it is set.
                    told = "rate" in code and each not in self._right
                    event = self._last_event(number, partial(_is_bare, each)) if told else None
                    return number, event
        return None

    def _shared(self, entry: Entry) -> At | None:
        """Return the last step of the error that all is made of that is wrong, and nothing right.

        That is all of one unit, if it is of more parameters than one.
        """
        case, known = self._case, self.parts(entry)
        wrong = [each for each in case.slip.entries if not are_at_odds(entry, each)]
        made = [{*self.below(each)} for each in wrong]
        several = len({parameter for parameter, _ in wrong}) > 1
        shared = set.intersection(*made) - self._right if several else set()
        errors = [n for n in shared if OUTPUT in (known.of(self._values[n]) or ())]
        if not errors:
            return None
        last = max(errors)
        named = [n for n, event in enumerate(case.trace.events) if case.renames(last, event)]
        if case.is_computed(last):
            return last, None
        return (last, named[-1]) if named else None


def _is_bare(step: int, event: Event) -> bool:
    """Whether a name stands for a number alone."""
    return event.steps == (step,)
