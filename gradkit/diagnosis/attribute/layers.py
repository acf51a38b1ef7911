"""What the layers of a wrong forward pass make, found again among the values of a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gradkit.diagnosis.attribute.case import same
from gradkit.diagnosis.rules.forward import EXACT, activation_of, run_stages
from gradkit.records.rule import Event, ForwardForm, LayerForm, Slip, Trace
from gradkit.records.task import Array

Accept = Callable[[int], bool]

MADE = ("assigned", "changed", "returned", "passed")

SUMS = frozenset({"missing-bias", "subtracted-bias", "weight-not-transposed"})
"""Mistakes in a layer's weighted sum; all others are in what is done with it."""


class Layers:
    """One mistake among the values of a trace.

    Parameters
    ----------
    trace : Trace
        Of a forward pass.
    form : ForwardForm
        What the pass does, with all its mistakes.
    inputs : mapping of arrays (calls, …)
        ``X`` and the parameters.
    slip : Slip
        One of the mistakes, which is about layers.

    Attributes
    ----------
    stages : dict
        What each layer makes, in the order in which they ran, as `run_stages` names it.
    biases : dict
        What each adds to its product.
    concerned : list of int
        The places, in that order, of the layers at fault.
    """

    def __init__(
        self,
        trace: Trace,
        form: ForwardForm,
        inputs: Mapping[str, Array],
        slip: Slip,
    ) -> None:
        self.events, self.slip, self.form = trace.events, slip, form
        self.stages = run_stages(form, inputs["X"][:, :, 0], inputs)
        self.biases = {
            place: layer.bias * inputs[f"b{number}"][:, :, 0]
            for place, (number, layer) in enumerate(zip(form.order, form.layers, strict=True), 1)
        }
        self.concerned = _concerned(form, slip)
        self._right = [
            value
            for place in range(1, len(form.order) + 1)
            for value in self._right_in(place, place in self.concerned)
        ]
        self._plain = [*self._right]
        if slip.code == "wrong-activation":
            self._plain += [self.stages[f"z{place}"] for place in self.concerned]
        self._known: dict[int, bool] = {}

    def units(self) -> Iterator[tuple[int, int]]:
        """Units of the layers at fault: the layer's place in the order, and the unit's."""
        for place in self.concerned:
            for unit in range(self.stages[f"z{place}"].shape[1]):
                yield place, unit

    def layer(self, place: int) -> LayerForm:
        """The form of the layer that ran in this place."""
        return self.form.layers[place - 1]

    def makes(self, number: int, value: Array, unit: int) -> bool:
        """Whether an event is a layer's value (calls, units), or that of this unit of it."""
        event = self.events[number]
        width = event.values[0].size
        if event.kind not in MADE or width not in (1, value.shape[1]):
            return False
        flat = event.values.reshape(len(event.values), -1)
        return same(flat[:, unit if width > 1 else 0], value[:, unit], EXACT)

    def first(self, wanted: list[Array], unit: int, accept: Accept) -> int | None:
        """The first event that makes one of the values, and whose line is not innocent."""
        told = [value for value in wanted if not self._is_plain(value[:, unit])]
        return next(
            (
                number
                for number in range(len(self.events))
                if any(self.makes(number, value, unit) for value in told)
                and accept(number)
                and not self.innocent(number)
            ),
            None,
        )

    def innocent(self, number: int) -> bool:
        """Whether the line, or its function, did right for another layer at another time.

        A line that named what the net is given only hands on what it gets.
        """
        event = self.events[number]
        alike = frozenset() if event.kind == "passed" else self._calls_alike(event)
        return any(
            self._is_right(other)
            or (each.kind == "assigned" and self._makes_any([self.stages["x"]], other))
            if each.place == event.place and each.run != event.run
            else each.frame in alike and each.kind != "passed" and self._is_right(other)
            for other, each in enumerate(self.events)
        )

    def repeats(self, number: int) -> bool:
        """Whether a function only names, hands on or returns what was made before."""
        event = self.events[number]
        return any(
            each.values.size == event.values.size
            and each.kind in MADE
            and (event.kind == "passed" or (each.frame == event.frame and each.kind != "passed"))
            and same(each.values.ravel(), event.values.ravel(), EXACT)
            for each in self.events[:number]
        )

    def is_handed(self, number: int, value: Array, unit: int) -> bool:
        """Whether an event is made in a function that was called with a layer's value."""
        event = self.events[number]
        return (
            event.frame > 0
            and event.kind != "passed"
            and any(
                each.frame == event.frame
                and each.kind == "passed"
                and self.makes(other, value, unit)
                for other, each in enumerate(self.events)
            )
        )

    def _calls_alike(self, event: Event) -> frozenset[int]:
        """Other calls of the function that an event is made in: they run the same lines."""
        if event.frame <= 0:
            return frozenset()
        inside = [each for each in self.events if each.frame > 0 and each.kind != "passed"]
        lines = {each.place for each in inside if each.frame == event.frame}
        return frozenset(e.frame for e in inside if e.place in lines) - {event.frame}

    def _is_right(self, number: int) -> bool:
        """Whether an event makes what is right for a layer."""
        if number not in self._known:
            self._known[number] = self._makes_any(self._right, number)
        return self._known[number]

    def _makes_any(self, values: list[Array], number: int) -> bool:
        return any(
            self.makes(number, value, unit) for value in values for unit in range(value.shape[1])
        )

    def _is_plain(self, column: Array) -> bool:
        """Whether, in these calls, a value tells no mistake, as the relu of what is positive."""
        return (
            not np.isfinite(column).all()
            or np.ptp(column) == 0
            or any(same(column, right, EXACT) for value in self._plain for right in value.T)
        )

    def _right_in(self, place: int, concerned: bool) -> Iterator[Array]:
        """What is not wrong in a layer: all of another one, and what comes before the mistake."""
        z, a = self.stages[f"z{place}"], self.stages[f"a{place}"]
        code, layer = self.slip.code, self.layer(place)
        if not concerned:
            yield a
            if code in SUMS or code == "missing-activation":
                yield z
            if code == "weight-not-transposed":
                yield z - self.biases[place]
        elif code == "activation-twice":
            yield activation_of(layer.activation).value(layer.sign * z[:, :, None])[:, :, 0]


def _concerned(form: ForwardForm, slip: Slip) -> list[int]:
    if slip.code == "layer-repeated":
        return [n + 1 for n in range(1, len(form.order)) if form.order[n] == form.order[n - 1]]
    layers = {dict(each).get("layer") for each in slip.details}
    return [place for place, number in enumerate(form.order, 1) if number in layers]
