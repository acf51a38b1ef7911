"""Which of the known forms a forward pass has: right ones, and those that slips make.

Forward passes are not recovered symbol by symbol: there are few ways to write one, and
all are tried, the nearest to the task's own first. A form is only returned where it gives
the observed numbers exactly at random asymmetric probes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

import numpy as np
from msgspec.structs import replace

from gradkit.records.rule import Details, ForwardForm, ForwardProbes, LayerForm
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS, Activation, is_curved, is_idempotent
from gradkit.task.network import Dense, Stage, run

EXACT = 1e-9
FARTHEST = 4
"""Forms with more slips than this are not tried."""

Widths = tuple[int, ...]
Activations = tuple[str, ...]
Stages = Mapping[str, Array]
Known = dict[tuple[tuple[LayerForm, ...], tuple[int, ...]], Stage]
"""By the layers that have run, what the last of them made."""


MISSPELT: Mapping[str, Activation] = {
    "1+exp(−z)": Activation(
        value=lambda z: 1 + np.exp(-z), slope=lambda a: 1 - a, numpy="1 + np.exp(-Z)"
    ),
    "1/(1−exp(−z))": Activation(
        value=lambda z: 1 / (1 - np.exp(-z)),
        slope=lambda a: a * (1 - a),
        numpy="1 / (1 - np.exp(-Z))",
    ),
}
"""Two ways to misspell the sigmoid."""


def activation_of(name: str) -> Activation:
    """The activation of that name, or the misspelt sigmoid."""
    return MISSPELT[name] if name in MISSPELT else ACTIVATIONS[name]


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
    widths = (task.X.shape[1], *(layer.units for layer in task.layers))
    activations = tuple(layer.activation for layer in task.layers)
    nearest = FARTHEST
    found: list[tuple[int, ForwardForm]] = []
    known: Known = {}
    for distance, form in _forms(widths, activations):
        if distance > nearest:
            break
        # Misspelt sigmoids overflow where they are not what the code does.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            stages = run_stages(form, probes.X, probes.before, known)
        for complete in _returned(form, stages, probes, right=distance == 0):
            total = _distance(activations, complete)
            found.append((total, complete))
            nearest = min(nearest, total)
    return tuple(form for total, form in found if total == nearest)


def correct_form(task: Task) -> ForwardForm:
    """The form that the task asks for."""
    return _right(tuple(layer.activation for layer in task.layers))


def _right(activations: Activations) -> ForwardForm:
    last = len(activations)
    layers = tuple(LayerForm(activation) for activation in activations)
    return ForwardForm(layers, tuple(range(1, last + 1)), f"a{last}", f"a{last - 1}")


IN_A_LAYER: Mapping[str, tuple[str, str | int]] = {
    "missing-activation": ("activation", "linear"),
    "wrong-activation": ("activation", ""),
    "wrong-sigmoid-sign": ("sign", -1),
    "activation-twice": ("times", 2),
    "missing-bias": ("bias", 0),
    "subtracted-bias": ("bias", -1),
    "weight-not-transposed": ("transposed", False),
}
"""What mistakes make of a part of a layer's form, unless their facts say it."""


def slips_in(form: ForwardForm, activations: Activations) -> Iterator[tuple[str, Details]]:
    """The mistakes that make a form of the right one, one by one."""
    right = _right(activations)
    for number, layer in zip(form.order, form.layers, strict=True):
        own, at = right.layers[number - 1], ("layer", number)
        for code, (part, made) in IN_A_LAYER.items():
            if getattr(layer, part) == made != getattr(own, part):
                yield code, (at,)
        if layer.activation not in (own.activation, "linear"):
            yield "wrong-activation", (at, ("activation", layer.activation))
    last = len(form.order)
    if form.order != right.order:
        code = "layer-skipped" if last < len(right.order) else "layer-repeated"
        yield code, (("order", "".join(map(str, form.order))),)
    if not form.output:
        return
    if (form.output, form.hidden) == (before_last(last), f"a{last}"):
        yield "swapped-returns", ()
        return
    if form.output != f"a{last}":
        yield "hidden-returned", (("stage", form.output),)
    # Who returns the hidden layer in both places has made one mistake, not two.
    if form.hidden not in (None, before_last(last)):
        yield "wrong-hidden-returned", (("stage", str(form.hidden)),)


def _distance(activations: Activations, form: ForwardForm) -> int:
    """How many different slips lead from the right form to this one."""
    slips = slips_in(form, activations)
    # What is wrong with a part is one mistake, in whatever layers.
    return len({(IN_A_LAYER.get(code, (code,))[0], *facts[1:]) for code, facts in slips})


def before_last(last: int) -> str:
    """The stage that the last of the layers that ran takes as its input."""
    return f"a{last - 1}" if last > 1 else "x"


