"""Compute a net: activations, losses, forward pass and exact gradient of stacked dense layers.

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
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.records.task import Array, Layer, Parameters, Task

Values = NDArray[Any]
"""float64 arrays, or float32 arrays where single precision is modelled."""


class Activation(Struct, frozen=True, kw_only=True):
    """An activation: the function from a layer's weighted sum Z to its output A.

    Attributes
    ----------
    value : callable
        Function from Z to A.
    slope : callable, optional
        Function from A to dA/dZ, entry by entry. It is a function of A because a student's update
        may not be given Z.
    pull_back : callable, optional
        Function from Z, A and dL/dA to dL/dZ. It replaces ``slope`` if an entry of A depends on
        other entries of Z, or if the slope is not a function of A.
    kink : float, optional
        The Z at which the slope does not exist.
    steepest : float
        The largest size of the slope.
    low, high : float
        Bounds of A.
    factors : tuple of str, optional
        The slope as a product of symbols of `gradkit.records.rule.Factor`. With None the slope has
        its own symbol, ``hidden_derivative`` or ``output_derivative``.
    usual : bool
        Whether students often use it in place of another activation.
    numpy, torch : str
        Source of A for columns ``Z``, and the name of the function in torch.
    numpy_slope : str
        Source of the slope for columns ``A``; empty if it is not a function of A.
    written : str
        The slope in words or mathematics for reports, with ``{A}`` in the place of A.
    sign, tex : str
        The symbol in a formula; empty for the identity.
    """

    value: Callable[[Values], Values]
    slope: Callable[[Values], Values] | None = None
    pull_back: Callable[[Values, Values, Values], Values] | None = None
    kink: float | None = None
    steepest: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    factors: tuple[str, ...] | None = None
    usual: bool = False
    numpy: str
    numpy_slope: str = ""
    torch: str = ""
    written: str = "another"
    sign: str = ""
    tex: str = ""


class Loss(Struct, frozen=True, kw_only=True):
    """A loss function: a sum over outputs and examples.

    Attributes
    ----------
    value : callable
        Function from y and ŷ to a number for each entry.
    slope : callable
        Function from y and ŷ to dL/dŷ, entry by entry.
    natural : str
        The activation whose slope cancels with that of the loss to ŷ − y, for targets of classes
        that add up to 1.
    by_sum : callable, optional
        Function from y and ŷ to dL/dZ before that activation. Tolerances are based on its
        rounding, since students write this form.
    numpy : str
        Source of the loss of each column of ``A``, with targets ``y``.
    """

    value: Callable[[Array, Values], Values]
    slope: Callable[[Array, Values], Values]
    natural: str = ""
    by_sum: Callable[[Array, Values], Values] | None = None
    numpy: str = ""


def _sigmoid(z: Values) -> Values:
    """Return the sigmoid of each number, without overflow."""
    # Two equal forms: each is used for the Z for which its exponential cannot overflow.
    decay = np.exp(-np.abs(z))
    result: Values = np.where(z >= 0, 1, decay) / (1 + decay)
    return result


def _softmax(z: Values) -> Values:
    powers = np.exp(z - z.max(axis=-2, keepdims=True))
    result: Values = powers / powers.sum(axis=-2, keepdims=True)
    return result


LEAK = 0.01
"""The slope of a leaky relu below zero, as torch has it."""

ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(
        value=np.positive,
        slope=np.ones_like,
        factors=(),
        usual=True,
        numpy="Z",
        numpy_slope="1",
        written="1",
    ),
    "sigmoid": Activation(
        value=_sigmoid,
        slope=lambda a: a * (1 - a),
        low=0,
        high=1,
        factors=("hidden", "hidden_complement"),
        usual=True,
        numpy="1 / (1 + np.exp(-Z))",
        numpy_slope="A * (1 - A)",
        torch="torch.sigmoid",
        written="{A}·(1−{A})",
        sign="σ",
        tex="\\sigma",
    ),
    "tanh": Activation(
        value=np.tanh,
        slope=lambda a: 1 - a**2,
        low=-1,
        high=1,
        factors=("hidden_complement", "hidden_excess"),
        usual=True,
        numpy="np.tanh(Z)",
        numpy_slope="(1 - A**2)",
        torch="torch.tanh",
        written="1−{A}²",
        sign="tanh",
        tex="\\tanh",
    ),
    "relu": Activation(
        value=lambda z: np.where(z > 0, z, 0),
        slope=lambda a: (a > 0).astype(a.dtype),
        kink=0.0,
        low=0,
        factors=("hidden_step",),
        usual=True,
        numpy="np.maximum(Z, 0)",
        numpy_slope="(A > 0)",
        torch="torch.relu",
        written="1 where {A} > 0 and 0 elsewhere",
    ),
    "softmax": Activation(
        value=_softmax,
        pull_back=lambda z, a, slope: a * (slope - (slope * a).sum(axis=-2, keepdims=True)),
        low=0,
        high=1,
        usual=True,
        numpy="np.exp(Z) / np.exp(Z).sum(axis=0)",
        torch="torch.softmax",
    ),
    "softplus": Activation(
        value=lambda z: np.logaddexp(z, 0),
        slope=lambda a: -np.expm1(-a),
        low=0,
        numpy="np.logaddexp(Z, 0)",
        numpy_slope="(1 - np.exp(-A))",
        torch="torch.nn.functional.softplus",
        written="1−exp(−{A})",
    ),
    "leaky_relu": Activation(
        value=lambda z: np.where(z > 0, z, LEAK * z),
        slope=lambda a: np.where(a > 0, 1, LEAK),
        kink=0.0,
        numpy=f"np.maximum(Z, {LEAK} * Z)",
        numpy_slope=f"np.where(A > 0, 1, {LEAK})",
        torch="torch.nn.functional.leaky_relu",
        written="1 where {A} > 0 and 0.01 elsewhere",
    ),
}

LOSSES: dict[str, Loss] = {
    "squared_error": Loss(
        value=lambda y, y_hat: (y - y_hat) ** 2,
        slope=lambda y, y_hat: -2 * (y - y_hat),
        numpy="((y - A) ** 2).sum(axis=0)",
    ),
    "binary_cross_entropy": Loss(
        value=lambda y, y_hat: -(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)),
        slope=lambda y, y_hat: (y_hat - y) / (y_hat * (1 - y_hat)),
        natural="sigmoid",
        by_sum=lambda y, y_hat: y_hat - y,
        numpy="-(y * np.log(A) + (1 - y) * np.log(1 - A)).sum(axis=0)",
    ),
    "cross_entropy": Loss(
        value=lambda y, y_hat: -(y * np.log(y_hat)),
        slope=lambda y, y_hat: -y / y_hat,
        natural="softmax",
        by_sum=lambda y, y_hat: y_hat * y.sum(axis=-2, keepdims=True) - y,
        numpy="-(y * np.log(A)).sum(axis=0)",
    ),
}


_SUMS = np.linspace(-2.9, 2.9, 30)[:, None]
"""Sums at which properties of activations are tested. None of them is a kink."""


def is_curved(activation: Activation) -> bool:
    """Return whether an activation is not the identity."""
    return not np.array_equal(activation.value(_SUMS), _SUMS)


def is_idempotent(activation: Activation) -> bool:
    """Return whether applying an activation twice is the same as once, as for relu."""
    once = activation.value(_SUMS)
    return np.array_equal(activation.value(once), once)


def is_piecewise_linear(activation: Activation) -> bool:
    """Return whether the slope of an activation does not change with a small change of A."""
    if activation.slope is None:
        return False
    a = activation.value(_SUMS)
    return np.array_equal(activation.slope(a), activation.slope(a * 1.01))


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
    """Return the layers of a task with the functions of their activations, to be run in order."""
    return tuple(
        Dense(number, (ACTIVATIONS[layer.activation],)) for number, layer in enumerate(layers, 1)
    )


def run(layers: Sequence[Dense], parameters: Mapping[str, Values], X: Values) -> tuple[Stage, ...]:
    """Run a forward pass through layers, and return the stage of every layer.

    ``parameters`` and ``X`` may be stacked: (…, in, out), (…, out, 1) and (…, in, examples).
    """
    stages: list[Stage] = []
    A = X
    for layer in layers:
        W, b = parameters[f"W{layer.number}"], parameters[f"b{layer.number}"]
        z = (W.swapaxes(-1, -2) if layer.transposed else W) @ A
        if layer.bias:
            z = z + layer.bias * b
        values = [z if layer.sign > 0 else -z]
        for activation in layer.activations:
            values.append(activation.value(values[-1]))
        stages.append(Stage(layer, A, tuple(values)))
        A = values[-1]
    return tuple(stages)


def pull_back(activation: Activation, z: Values, a: Values, slope: Values) -> Values:
    """Return the slope of a loss by Z, the sum of a layer, from its ``slope`` by the output A.

    ``z`` and ``a`` are the values of Z and A.

    Raises
    ------
    TypeError
        The activation has neither a slope nor a ``pull_back``.
    """
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
        The parameters of the forward pass.
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
    """Return the canonical shapes of a net's parameters by name: W1, b1, W2, b2 and so on.

    ``features`` is the number of inputs of the net.
    """
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
        The layers of the net.
    parameters : mapping of arrays, (…, in, out) and (…, out, 1)
        The parameters by name, as W1.
    X : array, (…, features, 1)
        The inputs.

    Returns
    -------
    y_hat : array, (…, outputs, 1)
        The output of the last layer.
    hidden : array, (…, units, 1)
        Its input.
    """
    last = run(stack(layers), parameters, X)[-1]
    return last.output, last.entering


