"""The generic net: forward pass, loss and exact gradient of any stack of dense layers.

Everything broadcasts over leading axes, so that hundreds of probes, or every parameter
moved in turn, are one call. Shapes are written for one probe: ``X`` (features, 1),
``W1`` (in, out), ``b1`` (out, 1), ``A`` (units, 1), ``y`` (outputs, 1).

The gradient is the complex-step derivative: with an analytic f,
``f'(x) = Im f(x + ih) / h`` up to O(h²) and without cancellation, so h = 1e-30 gives it
to rounding (Squire and Trapp, SIAM Review 40, 1998). That is sound here and only here,
because every activation and loss below is written to be analytic off its kinks; for code
that is not ours gradkit uses real differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.records.task import Array, Layer, Parameters, Task

Values = NDArray[Any]
"""float64, or complex128 inside a complex step."""

STEP = 1e-30

NUDGE = 1e-6
"""By how much, relative, a number is moved to see what depends on it."""

FLAT = 1e-6
"""A slope below which a unit hands nothing on that could be seen."""


def _sigmoid(z: Values) -> Values:
    # Of the two equal forms each is used where its exponential cannot overflow.
    decay = np.exp(np.where(z.real >= 0, -z, z))
    result: Values = np.where(z.real >= 0, 1 / (1 + decay), decay / (1 + decay))
    return result


def _softmax(z: Values) -> Values:
    powers = np.exp(z - z.real.max(axis=-2, keepdims=True))
    result: Values = powers / powers.sum(axis=-2, keepdims=True)
    return result


ACTIVATIONS: Mapping[str, Callable[[Values], Values]] = {
    "linear": lambda z: z,
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "softmax": _softmax,
}


def _squared_error(y: Array, y_hat: Values) -> Values:
    total: Values = ((y - y_hat) ** 2).sum(axis=(-2, -1))
    return total


def _binary_cross_entropy(y: Array, y_hat: Values) -> Values:
    total: Values = (y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)).sum(axis=(-2, -1))
    return -total


def _cross_entropy(y: Array, y_hat: Values) -> Values:
    total: Values = (y * np.log(y_hat)).sum(axis=(-2, -1))
    return -total


LOSSES: Mapping[str, Callable[[Array, Values], Values]] = {
    "squared_error": _squared_error,
    "binary_cross_entropy": _binary_cross_entropy,
    "cross_entropy": _cross_entropy,
}


def parameter_shapes(features: int, layers: tuple[Layer, ...]) -> dict[str, tuple[int, int]]:
    """Shapes in canonical form and order: W1, b1, W2, b2, and so on."""
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
    """Output and input of the last layer.

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
    A = hidden = X
    for number, layer in enumerate(layers, 1):
        hidden = A
        W, b = parameters[f"W{number}"], parameters[f"b{number}"]
        A = ACTIVATIONS[layer.activation](np.swapaxes(W, -1, -2) @ A + b)
    return A, hidden


def rounding_units(
    layers: tuple[Layer, ...], parameters: Parameters, X: Array
) -> tuple[Array, Array]:
    """How many rounding units output and input of the last layer may lose, to first order.

    Rounding of a sum goes with the size of its terms, and not of what is left of them:
    ``e = |W|ᵀ(e' + |A'|) + |b|`` from layer to layer, since no activation has a slope
    beyond 1 (Higham, Accuracy and Stability of Numerical Algorithms, 2002, chapter 3).

    Returns
    -------
    y_hat : array, (…, outputs, 1)
    hidden : array, (…, units, 1)
        Absolute; to be multiplied by the rounding unit of the arithmetic.
    """
    A: Values = X
    lost = hidden = np.abs(X).astype(np.float64)
    for number, layer in enumerate(layers, 1):
        hidden = lost
        W, b = np.swapaxes(parameters[f"W{number}"], -1, -2), parameters[f"b{number}"]
        lost = np.abs(W) @ (lost + np.abs(A)) + np.abs(b)
        A = ACTIVATIONS[layer.activation](W @ A + b)
    return lost, hidden


def kink_distance(layers: tuple[Layer, ...], parameters: Parameters, X: Array) -> Array:
    """The smallest ``|z|`` in front of a relu, per probe; inf where there is none."""
    distance = np.full(X.shape[:-2], np.inf)
    A: Values = X
    for number, layer in enumerate(layers, 1):
        z = np.swapaxes(parameters[f"W{number}"], -1, -2) @ A + parameters[f"b{number}"]
        if layer.activation == "relu":
            distance = np.minimum(distance, np.abs(z).min(axis=(-2, -1)))
        A = ACTIVATIONS[layer.activation](z)
    return distance


