"""Find the formula of a forward pass in a list of known forms, right and wrong.

All forms are tried, the nearest to the right one first. A form is returned only if it gives the
observed numbers exactly at random asymmetric probes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

import numpy as np
from msgspec.structs import replace

from gradkit.records.rule import Details, ForwardForm, ForwardProbes, LayerForm
from gradkit.records.task import Array, Task
from gradkit.task.network import (
    ACTIVATIONS,
    Activation,
    Dense,
    Stage,
    is_curved,
    is_idempotent,
    run,
)

EXACT = 1e-9
"""Relative tolerance between a form's outputs and the observed ones."""
MAX_MISTAKES = 4
"""Forms with more mistakes are not tried."""

Widths = tuple[int, ...]
Activations = tuple[str, ...]
Stages = Mapping[str, Array]
Known = dict[tuple[tuple[LayerForm, ...], tuple[int, ...]], Stage]
"""Values of the last layer, by the forms and numbers of the layers that have run."""


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
"""Two wrong formulas of the sigmoid."""


def activation_of(name: str) -> Activation:
    """Return an activation by its name in `ACTIVATIONS` or `MISSPELT`."""
    return MISSPELT[name] if name in MISSPELT else ACTIVATIONS[name]


def recover_forward(task: Task, probes: ForwardProbes) -> tuple[ForwardForm, ...]:
    """Return the forms with the fewest mistakes that give the observed outputs.

    Parameters
    ----------
    task : Task
        A task without exactly two layers gets no form.
    probes : ForwardProbes
        Random asymmetric inputs, as from ``draw_forward``, and the observed outputs.

    Returns
    -------
    tuple of ForwardForm
        Empty if no known form fits to 1e-9; several if forms with equally many mistakes fit.
    """
    if len(task.layers) != 2:
        return ()
    widths = (task.X.shape[1], *(layer.units for layer in task.layers))
    activations = tuple(layer.activation for layer in task.layers)
    nearest = MAX_MISTAKES
    found: list[tuple[int, ForwardForm]] = []
    known: Known = {}
    for distance, form in _known_forms(widths, activations):
        if distance > nearest:
            break
        # Candidate forms with a misspelt sigmoid may overflow.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            stages = run_stages(form, probes.X, probes.before, known)
        for complete in _complete_forms(form, stages, probes, right=distance == 0):
            total = _count_mistakes(activations, complete)
            found.append((total, complete))
            nearest = min(nearest, total)
    return tuple(form for total, form in found if total == nearest)


def correct_form(task: Task) -> ForwardForm:
    """Return the form that the task asks for."""
    return _right_form(tuple(layer.activation for layer in task.layers))


def _right_form(activations: Activations) -> ForwardForm:
    """Return the form of a forward pass without mistakes; one activation for each layer."""
    last = len(activations)
    layers = tuple(LayerForm(activation) for activation in activations)
    return ForwardForm(layers, tuple(range(1, last + 1)), f"a{last}", f"a{last - 1}")


LAYER_MISTAKES: Mapping[str, tuple[str, str | int]] = {
    "missing-activation": ("activation", "linear"),
    "wrong-activation": ("activation", ""),
    "wrong-sigmoid-sign": ("sign", -1),
    "activation-twice": ("times", 2),
    "missing-bias": ("bias", 0),
    "subtracted-bias": ("bias", -1),
    "weight-not-transposed": ("transposed", False),
}
"""The field of `LayerForm` that each mistake changes, and its wrong value; "" is any other."""


def mistakes_in(form: ForwardForm, activations: Activations) -> Iterator[tuple[str, Details]]:
    """Yield the codes and details of the mistakes that lead from the right form to ``form``.

    ``form`` says how a student's layers are computed and which values are returned; ``activations``
    has the right activation of each layer. Wrong return values count only if ``form.output`` is
    known; two exchanged ones are one mistake.
    """
    right = _right_form(activations)
    for number, layer in zip(form.order, form.layers, strict=True):
        own, at = right.layers[number - 1], ("layer", number)
        for code, (part, made) in LAYER_MISTAKES.items():
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
    # Returning the hidden layer in both places is one mistake, not two.
    if form.hidden not in (None, before_last(last)):
        yield "wrong-hidden-returned", (("stage", str(form.hidden)),)


def _count_mistakes(activations: Activations, form: ForwardForm) -> int:
    """Return how many different mistakes lead from the right form to ``form``.

    ``activations`` has the right activation of each layer. The same mistake in both layers counts
    once.
    """
    mistakes = mistakes_in(form, activations)
    # The same mistake in both layers counts once.
    return len({(LAYER_MISTAKES.get(code, (code,))[0], *facts[1:]) for code, facts in mistakes})


def before_last(last: int) -> str:
    """Return the name of the last layer's input, such as ``a1`` for two layers."""
    return f"a{last - 1}" if last > 1 else "x"


