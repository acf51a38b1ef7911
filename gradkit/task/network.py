"""The generic net: forward pass, loss and exact gradient of any stack of dense layers.

Everything broadcasts over leading axes, so that hundreds of probes are one call. Shapes are
written for one probe: ``X`` (features, 1), ``W1`` (in, out), ``b1`` (out, 1), ``A`` (units, 1),
``y`` (outputs, 1). In place of the 1 there may be a column for each of several examples; a loss is
then the sum over them.

The gradient is computed by reverse mode: a forward pass stores the output of each layer, and a
backward pass multiplies the slope by the slope of each layer. It needs memory for the parameters
and for the layers' outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.task import Array, Layer, Parameters, Task
from gradkit.task.activations import ACTIVATIONS, LOSSES, Activation, Values

NUDGE = 1e-6
"""Relative change of a number whose effect on other numbers is measured."""


class Dense(Struct, frozen=True):
    """A dense layer: the number of its parameters, and the operations on its weighted sum.

    ``activations`` are applied in turn. A correct layer has one, and its sum is ``Wᵀ·A + b``.
    ``sign``, ``bias`` and ``transposed`` describe layers with mistakes.
    """

    number: int
    activations: tuple[Activation, ...]
    sign: int = 1
    bias: int = 1
    transposed: bool = True


class Stage(Struct, frozen=True, eq=False):
    """A layer that has been run: its input, its signed sum and the output of each activation."""

    layer: Dense
    entering: Values
    values: tuple[Values, ...]

    @property
    def output(self) -> Values:
        """Return the layer's output."""
        return self.values[-1]


def stack(layers: Sequence[Layer]) -> tuple[Dense, ...]:
    """Return the layers of a task, to be run one after another."""
    return tuple(
        Dense(number, (ACTIVATIONS[layer.activation],)) for number, layer in enumerate(layers, 1)
    )


def run(layers: Sequence[Dense], parameters: Mapping[str, Values], X: Values) -> tuple[Stage, ...]:
    """Run a forward pass, and return the stage of every layer."""
    stages: list[Stage] = []
    A = X
    for layer in layers:
        W, b = parameters[f"W{layer.number}"], parameters[f"b{layer.number}"]
        z = (np.swapaxes(W, -1, -2) if layer.transposed else W) @ A
        if layer.bias:
            z = z + layer.bias * b
        values = [z if layer.sign > 0 else -z]
        for activation in layer.activations:
            values.append(activation.value(values[-1]))
        stages.append(Stage(layer, A, tuple(values)))
        A = values[-1]
    return tuple(stages)


def pull_back(activation: Activation, z: Values, a: Values, slope: Values) -> Values:
    """Return the slope of a loss by Z from its slope by A."""
    if activation.slope is not None:
        return slope * activation.slope(a)
    if activation.pull_back is None:
        raise TypeError("An activation needs a slope or a pull_back; this one has neither.")
    return activation.pull_back(z, a, slope)


def slopes_of(
    stages: Sequence[Stage], parameters: Mapping[str, Values], slope: Values
) -> dict[str, Array]:
    """Pull the slope of a loss back through a forward pass.

    Parameters
    ----------
    stages : sequence of Stage
        As `run` returns them, or built from values of other code.
    parameters : mapping of arrays, (…, in, out) and (…, out, 1)
    slope : array, (…, outputs, examples)
        Slope of the loss by the output of the last stage.

    Returns
    -------
    dict
        For each of ``parameters`` the slope of the loss by it, summed over examples.
    """
    found: dict[str, Array] = {}
    for stage in reversed(stages):
        layer, number = stage.layer, stage.layer.number
        for place in reversed(range(len(layer.activations))):
            z, a = stage.values[place : place + 2]
            slope = pull_back(layer.activations[place], z, a, slope)
        slope = slope if layer.sign > 0 else -slope
        W, entering = parameters[f"W{number}"], stage.entering
        by_sum = entering @ np.swapaxes(slope, -1, -2)
        made = {
            f"W{number}": by_sum if layer.transposed else np.swapaxes(by_sum, -1, -2),
            f"b{number}": layer.bias * slope.sum(axis=-1, keepdims=True),
        }
        # A layer that runs twice contributes twice.
        found |= {key: found[key] + value if key in found else value for key, value in made.items()}
        if stage is not stages[0]:
            slope = (W if layer.transposed else np.swapaxes(W, -1, -2)) @ slope
    return {
        key: found[key] if key in found else np.zeros_like(value)
        for key, value in parameters.items()
    }