def loss(task: Task, parameters: Mapping[str, Values], X: Array, y: Array) -> Values:
    """The task's loss of each probe, shape (…)."""
    return LOSSES[task.loss](y, forward(task.layers, parameters, X)[0])


def gradient(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Array]:
    """The gradient of `loss`, by complex step.

    Parameters
    ----------
    parameters : mapping of float64 arrays, (n, in, out) and (n, out, 1)
    X : (n, features, 1)
    y : (n, outputs, 1)

    Returns
    -------
    dict
        For each parameter an array of its shape: dL/dW1, dL/db1, …
    """
    return complex_step(
        lambda moved: loss(task, moved, X[:, None], y[:, None]),
        parameters,
    )


def gradient_units(task: Task, parameters: Parameters, X: Array, y: Array) -> dict[str, Array]:
    """How many rounding units the gradient may lose, to first order, entry by entry.

    ``Σ_k |∂g/∂x_k| |x_k|`` over all parameters, inputs, targets and values of units: what the
    gradient moves by where each number that it is made from is off by one rounding unit, and so
    the size of what a backward stable computation loses (Higham, Accuracy and Stability of
    Numerical Algorithms, 2002, section 1.6). Values of units count by themselves, as the slope
    of a saturated one, ``1 − A²``, loses what they lose.

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
    given: dict[str, Array] = {**parameters, "X": X, "y": y}
    exact = gradient(task, parameters, X, y)
    units = {key: np.abs(value) for key, value in exact.items()}

    def count(name: str, index: tuple[int, ...], by: Array) -> None:
        at: tuple[Any, ...] = (..., *index)
        nudged = given[name].astype(np.float64)
        nudged[at] += NUDGE * by[at]
        moved = {**given, name: nudged}
        X_moved, y_moved = moved.pop("X"), moved.pop("y")
        for key, slope in gradient(task, moved, X_moved, y_moved).items():
            units[key] += np.abs(slope - exact[key]) / NUDGE

    for name, value in given.items():
        for index in np.ndindex(value.shape[1:]):
            count(name, index, value)
    for name, shift in _unit_shifts(task, parameters, X).items():
        for index in np.ndindex(shift.shape[1:]):
            count(name, index, shift)
    return units


def _unit_shifts(task: Task, parameters: Parameters, X: Array) -> dict[str, Array]:
    """By how much each bias would have to move for its unit to double, to first order."""
    shifts: dict[str, Array] = {}
    A: Values = X
    for number, layer in enumerate(task.layers, 1):
        z = np.swapaxes(parameters[f"W{number}"], -1, -2) @ A + parameters[f"b{number}"]
        shift = np.zeros(z.shape)
        activation = ACTIVATIONS[layer.activation]
        A = activation(z)
        for unit in range(z.shape[-2]):
            moved = z.astype(np.complex128)
            moved[:, unit] += 1j * STEP
            slope = activation(moved)[:, unit].imag / STEP
            flat = np.abs(slope) < FLAT
            shift[:, unit] = np.where(flat, 0.0, A[:, unit] / np.where(flat, 1.0, slope))
        shifts[f"b{number}"] = shift
    return shifts


def complex_step(
    function: Callable[[Mapping[str, Values]], Values], parameters: Parameters
) -> dict[str, Array]:
    """The derivative of a function with respect to every parameter, each moved alone.

    Parameters
    ----------
    function : callable
        From complex parameters (n, moves, in, out) and (n, moves, out, 1) to values (n, moves);
        analytic, see above.
    parameters : mapping of float64 arrays, (n, in, out) and (n, out, 1)

    Returns
    -------
    dict
        For each parameter an array of its shape.
    """
    n = len(next(iter(parameters.values())))
    flat = np.concatenate([value.reshape(n, -1) for value in parameters.values()], axis=1)
    moved = flat[:, None, :] + 1j * STEP * np.eye(flat.shape[1])
    return _unflatten(function(_unflatten(moved, parameters)).imag / STEP, parameters)


def _unflatten(flat: Values, like: Parameters) -> dict[str, Values]:
    """Cut the last axis into arrays of the trailing shapes of ``like``."""
    parts, start = {}, 0
    for key, value in like.items():
        shape = value.shape[1:]
        stop = start + int(np.prod(shape))
        parts[key] = flat[..., start:stop].reshape(*flat.shape[:-1], *shape)
        start = stop
    return parts