@lru_cache(maxsize=32)
def _forms(widths: Widths, activations: Activations) -> tuple[tuple[int, ForwardForm], ...]:
    """Every known form, not yet completed with what it returns, by its distance."""
    own = _right(activations).layers
    firsts, seconds = (_layer_forms(widths, activations, place) for place in (0, 1))
    orders: list[tuple[int, ...]] = [(1, 2), (1,)]
    orders += [(2,), (1, 1, 2)] if widths[0] == widths[1] else []
    orders += [(1, 2, 2)] if widths[1] == widths[2] else []
    forms = [ForwardForm((first,), (1,), "", None) for first in firsts]
    forms += [ForwardForm(pair, (1, 2), "", None) for pair in product(firsts, seconds)]
    forms += [
        ForwardForm(tuple(_alike(first, own, widths, number) for number in order), order, "", None)
        for order in orders[2:]
        for first in firsts
    ]
    ranked = [(_distance(activations, form), form) for form in dict.fromkeys(forms)]
    ranked.sort(key=lambda item: (item[0], orders.index(item[1].order)))
    return tuple(item for item in ranked if item[0] <= FARTHEST)


def _alike(first: LayerForm, own: tuple[LayerForm, ...], widths: Widths, number: int) -> LayerForm:
    """The form of another layer that differs from its own as the first does."""
    same = first.activation == own[0].activation
    square = widths[number - 1] == widths[number]
    return replace(
        first,
        activation=own[number - 1].activation if same else first.activation,
        transposed=first.transposed or not square,
    )


def _layer_forms(widths: Widths, activations: Activations, place: int) -> list[LayerForm]:
    units, own = widths[place + 1], activations[place]
    turns = (True, False) if widths[place] == units else (True,)
    usual = [name for name, one in ACTIVATIONS.items() if one.usual or name in activations]
    names = sorted([*usual, *MISSPELT], key=lambda name: name != own)
    shapes = [
        (name, sign, times)
        for name in names
        # Of one number softmax makes 1, whatever is done to it.
        for sign, times in (_variants(name) if (name, units) != ("softmax", 1) else ((1, 1),))
    ]
    return [
        LayerForm(name, sign, times, bias, turned)
        for turned, bias, (name, sign, times) in product(turns, (1, 0, -1), shapes)
    ]


def _variants(name: str) -> tuple[tuple[int, int], ...]:
    """Sign inside and times applied; a relu's relu is a relu."""
    if name in MISSPELT or not is_curved(ACTIVATIONS[name]):
        return ((1, 1),)
    once = (1, 1), (-1, 1)
    return once if is_idempotent(ACTIVATIONS[name]) else (*once, (1, 2), (-1, 2))


def run_stages(
    form: ForwardForm, X: Array, before: Mapping[str, Array], known: Known | None = None
) -> dict[str, Array]:
    """All stages of a form by name (``x``, ``z1``, ``a1``, …), each (n, units).

    Layers that are ``known`` to have run on these inputs are not run again; those that run are
    added.
    """
    known = {} if known is None else known
    stages, A = {"x": X}, X[:, :, None]
    for place, layer in enumerate(dense_layers(form), 1):
        ran = form.layers[:place], form.order[:place]
        if ran not in known:
            (known[ran],) = run([layer], before, A)
        values, A = known[ran].values, known[ran].output
        stages |= {f"a{place}": A[:, :, 0], f"z{place}": layer.sign * values[0][:, :, 0]}
    return stages


def dense_layers(form: ForwardForm) -> list[Dense]:
    """The layers of a form, to be run one after another."""
    return [
        Dense(
            number,
            (activation_of(layer.activation),) * layer.times,
            layer.sign,
            layer.bias,
            layer.transposed,
        )
        for number, layer in zip(form.order, form.layers, strict=True)
    ]


def _returned(
    form: ForwardForm, stages: Stages, probes: ForwardProbes, *, right: bool
) -> Iterator[ForwardForm]:
    """The form completed with what it returned, if that fits.

    A last layer whose stages were not returned cannot be seen; it is believed to be
    ``right``, or not believed at all.
    """
    last = len(form.order)
    # The last layer's sum is what that layer gives without an activation: another form.
    possible = [name for name in stages if name != f"z{last}"]
    outputs = [name for name in possible if _equal(stages[name], probes.output)]
    outputs.sort(key=lambda name: name != f"a{last}")
    hiddens: list[str | None] = [None]
    if probes.hidden is not None:
        hiddens = [name for name in stages if _equal(stages[name], probes.hidden)]
        hiddens.sort(key=lambda name: name != before_last(last))
    if not outputs or not hiddens:
        return
    seen = {str(name)[1:] for name in (outputs[0], hiddens[0])}
    if right or str(last) in seen:
        yield ForwardForm(form.layers, form.order, outputs[0], hiddens[0])


def _equal(ours: Array, theirs: Array) -> bool:
    if ours.shape != theirs.shape:
        return False
    size = max(float(np.abs(ours).max()), 1e-3)
    return bool(np.isfinite(size) and np.abs(ours - theirs).max() <= EXACT * size)
