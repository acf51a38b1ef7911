"""The line of a mistake in a forward pass: the first statement that makes what it makes.

The form that was proven says what each layer makes, sums and activations, to the last digit. Of
the layer at fault, what the mistake turns it into is looked for among the traced values. A line
that, run another time, makes what is right for another layer is not at fault: a helper that serves
both layers is right, if only one of them is wrong, and the line is its caller's.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradkit.diagnosis.attribute.layers import SUMS, Accept, Layers
from gradkit.diagnosis.mistakes.forward import form_with
from gradkit.records.rule import Slip, Trace
from gradkit.records.submission import Place
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS

Span = tuple[Place, Place]
"""The first and the last line of a function."""


def forward_lines(
    task: Task,
    trace: Trace,
    inputs: Mapping[str, Array],
    slips: tuple[Slip, ...],
    slip: Slip,
    activation: Span | None,
) -> tuple[Place, ...]:
    """The statements that make one mistake of a forward pass.

    Parameters
    ----------
    task : Task
    trace : Trace
        Of calls of the forward pass with ``inputs``.
    inputs : mapping of arrays (n, …)
        ``X`` and the parameters.
    slips : tuple of Slip
        All mistakes of the pass; together they give its numbers.
    slip : Slip
        One of them, which is about layers.
    activation : pair of Place or None
        The function that is the student's activation by its name, if there is one.

    Returns
    -------
    tuple of Place
        In the order in which they are run; empty where no statement is seen to be at fault.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        layers = Layers(trace, form_with(task, slips), inputs, slip)
        found = [_of_unit(layers, *which, activation) for which in layers.units()]
    told = sorted(number for number in found if number is not None)
    return tuple(dict.fromkeys(trace.events[number].place for number in told))


def _of_unit(layers: Layers, place: int, unit: int, activation: Span | None) -> int | None:
    """The event at fault for one unit of a layer, if there is one."""
    wanted = _wanted(layers, place)
    if layers.slip.code != "missing-activation":
        return layers.first(wanted, unit, _acceptable(layers, place, unit, activation))
    found = layers.first(wanted, unit, lambda number: True)
    return None if found is None else _handed_on(layers, found, place, unit, activation)


def _wanted(layers: Layers, place: int) -> list[Array]:
    """What a layer makes of the mistake: any of these, the first that is there."""
    z, a = layers.stages[f"z{place}"], layers.stages[f"a{place}"]
    code = layers.slip.code
    if code in SUMS:
        return [z, a] if code != "weight-not-transposed" else [z - layers.biases[place], z, a]
    if code == "missing-activation":
        return [z]
    if code == "wrong-sigmoid-sign":
        return [-z, np.exp(z), 1 + np.exp(z), a]
    return [z, a] if code == "layer-repeated" else [a]


def _acceptable(layers: Layers, place: int, unit: int, activation: Span | None) -> Accept:
    """Which events of one unit can be at fault, by what kind of mistake it is."""
    z, form, code = layers.stages[f"z{place}"], layers.layer(place), layers.slip.code

    def accept(number: int) -> bool:
        event = layers.events[number]
        if layers.repeats(number):
            return False
        if code == "layer-repeated":
            # A layer's helper does not know how often it is called.
            return event.frame == 0
        handed = layers.is_handed(number, z, unit)
        if code in SUMS:
            # Who is handed a wrong sum has not made it.
            return not handed
        if code == "wrong-sigmoid-sign":
            # Any sigmoid turns the sign; one that is turned before is turned once too often.
            return not handed or not layers.makes(number, -z, unit)
        if code == "wrong-activation" and form.activation in ACTIVATIONS:
            # `tanh` is a right tanh, wherever it is called; a `sigmoid` that is one is not.
            return not handed or _within(event.place, activation)
        return True

    return accept


def _within(place: Place, span: Span | None) -> bool:
    if span is None:
        return False
    first, last = span
    alike = (place.file, place.cell) == (first.file, first.cell) == (last.file, last.cell)
    return alike and first.line <= place.line <= last.line


def _handed_on(layers: Layers, first: int, place: int, unit: int, activation: Span | None) -> int:
    """Of statements that hand on a sum as it is, the one that should have made more of it.

    That is the student's own activation, if it was asked; or ``A1 = Z1`` next to ``Z1 = …``.
    """
    z, events = layers.stages[f"z{place}"], layers.events
    guilty = [
        number
        for number in range(first, len(events))
        if layers.makes(number, z, unit) and not layers.innocent(number)
    ]
    for number in guilty:
        asked = events[number].kind == "returned" and _within(events[number].place, activation)
        if asked and layers.is_handed(number, z, unit):
            return number
    origin = events[first]
    for number, event in enumerate(events[first + 1 :], first + 1):
        if event.frame == origin.frame and event.kind == "assigned" and event.run != origin.run:
            return number if number in guilty and _is_next(origin.name, event.name) else first
    return first


def _is_next(one: str, other: str) -> bool:
    """Whether two values are kept in the same way, as ``Z1`` and ``A1``, or under two keys."""
    if one.isidentifier() or other.isidentifier():
        return one.isidentifier() and other.isidentifier()
    return one.partition("[")[0] == other.partition("[")[0] and other.endswith("']")
