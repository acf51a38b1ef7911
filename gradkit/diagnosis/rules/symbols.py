"""Compute the values of the symbols in rules: a `Factor` becomes an array over the probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.rule import Entry, Factor, Index, Term, UpdateInputs
from gradkit.records.task import Array, Layer, Task
from gradkit.task import network
from gradkit.task.network import ACTIVATIONS, Activation, is_curved, parameter_shapes, pull_back

PARAMETERS = ("W1", "b1", "W2", "b2")
W1, B1, W2, B2 = PARAMETERS
PER_OUTPUT = (
    "error",
    "target",
    "output",
    "output_complement",
    "output_slope",
    "output_derivative",
)
PER_INPUT = ("input", "input_complement")
PER_HIDDEN = (
    "hidden",
    "hidden_complement",
    "hidden_excess",
    "hidden_step",
    "hidden_again",
    "hidden_slope",
    "hidden_derivative",
)
AXES: Mapping[str, str] = {
    **{W1: "ij", B1: "j", W2: "jk", B2: "k"},
    **dict.fromkeys(PER_INPUT, "i"),
    **dict.fromkeys(PER_HIDDEN, "j"),
    **dict.fromkeys(PER_OUTPUT, "k"),
}
"""The axes of each symbol: inputs i, hidden units j, outputs k."""


def activation_with_slope(activation: str) -> Activation:
    """Return the named activation, or the sigmoid if its slope is constant or not elementwise."""
    own = ACTIVATIONS[activation]
    return own if own.slope is not None and is_curved(own) else ACTIVATIONS["sigmoid"]


def slope_at(activation: str, values: Array) -> Array:
    """Return the activation's derivative at ``values``, which are used as inputs z.

    Students make this mistake when they call the derivative with the activation's output.
    ``activation`` is a name; one without a curved, elementwise derivative is replaced by the
    sigmoid.
    """
    own = activation_with_slope(activation)
    return np.asarray(pull_back(own, values, own.value(values), np.ones_like(values)))


def apply_again(activation: str, values: Array) -> Array:
    """Apply the activation to ``values``; the sigmoid if `activation_with_slope` replaces it."""
    return np.asarray(activation_with_slope(activation).value(values))


def derivative_from_output(activation: str, values: Array) -> Array:
    """Return the activation's derivative, computed from its outputs ``values``.

    Ones if its derivative is not elementwise.
    """
    slope = ACTIVATIONS[activation].slope
    return np.ones_like(values) if slope is None else np.asarray(slope(values))


class Table:
    """Values of all symbols for one set of inputs, computed on first use.

    Parameters
    ----------
    task : Task
    inputs : UpdateInputs
    after : mapping of arrays (n, …)
        Parameters after the step, for symbols marked ``after``.
    """

    def __init__(self, task: Task, inputs: UpdateInputs, after: Mapping[str, Array]) -> None:
        """Store the inputs of calls and the parameters ``after`` each; compute nothing yet."""
        self._task = task
        self.inputs = inputs
        self.after = after
        self._arrays: dict[tuple[str, str], Array] = {}

    def array(self, symbol: str, when: str) -> Array:
        """Return all values of a symbol, shape (n, …), with the axes listed in `AXES`.

        ``when`` is ``before`` or ``after`` for parameters, ``recomputed`` for values of a new
        forward pass, else empty. Computed arrays are kept.
        """
        key = (symbol, when)
        if symbol in PARAMETERS:
            return (self.after if when == "after" else self.inputs.before)[symbol]
        if key not in self._arrays:
            self._arrays[key] = self._compute(symbol, when)
        return self._arrays[key]

    def column(self, factor: Factor) -> Array:
        """Return a factor's values, raised to its power: (n,) and an axis for each index letter."""
        values = self.array(factor.symbol, factor.when)
        values = values[_slices(factor.index)]
        return values if factor.power == 1 else np.asarray(values**factor.power)

    def term(self, term: Term) -> Array:
        """Return the value of a term for each probe, shape (n,)."""
        return term.coefficient * self.product(term.factors)

    def product(self, factors: tuple[Factor, ...]) -> Array:
        """Return the product of factors for each call, shape (n,).

        A factor whose index is a letter, such as ``W2[0,k]``, is summed over the letter, as in
        ``einsum``. Without factors, the product is 1.
        """
        result: Array | None = None
        lettered: list[Any] = []
        for factor in factors:
            if letters := letters_of(factor.index):
                lettered += [self.column(factor), [0, *("_ijk".index(x) for x in letters)]]
            else:
                column = self.column(factor)
                result = column if result is None else result * column
        if lettered:
            total = np.asarray(np.einsum(*lettered, [0]))
            return total if result is None else total * result
        return np.ones(len(self.inputs.y)) if result is None else result

    def _compute(self, symbol: str, when: str) -> Array:
        """Compute the array of a symbol that is not a parameter; a missing rate is 1.

        If ``when`` is ``recomputed``, the values come from the task's forward pass, otherwise from
        the inputs.
        """
        inputs = self.inputs
        if symbol == "rate":
            return np.ones(len(inputs.y)) if inputs.rate is None else inputs.rate
        y_hat, A1 = (inputs.y_hat, inputs.A1) if when != "recomputed" else self._forward()
        hidden, output = (self._task.layers[i].activation for i in (0, -1))
        formulas: Mapping[str, Callable[[], Array]] = {
            "error": lambda: inputs.y - y_hat,
            "target": lambda: inputs.y,
            "output": lambda: y_hat,
            "output_complement": lambda: 1 - y_hat,
            "output_slope": lambda: slope_at(output, y_hat),
            "input": lambda: inputs.X,
            "input_complement": lambda: 1 - inputs.X,
            "hidden": lambda: A1,
            "hidden_complement": lambda: 1 - A1,
            "hidden_excess": lambda: 1 + A1,
            "hidden_step": lambda: (A1 > 0).astype(float),
            "hidden_again": lambda: apply_again(hidden, A1),
            "hidden_slope": lambda: slope_at(hidden, A1),
            "hidden_derivative": lambda: derivative_from_output(hidden, A1),
            "output_derivative": lambda: derivative_from_output(output, y_hat),
        }
        return formulas[symbol]()

    def _forward(self) -> tuple[Array, Array]:
        """Run the task's forward pass on the inputs; return ŷ and A1, both (n, units)."""
        y_hat, A1 = network.forward(
            self._task.layers, self.inputs.before, self.inputs.X[:, :, None]
        )
        return y_hat[:, :, 0], A1[:, :, 0]