def sums(
    layers: tuple[Layer, ...], parameters: Parameters, X: Array
) -> Iterator[tuple[Activation, Array, Array]]:
    """Yield for each layer its activation, its sum Z, and how many rounding units Z may lose.

    ``parameters`` and ``X`` are as for `forward`. The units are a first-order estimate in absolute
    numbers. The rounding error of a sum depends on the size of its terms, not on the size of their
    sum: ``e = |W|ᵀ(s·e' + |A'|) + |b|`` from layer to layer, with s the steepest slope of the
    previous activation (Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3).
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

    The arguments are those of `forward`.

    Returns
    -------
    y_hat : array, (…, outputs, 1)
        For the output: absolute; to be multiplied by the rounding unit of the arithmetic.
    hidden : array, (…, units, 1)
        For the input of the last layer.
    """
    lost = [np.abs(X).astype(np.float64)]
    lost += [activation.steepest * z for activation, _, z in sums(layers, parameters, X)]
    return lost[-1], lost[-2]


def kink_distance(layers: tuple[Layer, ...], parameters: Parameters, X: Array) -> Array:
    """Return each probe's smallest distance of a layer's sum from its activation's kink.

    The arguments are those of `forward`, with leading axes of probes. The distance is infinite if
    no activation has a kink.
    """
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
    task : Task
        Its layers and its loss are used.
    parameters : mapping of float64 arrays, (…, in, out) and (…, out, 1)
        The point of the gradient.
    X : (…, features, examples)
        The inputs.
    y : (…, outputs, examples)
        The targets.

    Returns
    -------
    dict
        For each parameter an array of its shape, with the leading axes of all: dL/dW1, dL/db1, …
    """
    return gradient_at(task, run(stack(task.layers), parameters, X), parameters, y)


def gradient_at(
    task: Task, stages: Sequence[Stage], parameters: Parameters, y: Array
) -> dict[str, Array]:
    """Return the gradient of the loss from the stages of a forward pass, see `run`.

    ``y`` are the targets, (…, outputs, examples). The result has an array for each parameter.
    """
    stages, slope, _ = _backwards_from(task, stages, y)
    return slopes_of(stages, parameters, slope)


def descend(
    task: Task,
    parameters: Parameters,
    steps: Iterable[tuple[Array, Array]],
    rates: Mapping[str, float],
) -> tuple[Array, Array, dict[str, Array]]:
    """Take steps of gradient descent, one for each pair of X and y.

    ``parameters`` is the start, which is not changed. ``rates`` has the learning rate of each
    parameter.

    Returns
    -------
    y_hat : array, (steps, outputs, examples)
        Output of the last layer before each step.
    hidden : array, (steps, units, examples)
        Input of the last layer before each step.
    parameters : dict of arrays
        After the last step.
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
    """Return the start of a backward pass, with the last activation and the loss combined.

    ``stages`` are those of the forward pass, and ``y`` the targets. The items of the result are the
    stages to go back through, the slope of the loss by the output of the last of them, and this
    slope as a function of y and ŷ. If the last activation is the natural one of the loss, as
    softmax with cross entropy, it is removed from the last stage, because its slope and that of the
    loss cancel.
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
    """Return the size of an activation's slope in each entry of its output ``a``.

    If the slope of an entry depends on other entries, the largest possible slope is returned.
    """
    if activation.slope is None:
        return np.full_like(a, activation.steepest)
    return np.abs(activation.slope(a))


def before_activation(stage: Stage) -> Stage:
    """Return the same layer without its activations."""
    return Stage(replace(stage.layer, activations=()), stage.entering, stage.values[:1])
