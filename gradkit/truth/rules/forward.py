"""Which of the known forms a forward pass has: right ones, and those that slips make.

Forward passes are not recovered symbol by symbol: there are few ways to write one, and
all are tried. A form is only returned where it gives the observed numbers exactly at
random asymmetric probes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

import numpy as np

from gradkit.records.rule import ForwardForm, ForwardProbes, LayerForm
from gradkit.records.task import Array, Task
from gradkit.truth.network import ACTIVATIONS

EXACT = 1e-9


def _columnwise(name: str) -> Callable[[Array], Array]:
    return lambda z: np.asarray(ACTIVATIONS[name](z[..., None])[..., 0])


KNOWN: Mapping[str, Callable[[Array], Array]] = {
    **{name: _columnwise(name) for name in ACTIVATIONS},
    "1+exp(−z)": lambda z: 1 + np.exp(-z),
    "1/(1−exp(−z))": lambda z: 1 / (1 - np.exp(-z)),
}
"""Activations, and two ways to misspell the sigmoid; units on the last axis."""


def recover_forward(task: Task, probes: ForwardProbes) -> tuple[ForwardForm, ...]:
    """The forms, nearest to the task's own, that give the observed outputs.

    Parameters
    ----------
    task : Task
        Two layers; a task with another number gets no form.
    probes : ForwardProbes
        Random asymmetric calls, as from ``draw_forward``, and what came back.

    Returns
    -------
    tuple of ForwardForm
        Empty where no known form fits to 1e-9; several where the probes' shapes leave
        several equally near.
    """
    if len(task.layers) != 2:
        return ()
    found: list[tuple[int, ForwardForm]] = []
    nearest = 99
    for form, stages in _forms(task, probes):
        if form_distance(task, form) > nearest:
            continue
        for complete in _returned(form, stages, probes):
            distance = form_distance(task, complete)
            found.append((distance, complete))
            nearest = min(nearest, distance)
    return tuple(form for distance, form in found if distance == nearest)


def correct_form(task: Task) -> ForwardForm:
    """The form that the task asks for."""
    layers = tuple(LayerForm(layer.activation) for layer in task.layers)
    return ForwardForm(
        layers, tuple(range(1, len(layers) + 1)), f"a{len(layers)}", f"a{len(layers) - 1}"
    )


def form_distance(task: Task, form: ForwardForm) -> int:
    """How many different slips lead from the task's form to this one."""
    right = correct_form(task)
    slips: set[object] = set()
    for number, layer in zip(form.order, form.layers, strict=True):
        own = right.layers[number - 1]
        if layer.activation != own.activation:
            slips.add(("activation", layer.activation))
        slips |= {name for name in ("sign", "times", "bias", "transposed") if getattr(layer, name) != getattr(own, name)}  # fmt: skip
    if form.order != right.order:
        slips.add("order")
    last = len(form.order)
    if (form.output, form.hidden) == (f"a{last - 1}", f"a{last}"):
        return len(slips) + 1
    slips |= {"output"} if form.output not in ("", f"a{last}") else set()
    slips |= {"hidden"} if form.hidden not in (None, _before_last(last)) else set()
    return len(slips)


def _before_last(last: int) -> str:
    return f"a{last - 1}" if last > 1 else "x"


Stages = Mapping[str, Array]


def _forms(task: Task, probes: ForwardProbes) -> Iterator[tuple[ForwardForm, Stages]]:
    """Every known form with the arrays (n, units) of its stages, the task's own first."""
    X, before = probes.X, probes.before
    for first in _layer_forms(task, 0):
        z1, a1 = _run(first, X, before, 1)
        stages = {"x": X, "z1": z1, "a1": a1}
        yield ForwardForm((first,), (1,), "", None), stages
        for second in _layer_forms(task, 1):
            z2, a2 = _run(second, a1, before, 2)
            yield ForwardForm((first, second), (1, 2), "", None), {**stages, "z2": z2, "a2": a2}
    own = correct_form(task).layers
    features, hidden, outputs = X.shape[1], task.layers[0].units, task.layers[1].units
    orders = [(2,)] if features == hidden else []
    orders += [(1, 1, 2)] if features == hidden else []
    orders += [(1, 2, 2)] if hidden == outputs else []
    for order in orders:
        stages = {"x": X}
        A = X
        for place, number in enumerate(order, 1):
            z, A = _run(own[number - 1], A, before, number)
            stages |= {f"z{place}": z, f"a{place}": A}
        yield ForwardForm(tuple(own[number - 1] for number in order), order, "", None), stages


def _layer_forms(task: Task, place: int) -> list[LayerForm]:
    layer = task.layers[place]
    width = task.X.shape[1] if place == 0 else task.layers[place - 1].units
    turns = (True, False) if width == layer.units else (True,)
    names = sorted(KNOWN, key=lambda name: name != layer.activation)
    if layer.units == 1:
        names = [name for name in names if name != "softmax" or layer.activation == "softmax"]
    shapes = [(name, sign, times) for name in names for sign, times in _variants(name)]
    return [
        LayerForm(name, sign, times, bias, turned)
        for turned, bias, (name, sign, times) in product(turns, (1, 0, -1), shapes)
    ]


def _variants(name: str) -> tuple[tuple[int, int], ...]:
    if name in ("sigmoid", "tanh", "softmax"):
        return ((1, 1), (-1, 1), (1, 2))
    return ((1, 1), (-1, 1)) if name == "relu" else ((1, 1),)


def _run(
    form: LayerForm, A: Array, before: Mapping[str, Array], number: int
) -> tuple[Array, Array]:
    W, b = before[f"W{number}"], before[f"b{number}"]
    z = np.einsum("nij,ni->nj" if form.transposed else "nji,ni->nj", W, A) + form.bias * b[:, :, 0]
    a = form.sign * z
    for _ in range(form.times):
        a = KNOWN[form.activation](a)
    return z, a


def _returned(form: ForwardForm, stages: Stages, probes: ForwardProbes) -> Iterator[ForwardForm]:
    """The form completed with what it returned, for every way in which that fits."""
    last = len(form.order)
    outputs = [name for name in stages if _equal(stages[name], probes.output)]
    outputs.sort(key=lambda name: name != f"a{last}")
    hiddens: list[str | None] = [None]
    if probes.hidden is not None:
        hiddens = [name for name in stages if _equal(stages[name], probes.hidden)]
        hiddens.sort(key=lambda name: name != _before_last(last))
    used = {name[1:] for name in (*outputs[:1], *hiddens[:1]) if name and name != "x"}
    if outputs and hiddens and str(last) in used:
        yield ForwardForm(form.layers, form.order, outputs[0], hiddens[0])


def _equal(ours: Array, theirs: Array) -> bool:
    if ours.shape != theirs.shape:
        return False
    size = max(float(np.abs(ours).max()), 1e-3)
    return bool(np.abs(ours - theirs).max() <= EXACT * size)