def parameter_shapes(features: int, layers: tuple[Layer, ...]) -> dict[str, tuple[int, int]]:
    """Return shapes in canonical form and order: W1, b1, W2, b2, and so on."""
    shapes = {}
    width = features
    for number, layer in enumerate(layers, 1):
        shapes[f"W{number}"] = (width, layer.units)
        shapes[f"b{number}"] = (layer.units, 1)
        width = layer.units
    return shapes


def forward(
    layers: tuple[Layer, ...], parameters: Mapping[str, Values], X: Array
) -> tuple[Values, Values]:
    """Return the output and the input of the last layer.

    Parameters
    ----------
    layers : tuple of Layer
    parameters : mapping of arrays, (…, in, out) and (…, out, 1)
    X : array, (…, features, 1)

    Returns
    -------
    y_hat : array, (…, outputs, 1)
    hidden : array, (…, units, 1)
    """
    last = run(stack(layers), parameters, X)[-1]
    return last.output, last.entering


def sums(
    layers: tuple[Layer, ...], parameters: Parameters, X: Array
) -> Iterator[tuple[Activation, Array, Array]]:
    """Yield the activation of each layer, its sum Z, and how many rounding units Z may lose.

    The units are a first-order estimate in absolute numbers. The rounding error of a sum depends
    on the size of its terms, not on the size of their sum: ``e = |W|ᵀ(s·e' + |A'|) + |b|`` from
    layer to layer, with s the steepest slope of the previous activation (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, chapter 3).
    """
    before = np.abs(X).astype(np.float64)
    for stage in run(stack(layers), parameters, X):
        number, (activation,) = stage.layer.number, stage.layer.activations
        W, b = np.swapaxes(parameters[f"W{number}"], -1, -2), parameters[f"b{number}"]
        lost = np.abs(W) @ (before + np.abs(stage.entering)) + np.abs(b)
        yield activation, stage.values[0], lost
        before = activation.steepest * lost


def rounding_units(
    layers: tuple[Layer, ...], parameters: Parameters, X: Array
) -> tuple[Array, Array]:
    """Return how many rounding units output and input of the last layer may lose, to first order.

    Returns
    -------
    y_hat : array, (…, outputs, 1)
    hidden : array, (…, units, 1)
        Absolute; to be multiplied by the rounding unit of the arithmetic.
    """
    lost = [np.abs(X).astype(np.float64)]
    lost += [activation.steepest * z for activation, _, z in sums(layers, parameters, X)]
    return lost[-1], lost[-2]


def kink_distance(layers: tuple[Layer, ...], parameters: Parameters, X: Array) -> Array:
    """Return each probe's smallest distance of a sum from its activation's kink; inf without."""
    distance = np.full(X.shape[:-2], np.inf)
    for activation, z, _ in sums(layers, parameters, X):
        if activation.kink is not None:
            distance = np.minimum(distance, np.abs(z - activation.kink).min(axis=(-2, -1)))
    return distance


def loss(task: Task, parameters: Mapping[str, Values], X: Array, y: Array) -> Values:
    """Return the task's loss of each probe, shape (…)."""
    return loss_of(task, y, forward(task.layers, parameters, X)[0])


def loss_of(task: Task, y: Array, y_hat: Values) -> Values:
    """Return the task's loss for given outputs (…, outputs, examples), shape (…)."""
    total: Values = LOSSES[task.loss].value(y, y_hat).sum(axis=(-2, -1))
    return total


def gradient(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Array]:
    """Return the gradient of `loss`.

    Parameters
    ----------
    parameters : mapping of float64 arrays, (…, in, out) and (…, out, 1)
    X : (…, features, examples)
    y : (…, outputs, examples)

    Returns
    -------
    dict
        For each parameter an array of its shape, with the leading axes of all: dL/dW1, dL/db1, …
    """
    return gradient_at(task, run(stack(task.layers), parameters, X), parameters, y)


def gradient_at(
    task: Task, stages: Sequence[Stage], parameters: Parameters, y: Array
) -> dict[str, Array]:
    """Return the gradient of the loss from the stages of a forward pass, see `run`."""
    stages, slope, _ = _backwards_from(task, stages, y)
    return slopes_of(stages, parameters, slope)


