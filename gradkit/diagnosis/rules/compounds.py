"""What of an update's polynomials stands for known symbols: sums to divide by, atoms to replace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from gradkit.diagnosis.rules.polynomials import (
    Monomial,
    Polynomial,
    atom,
    atoms_of,
    constant,
    plus,
    shared,
    substituted,
    times,
    to_power,
    without,
)
from gradkit.diagnosis.rules.program import OVER, Program, columns_of, symbols_of
from gradkit.diagnosis.rules.symbols import Shape, Table, own_activation
from gradkit.records.rule import Factor, When
from gradkit.records.task import Array
from gradkit.task.activations import ACTIVATIONS, is_piecewise_linear

CLOSE = 1e-9
"""Relative; within which an atom is what a symbol is, over the calls."""

SMALL = 1e-6
"""Relative to the largest term of a divisor: an ``eps``, which only guards against zero."""

AGAIN = "output_again"
"""The last activation of ŷ, which is no symbol by itself."""


class Compound(Struct, frozen=True):
    """A sum that stands for a product of factors, or for one over a monomial."""

    factors: tuple[Factor, ...]
    sum: Polynomial
    monomial: Monomial
    atoms: frozenset[int]


class Compounds:
    """One program's polynomials, in atoms that are symbols wherever these give their values.

    Parameters
    ----------
    shape : Shape
    program : Program
    table : Table
        Of some inputs, at which it is seen what the atoms are.
    rough : bool
        Leave out what only guards a divisor against zero.

    Attributes
    ----------
    symbols : dict
        What each atom stands for, of those that stand for anything.
    over : dict
        Atoms that are 1 over a sum, with that sum.
    after : dict
        The polynomials of entries after the step.
    sums : list of Compound
        What to divide by, the first that fits.
    """

    def __init__(self, shape: Shape, program: Program, table: Table, *, rough: bool) -> None:
        self._shape, self._table = shape, table
        given = symbols_of(shape, rate=table.inputs.rate is not None)
        self.symbols: dict[int, Factor] = dict(enumerate(given))
        self._atoms = {factor: number for number, factor in self.symbols.items()}
        self._free = len(given) + len(program.made)
        self.over: dict[int, Polynomial] = {}
        self._values: dict[int, Polynomial] = {}
        if program.made:
            self._resolve(program, len(given), rough=rough)
        self.after = {entry: self._in_symbols(of) for entry, of in program.after.items()}
        self.sums: list[Compound] = []
        for factor, total in self._known():
            self.add((factor,), total)

    def atom(self, factor: Factor) -> int:
        """Return the number of the atom that stands for a factor."""
        if factor not in self._atoms:
            self._atoms[factor] = self._free
            self.symbols[self._free] = factor
            self._free += 1
        return self._atoms[factor]

    def add(self, factors: tuple[Factor, ...], total: Polynomial) -> None:
        """Have one more sum to divide by, which stands for these factors."""
        monomial = shared(total)
        rest = without(total, monomial)
        self.sums.append(Compound(factors, rest, monomial, frozenset(atoms_of(rest))))

    # --- atoms that functions made -------------------------------------------------------

    def _resolve(self, program: Program, first: int, *, rough: bool) -> None:
        """Find out what the atoms are that were made, in their order."""
        columns = columns_of(program, self._table.inputs)
        targets = [*self._targets()]
        for number, (function, of) in enumerate(program.made, first):
            inner = self._in_symbols(of)
            if function == OVER and rough:
                largest = max(map(abs, inner.values()), default=0.0)
                inner = {m: c for m, c in inner.items() if abs(c) > SMALL * largest}
            value = _same(columns[:, number], targets)
            if value is None and function == OVER and len(inner) == 1:
                value = to_power(inner, -1)
            if value is not None:
                self._values[number] = self._in_symbols(value)
            elif function == OVER:
                self.over[number] = inner

    def _in_symbols(self, polynomial: Polynomial) -> Polynomial:
        return substituted(polynomial, self._values)

    def _targets(self) -> Iterator[tuple[Array, int]]:
        """What a function may have made: columns over the calls, each with what it stands for."""
        shape, table = self._shape, self._table
        names: list[tuple[str, int, When]] = []
        for layer, units, activation in (
            ("hidden", shape.hidden, shape.activation),
            ("output", shape.outputs, shape.last),
        ):
            symbols = [f"{layer}_slope", *(["hidden_again"] if layer == "hidden" else [])]
            # Of others the slope is a product of other symbols.
            symbols += [f"{layer}_derivative"] if ACTIVATIONS[activation].factors is None else []
            for place in range(units):
                names += [(symbol, place, "") for symbol in symbols]
                names.append((layer, place, "recomputed"))
        for symbol, place, when in names:
            factor = Factor(symbol, (place,), when)
            yield table.column(factor), self.atom(factor)
        own_last = own_activation(shape.last)
        if own_last.pull_back is None:
            again = np.asarray(own_last.value(table.inputs.y_hat))
            for k in range(shape.outputs):
                yield again[:, k], self.atom(Factor(AGAIN, (k,)))

    # --- sums ----------------------------------------------------------------------------

    def _known(self) -> Iterator[tuple[Factor, Polynomial]]:
        shape = self._shape
        for k in range(shape.outputs):
            y = atom(self.atom(Factor("target", (k,))))
            if ACTIVATIONS[shape.last].factors not in (None, (), SIGMOID):
                derivative = Factor("output_derivative", (k,))
                yield from self._slope(shape.last, Factor("output", (k,)), derivative)
            for when, output in self._given("output", k):
                yield Factor("error", (k,), when), plus(y, output, -1.0)
                if len(output) > 1:
                    yield Factor("output", (k,), when), output
                yield Factor("output_complement", (k,), when), plus(constant(1.0), output, -1.0)
            yield from self._slope(shape.last, Factor(AGAIN, (k,)), Factor("output_slope", (k,)))
        for j in range(shape.hidden):
            again = Factor("hidden_again", (j,))
            yield from self._slope(shape.activation, again, Factor("hidden_slope", (j,)))
            for when, hidden in self._given("hidden", j):
                if len(hidden) > 1:
                    yield Factor("hidden", (j,), when), hidden
                yield Factor("hidden_complement", (j,), when), plus(constant(1.0), hidden, -1.0)
                yield Factor("hidden_excess", (j,), when), plus(constant(1.0), hidden)
        for i in range(shape.features):
            value = atom(self.atom(Factor("input", (i,))))
            yield Factor("input_complement", (i,)), plus(constant(1.0), value, -1.0)

    def _given(self, layer: str, place: int) -> Iterator[tuple[When, Polynomial]]:
        """What was handed over of a unit, and what a forward pass of one's own gives."""
        shape, own = self._shape, Factor(layer, (place,), "recomputed")
        yield "", atom(self.atom(Factor(layer, (place,))))
        if not is_piecewise_linear(
            ACTIVATIONS[shape.last if layer == "output" else shape.activation]
        ):
            if own in self._atoms:
                yield "recomputed", atom(self.atom(own))
        elif layer == "hidden":
            inputs = [atom(self.atom(Factor("input", (i,)))) for i in range(shape.features)]
            yield "recomputed", self._sum("1", place, inputs)
        else:
            units = [dict(self._given("hidden", j)).get("recomputed") for j in range(shape.hidden)]
            known = [unit for unit in units if unit is not None]
            if len(known) == len(units):
                yield "recomputed", self._sum("2", place, known)

    def _sum(self, layer: str, unit: int, inputs: Sequence[Polynomial]) -> Polynomial:
        total = atom(self.atom(Factor(f"b{layer}", (unit, 0), "before")))
        for place, value in enumerate(inputs):
            weight = atom(self.atom(Factor(f"W{layer}", (place, unit), "before")))
            total = plus(total, times(weight, value))
        return total

    def _slope(
        self, activation: str, again: Factor, slope: Factor
    ) -> Iterator[tuple[Factor, Polynomial]]:
        """The slope at a value, written in the activation of that value."""
        factors = own_activation(activation).factors
        if again in self._atoms and factors and set(factors) <= _WRITTEN.keys():
            own = atom(self.atom(again))
            total = constant(1.0)
            for start, by in (_WRITTEN[name] for name in factors):
                total = times(total, plus(constant(start), own, by))
            yield slope, total


SIGMOID = ("hidden", "hidden_complement")
"""The slope that an output has as a product of other symbols."""

_WRITTEN = {
    "hidden": (0.0, 1.0),
    "hidden_complement": (1.0, -1.0),
    "hidden_excess": (1.0, 1.0),
}
"""Parts of a slope as a + bA."""


def _same(column: Array, targets: list[tuple[Array, int]]) -> Polynomial | None:
    """Return what has these values: a symbol, 1 less it, or the exponential in its sigmoid."""
    if not np.all(np.isfinite(column)) or not np.ptp(column):
        return None
    for start, sign, power in ((0.0, 1.0, 1), (1.0, -1.0, 1), (-1.0, 1.0, -1)):
        for values, number in targets:
            with np.errstate(divide="ignore"):
                off = np.abs(start + sign * values**power - column).max()
            if off <= CLOSE * np.abs(column).max():
                return plus(constant(start), atom(number, power), sign)
    return None