@lru_cache(maxsize=32)
def _known_forms(widths: Widths, activations: Activations) -> tuple[tuple[int, ForwardForm], ...]:
    """Return the known right and wrong ways to compute a forward pass, fewest mistakes first.

    Each comes after its number of mistakes. ``widths`` are the numbers of inputs, hidden units and
    outputs, ``activations`` the right activation of each layer. A layer is skipped or repeated only
    where its shape allows it. The forms do not say yet which intermediate values are returned.
    Forms with more than `MAX_MISTAKES` mistakes are left out.
    """
    own = _right_form(activations).layers
    firsts, seconds = (_layer_forms(widths, activations, place) for place in (0, 1))
    orders: list[tuple[int, ...]] = [(1, 2), (1,)]
    orders += [(2,), (1, 1, 2)] if widths[0] == widths[1] else []
    orders += [(1, 2, 2)] if widths[1] == widths[2] else []
    forms = [ForwardForm((layer,), (1,), "", None) for layer in firsts]
    forms += [ForwardForm(pair, (1, 2), "", None) for pair in product(firsts, seconds)]
    forms += [
        ForwardForm(
            tuple(_change_alike(layer, own, widths, number) for number in order), order, "", None
        )
        for order in orders[2:]
        for layer in firsts
    ]
    ranked = [(_count_mistakes(activations, form), form) for form in dict.fromkeys(forms)]
    ranked.sort(key=lambda ranked_form: (ranked_form[0], orders.index(ranked_form[1].order)))
    return tuple(ranked_form for ranked_form in ranked if ranked_form[0] <= MAX_MISTAKES)


def _change_alike(
    changed: LayerForm, own: tuple[LayerForm, ...], widths: Widths, number: int
) -> LayerForm:
    """Return the form of a layer with the same mistakes that the first layer has.

    ``changed`` is the form of the first layer, ``own`` are the right forms of all layers,
    ``number`` is that of the layer to change, and ``widths`` are the numbers of inputs, hidden
    units and outputs. If the activation of ``changed`` is right, the result has the layer's own
    activation. A weight matrix that is not square keeps the right orientation, since it fits in no
    other.
    """
    same = changed.activation == own[0].activation
    square = widths[number - 1] == widths[number]
    return replace(
        changed,
        activation=own[number - 1].activation if same else changed.activation,
        transposed=changed.transposed or not square,
    )


def _layer_forms(widths: Widths, activations: Activations, place: int) -> list[LayerForm]:
    """Return the known forms of layer ``place`` (counted from 0), right and wrong.

    ``widths`` are the numbers of inputs, hidden units and outputs. The forms combine each
    activation (the right one first) with sign, repetition, bias and, for a square weight matrix,
    transposition.
    """
    units, own = widths[place + 1], activations[place]
    turns = (True, False) if widths[place] == units else (True,)
    usual = [
        name for name, activation in ACTIVATIONS.items() if activation.usual or name in activations
    ]
    names = sorted([*usual, *MISSPELT], key=lambda name: name != own)
    shapes = [
        (name, sign, times)
        for name in names
        # Softmax of one number is 1, so all its variants are equal.
        for sign, times in (_variants(name) if (name, units) != ("softmax", 1) else ((1, 1),))
    ]
    return [
        LayerForm(name, sign, times, bias, transposed)
        for transposed, bias, (name, sign, times) in product(turns, (1, 0, -1), shapes)
    ]


def _variants(name: str) -> tuple[tuple[int, int], ...]:
    """Return the pairs (sign, repetitions) for which an activation gives different values.

    ``name`` is that of the activation. A linear or misspelt one has only (1, 1); one that is
    idempotent, as ReLU, is not repeated.
    """
    if name in MISSPELT or not is_curved(ACTIVATIONS[name]):
        return ((1, 1),)
    once = (1, 1), (-1, 1)
    return once if is_idempotent(ACTIVATIONS[name]) else (*once, (1, 2), (-1, 2))


def run_stages(
    form: ForwardForm, X: Array, before: Mapping[str, Array], known: Known | None = None
) -> dict[str, Array]:
    """Return the weighted sums and outputs of all layers by name (``x``, ``z1``, ``a1``, …).

    Each is an array (n, units). ``form`` says how the layers are computed, mistakes included. ``X``
    (n, features) are the inputs and ``before`` the parameters by name. ``known`` caches layers that
    forms with the same first layers share: those in it are not computed again, and new ones are
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
    """Return the layers of a forward pass in the order in which they run.

    ``form`` may skip or repeat a layer of the task; the result then does too.
    """
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


def _complete_forms(
    form: ForwardForm, stages: Stages, probes: ForwardProbes, *, right: bool
) -> Iterator[ForwardForm]:
    """Yield a form of the forward pass with the names of the values that the student returned.

    ``stages`` are the values of all layers by name, as of `run_stages`, and ``probes`` has the
    observed outputs. The fields ``output`` and ``hidden`` of ``form`` become names of stages that
    have the observed values, the right ones if they fit. Nothing is yielded if no stage fits. If
    the last layer was not returned, nothing is known of it: then the form is yielded only if it is
    ``right`` (has no mistakes).
    """
    last = len(form.order)
    # The last layer's z is left out: it is the output of the form without an activation.
    possible = [name for name in stages if name != f"z{last}"]
    outputs = [name for name in possible if _is_close(stages[name], probes.output)]
    outputs.sort(key=lambda name: name != f"a{last}")
    hiddens: list[str | None] = [None]
    if probes.hidden is not None:
        hiddens = [name for name in stages if _is_close(stages[name], probes.hidden)]
        hiddens.sort(key=lambda name: name != before_last(last))
    if not outputs or not hiddens:
        return
    seen = {str(name)[1:] for name in (outputs[0], hiddens[0])}
    if right or str(last) in seen:
        yield ForwardForm(form.layers, form.order, outputs[0], hiddens[0])


def _is_close(predicted: Array, observed: Array) -> bool:
    """Return whether two arrays have one shape and agree to `EXACT` of the largest value."""
    if predicted.shape != observed.shape:
        return False
    size = max(float(np.abs(predicted).max()), 1e-3)
    return bool(np.isfinite(size) and np.abs(predicted - observed).max() <= EXACT * size)