def descend(
    task: Task,
    parameters: Parameters,
    steps: Iterable[tuple[Array, Array]],
    rates: Mapping[str, float],
) -> tuple[Array, Array, dict[str, Array]]:
    """Take steps of gradient descent, one for each pair of X and y.

    Returns
    -------
    y_hat : array, (steps, outputs, examples)
    hidden : array, (steps, units, examples)
        Output and input of the last layer before each step.
    parameters : dict of arrays
        After the last one.
    """
    layers, last, after = stack(task.layers), [], dict(parameters)
    for X, y in steps:
        stages = run(layers, after, X)
        last.append(stages[-1])
        slopes = gradient_at(task, stages, after, y)
        after = {key: value - rates[key] * slopes[key] for key, value in after.items()}
    outputs, hidden = ([stage.output for stage in last], [stage.entering for stage in last])
    return np.array(outputs), np.array(hidden), after


def _backwards_from(
    task: Task, stages: Sequence[Stage], y: Array
) -> tuple[Sequence[Stage], Array, Callable[[Array, Values], Values]]:
    """Return the start of the backward pass.

    It consists of the stages, the slope of the loss by the output of the last stage, and this slope
    as a function of y and ŷ. If the last activation is the natural one of the loss, it is removed
    from the last stage, because its slope and that of the loss cancel.
    """
    loss = LOSSES[task.loss]
    y_hat, by_output = stages[-1].output, loss.slope
    if loss.by_sum is not None and task.layers[-1].activation == loss.natural:
        stages, by_output = (*stages[:-1], before_activation(stages[-1])), loss.by_sum
    return stages, by_output(y, y_hat), by_output


def gradient_units(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Array]:
    """Return how many rounding units the gradient may lose, to first order, entry by entry.

    This is a running error analysis of `gradient`: every input and every intermediate number is
    off by one rounding unit of its own, and by the error that it inherits (Higham, Accuracy and
    Stability of Numerical Algorithms, 2002, section 3.3).

    Parameters
    ----------
    task, parameters, X, y
        As for `gradient`.

    Returns
    -------
    dict
        For each parameter an array of its shape, absolute; to be multiplied by the rounding unit
        of the arithmetic.
    """
    passed = run(stack(task.layers), parameters, X)
    stages, slope, by_output = _backwards_from(task, passed, y)
    entering, lost = [np.abs(X).astype(np.float64)], np.abs(X).astype(np.float64)
    for stage in passed:
        (activation,), number = stage.layer.activations, stage.layer.number
        W, b = np.swapaxes(parameters[f"W{number}"], -1, -2), parameters[f"b{number}"]
        lost = np.abs(W) @ (lost + np.abs(stage.entering)) + np.abs(b)
        lost = _steepness(activation, stage.output) * lost + np.abs(stage.output)
        entering.append(lost)
    y_hat = passed[-1].output
    off = [by_output(y, y_hat + NUDGE * lost), by_output(y * (1 + NUDGE), y_hat)]
    lost = np.abs(slope) + sum(np.abs(each - slope) for each in off) / NUDGE
    units: dict[str, Array] = {}
    for stage, given in zip(reversed(stages), reversed(entering[:-1]), strict=True):
        number, own = stage.layer.number, entering[stage.layer.number]
        for activation in stage.layer.activations:
            z, a = stage.values
            by_sum = pull_back(activation, z, a, slope)
            moved = pull_back(activation, z, a + NUDGE * own, slope) - by_sum
            lost = _steepness(activation, a) * lost + np.abs(moved) / NUDGE
            slope, lost = by_sum, lost + np.abs(by_sum)
        size = np.swapaxes(np.abs(slope), -1, -2)
        A = np.abs(stage.entering)
        units[f"W{number}"] = (A + given) @ size + A @ np.swapaxes(lost, -1, -2)
        units[f"b{number}"] = (lost + np.abs(slope)).sum(axis=-1, keepdims=True)
        W = parameters[f"W{number}"]
        lost = np.abs(W) @ (lost + np.abs(slope))
        slope = W @ slope
    return {key: units[key] for key in parameters}


def _steepness(activation: Activation, a: Values) -> Values:
    """Return the size of an activation's slope in each entry.

    If the slope of an entry depends on other entries, the largest possible slope is returned.
    """
    if activation.slope is None:
        return np.full_like(a, activation.steepest)
    return np.abs(activation.slope(a))


def before_activation(stage: Stage) -> Stage:
    """Return the same layer without its activations."""
    return Stage(replace(stage.layer, activations=()), stage.entering, stage.values[:1])
