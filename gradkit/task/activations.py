"""Activations and losses: one record each, with all that gradkit knows about it.

A new activation or loss needs only a new entry. All functions take columns, (…, units, 1) or
(…, units, examples).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.records.task import Array

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
    # Two equal forms: each is used for the Z for which its exponential cannot overflow.
    decay = np.exp(np.where(z >= 0, -z, z))
    result: Values = np.where(z >= 0, 1 / (1 + decay), decay / (1 + decay))
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
