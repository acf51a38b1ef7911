"""Activations and losses: one record each, from which everything known of them follows.

To add one is to add its entry. All functions take columns, (…, units, 1) or (…, units, examples).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.records.task import Array

Values = NDArray[Any]
"""float64; float32 where single precision is modelled."""


class Activation(Struct, frozen=True, kw_only=True):
    """What a layer does with its weighted sum Z to give its output A.

    Attributes
    ----------
    value : callable
        From Z to A.
    slope : callable, optional
        From A to dA/dZ, entry by entry. It is written in A, as an update that is not handed Z
        has to write it.
    pull_back : callable, optional
        In place of ``slope``, where an entry of A depends on other entries of Z, or the slope is
        no function of A: from Z, A and dL/dA to dL/dZ.
    kink : float, optional
        The Z at which there is no slope.
    steepest : float
        The largest size of the slope.
    low, high : float
        Between which bounds A lies.
    factors : tuple of str, optional
        The slope as a product of symbols of `gradkit.records.rule.Factor`. None has it stand for
        itself, as ``hidden_derivative`` or ``output_derivative``.
    usual : bool
        Whether students may have written it in place of any other.
    numpy, torch : str
        Source of A for columns ``Z``, and the name of the function in torch.
    numpy_slope : str
        Source of the slope for columns ``A``; empty where it is none of A.
    written : str
        The slope for readers, with ``{A}`` in the place of A.
    sign, tex : str
        How it is written in a formula; nothing where Z is its own value.
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
    """What is minimised, a sum over outputs and examples.

    Attributes
    ----------
    value : callable
        From y and ŷ to a number for each entry.
    slope : callable
        From y and ŷ to dL/dŷ, entry by entry.
    natural : str
        The activation that belongs to it: their slopes cancel to ŷ − y, for targets of classes
        that add up to 1.
    by_sum : callable, optional
        From y and ŷ to dL/dZ in front of that activation. A student's rounding is that of this.
    numpy : str
        Source of the loss of each column of ``A``, with targets ``y``.
    """

    value: Callable[[Array, Values], Values]
    slope: Callable[[Array, Values], Values]
    natural: str = ""
    by_sum: Callable[[Array, Values], Values] | None = None
    numpy: str = ""


def _sigmoid(z: Values) -> Values:
    # Of the two equal forms each is used where its exponential cannot overflow.
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
"""Sums at which it is tried what can be told of an activation: no kink is among them."""


def is_curved(activation: Activation) -> bool:
    """True where A is another number than Z."""
    return not np.array_equal(activation.value(_SUMS), _SUMS)


def is_idempotent(activation: Activation) -> bool:
    """True where a second time changes nothing, as relu of relu."""
    once = activation.value(_SUMS)
    return np.array_equal(activation.value(once), once)


def is_piecewise_linear(activation: Activation) -> bool:
    """True where a small move of A leaves the slope as it was."""
    if activation.slope is None:
        return False
    a = activation.value(_SUMS)
    return np.array_equal(activation.slope(a), activation.slope(a * 1.01))
