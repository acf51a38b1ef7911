"""The numbers behind the symbols: each `Factor` is a column over the probes."""

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
from gradkit.task.activations import ACTIVATIONS, Activation, is_curved
from gradkit.task.network import parameter_shapes, pull_back

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


def own_activation(activation: str) -> Activation:
    """The activation; the sigmoid where it has no slope entry by entry, or always the same."""
    own = ACTIVATIONS[activation]
    return own if own.slope is not None and is_curved(own) else ACTIVATIONS["sigmoid"]


def slope_at(activation: str, values: Array) -> Array:
    """The activation's derivative taken at ``values`` (a slip: it belongs at z).

    A linear layer has none that could be misplaced; there the sigmoid's serves.
    """
    own = own_activation(activation)
    return np.asarray(pull_back(own, values, own.value(values), np.ones_like(values)))


def again(activation: str, values: Array) -> Array:
    """The activation of ``values``; the sigmoid's where there is none of one's own."""
    return np.asarray(own_activation(activation).value(values))


def derivative(activation: str, values: Array) -> Array:
    """The activation's derivative where it gives ``values``."""
    slope = ACTIVATIONS[activation].slope
    return np.ones_like(values) if slope is None else np.asarray(slope(values))


class Table:
    """Columns of one set of inputs, computed when first asked for.

    Parameters
    ----------
    task : Task
    inputs : UpdateInputs
    after : mapping of arrays (n, …)
        What symbols marked ``after`` stand for.
    """

    def __init__(self, task: Task, inputs: UpdateInputs, after: Mapping[str, Array]) -> None:
        self._task = task
        self.inputs = inputs
        self.after = after
        self._arrays: dict[tuple[str, str], Array] = {}

    def array(self, symbol: str, when: str) -> Array:
        """All values of a symbol: (n, …) with the symbol's own index axes."""
        key = (symbol, when)
        if symbol in PARAMETERS:
            return (self.after if when == "after" else self.inputs.before)[symbol]
        if key not in self._arrays:
            self._arrays[key] = self._compute(symbol, when)
        return self._arrays[key]

    def column(self, factor: Factor) -> Array:
        """The factor over the probes: (n,), with one more axis for every letter."""
        values = self.array(factor.symbol, factor.when)
        values = values[_place(factor.index)]
        return values if factor.power == 1 else np.asarray(values**factor.power)

    def term(self, term: Term) -> Array:
        """The value of a term in every probe, shape (n,)."""
        return term.coefficient * self.product(term.factors)

    def product(self, factors: tuple[Factor, ...]) -> Array:
        """The product of factors, summed over the letters they share, shape (n,)."""
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
            "hidden_again": lambda: again(hidden, A1),
            "hidden_slope": lambda: slope_at(hidden, A1),
            "hidden_derivative": lambda: derivative(hidden, A1),
            "output_derivative": lambda: derivative(output, y_hat),
        }
        return formulas[symbol]()

    def _forward(self) -> tuple[Array, Array]:
        y_hat, A1 = network.forward(
            self._task.layers, self.inputs.before, self.inputs.X[:, :, None]
        )
        return y_hat[:, :, 0], A1[:, :, 0]


@cache
def _place(index: Index) -> tuple[slice | int, ...]:
    """Where a factor's column stands: at all probes, and along an axis for every letter."""
    return slice(None), *(slice(None) if isinstance(axis, str) else axis for axis in index)


@cache
def letters_of(index: Index) -> tuple[str, ...]:
    """The summation letters in an index, in order."""
    return tuple(axis for axis in index if isinstance(axis, str))


def at_place(term: Term, letter: str, place: int) -> Term:
    """One summand of a term that is summed over a letter."""
    factors = tuple(
        replace(f, index=tuple(place if axis == letter else axis for axis in f.index))
        for f in term.factors
    )
    return replace(term, factors=factors)


def gather(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Equal factors as one power; those that cancel are gone."""
    powers: dict[Factor, int] = {}
    for factor in factors:
        base = to_power(factor, 1)
        powers[base] = powers.get(base, 0) + factor.power
    return tuple(to_power(base, power) for base, power in powers.items() if power)


def to_power(factor: Factor, power: int) -> Factor:
    """The same symbol to another power; most have it already, and a copy takes time."""
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
        """All entries of all parameters."""
        return _entries(self)


def shape_of(task: Task) -> Shape:
    """The sizes of a task's net."""
    hidden, output = task.layers[0], task.layers[-1]
    return Shape(task.X.shape[1], hidden.units, output.units, hidden.activation, output.activation)


@lru_cache(maxsize=64)
def _entries(shape: Shape) -> tuple[Entry, ...]:
    layers = (Layer(shape.hidden, ""), Layer(shape.outputs, ""))
    return tuple(
        (key, (i, j))
        for key, (rows, columns) in parameter_shapes(shape.features, layers).items()
        for i in range(rows)
        for j in range(columns)
    )