@cache
def _slices(index: Index) -> tuple[slice | int, ...]:
    """Return the numpy index of a factor's values: all probes, and a full axis for every letter."""
    return slice(None), *(slice(None) if isinstance(axis, str) else axis for axis in index)


@cache
def letters_of(index: Index) -> tuple[str, ...]:
    """Return the letters in an index, such as ``("j",)`` for ``(0, "j")``, in order."""
    return tuple(axis for axis in index if isinstance(axis, str))


def replace_letter(term: Term, letter: str, number: int) -> Term:
    """Return a term with an index letter replaced by a number.

    This is one summand of the sum over that letter.
    """
    factors = tuple(
        replace(f, index=tuple(number if axis == letter else axis for axis in f.index))
        for f in term.factors
    )
    return replace(term, factors=factors)


def combine_factors(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Combine factors that differ only in their power into one factor each.

    Their powers are added; factors whose powers add up to 0 are left out.
    """
    powers: dict[Factor, int] = {}
    for factor in factors:
        base = with_power(factor, 1)
        powers[base] = powers.get(base, 0) + factor.power
    return tuple(with_power(base, power) for base, power in powers.items() if power)


def with_power(factor: Factor, power: int) -> Factor:
    """Return the factor with another power; the same object if it has this power already."""
    return factor if factor.power == power else replace(factor, power=power)


# --- sizes of a net --------------------------------------------------------------------------


class Shape(Struct, frozen=True):
    """The sizes of a net, and what its layers apply."""

    features: int
    hidden: int
    outputs: int
    activation: str
    last: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of all parameters of the net, such as ``("W1", (0, 2))``."""
        return _entries(self)


def shape_of(task: Task) -> Shape:
    """Return the sizes and activations of a task's net."""
    hidden, output = task.layers[0], task.layers[-1]
    return Shape(task.X.shape[1], hidden.units, output.units, hidden.activation, output.activation)


@lru_cache(maxsize=64)
def _entries(shape: Shape) -> tuple[Entry, ...]:
    """Return all entries of all parameters of a net with the sizes ``shape``.

    An entry is a parameter and its index, such as ``("W1", (0, 2))``.
    """
    layers = (Layer(shape.hidden, ""), Layer(shape.outputs, ""))
    return tuple(
        (key, (i, j))
        for key, (rows, columns) in parameter_shapes(shape.features, layers).items()
        for i in range(rows)
        for j in range(columns)
    )
