"""Replace atoms by the symbols that they equal.

List the sums that stand for symbols, to divide by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from gradkit.diagnosis.rules.polynomials import (
    Monomial,
    Polynomial,
    add,
    atom,
    atoms_of,
    common_monomial,
    constant,
    divide_by_monomial,
    multiply,
    raise_to_power,
    substitute,
)
from gradkit.diagnosis.rules.program import OVER, Program, atom_values, input_symbols
from gradkit.diagnosis.rules.symbols import Shape, Table, activation_with_slope
from gradkit.records.rule import Factor, When
from gradkit.records.task import Array
from gradkit.task.network import ACTIVATIONS, is_piecewise_linear

CLOSE = 1e-9
"""Relative tolerance between an atom and the symbol that it stands for."""

SMALL = 1e-6
"""Terms of a divisor below this fraction of its largest are an ``eps`` against division by 0."""

AGAIN = "output_again"
"""The output activation applied to ŷ, which is no symbol of rules."""


class Compound(Struct, frozen=True):
    """A sum that equals a product of factors divided by a monomial."""

    factors: tuple[Factor, ...]
    sum: Polynomial
    monomial: Monomial
    atoms: frozenset[int]


class Compounds:
    """A program's polynomials, with atoms replaced by symbols that have the same values.

    Parameters
    ----------
    shape : Shape
    program : Program
    table : Table
        Inputs at which atoms and symbols are compared.
    rough : bool
        Drop small terms of divisors (``eps``), as single precision cannot show them.

    Attributes
    ----------
    symbols : dict
        The factor that an atom stands for, by atom number; unknown atoms are missing.
    over : dict
        The sum ``s`` of each atom that is 1/s.
    after : dict
        The polynomials of entries after the step.
    sums : list of Compound
        Sums to divide by, in the order in which they are tried.
    """

    def __init__(self, shape: Shape, program: Program, table: Table, *, rough: bool) -> None:
        """Write the program's polynomials in symbols of the net, and collect sums as factors.

        ``shape`` has the sizes and activations of the net, ``program`` the recorded polynomials,
        and ``table`` the values of symbols by which results of functions are recognised. With
        ``rough``, small terms of denominators are dropped.
        """
        self._shape, self._table = shape, table
        given = input_symbols(shape, rate=table.inputs.rate is not None)
        self.symbols: dict[int, Factor] = dict(enumerate(given))
        self._atoms = {factor: number for number, factor in self.symbols.items()}
        self._free = len(given) + len(program.made)
        self.over: dict[int, Polynomial] = {}
        self._values: dict[int, Polynomial] = {}
        if program.made:
            self._resolve_functions(program, len(given), rough=rough)
        self.after = {entry: self._substitute_known(of) for entry, of in program.after.items()}
        self.sums: list[Compound] = []
        for factor, total in self._known_sums():
            self.add_sum((factor,), total)

    def atom(self, factor: Factor) -> int:
        """Return the number of the variable of polynomials (atom) that stands for a factor.

        The factor gets a new number if it has none yet.
        """
        if factor not in self._atoms:
            self._atoms[factor] = self._free
            self.symbols[self._free] = factor
            self._free += 1
        return self._atoms[factor]

    def add_sum(self, factors: tuple[Factor, ...], total: Polynomial) -> None:
        """Add ``total``, a sum that equals the product of ``factors``, to the sums to divide by."""
        monomial = common_monomial(total)
        rest = divide_by_monomial(total, monomial)
        self.sums.append(Compound(factors, rest, monomial, frozenset(atoms_of(rest))))

    # --- results of functions --------------------------------------------------------------

    def _resolve_functions(self, program: Program, first: int, *, rough: bool) -> None:
        """Find for each result of a function, such as ``exp``, the symbol with its values.

        The symbol of each result is stored by the result's atom number. Results are taken in the
        order of ``program``; ``first`` is the atom number of the first one. A result that equals no
        symbol stays a variable of its own; if it is 1/s, the sum s is stored in ``over``. With
        ``rough``, small terms of s are dropped.
        """
        columns = atom_values(program, self._table.inputs)
        targets = [*self._candidate_symbols()]
        for number, (function, argument) in enumerate(program.made, first):
            inner = self._substitute_known(argument)
            if function == OVER and rough:
                largest = max(map(abs, inner.values()), default=0.0)
                inner = {m: c for m, c in inner.items() if abs(c) > SMALL * largest}
            value = _match_symbol(columns[:, number], targets)
            if value is None and function == OVER and len(inner) == 1:
                value = raise_to_power(inner, -1)
            if value is not None:
                self._values[number] = self._substitute_known(value)
            elif function == OVER:
                self.over[number] = inner

    def _substitute_known(self, polynomial: Polynomial) -> Polynomial:
        """Replace the atoms of a polynomial whose polynomials are known."""
        return substitute(polynomial, self._values)

    def _candidate_symbols(self) -> Iterator[tuple[Array, int]]:
        """Yield the symbols that the result of a function such as ``exp`` may equal.

        Each comes as its values, one for each call, and its atom number. The symbols are slopes,
        derivatives that are no products of symbols, recomputed units, and an activation applied
        again.
        """
        shape, table = self._shape, self._table
        names: list[tuple[str, int, When]] = []
        for layer, units, activation in (
            ("hidden", shape.hidden, shape.activation),
            ("output", shape.outputs, shape.last),
        ):
            symbols = [f"{layer}_slope", *(["hidden_again"] if layer == "hidden" else [])]
            # For other activations the derivative is a product of symbols, not a function's result.
            symbols += [f"{layer}_derivative"] if ACTIVATIONS[activation].factors is None else []
            for place in range(units):
                names += [(symbol, place, "") for symbol in symbols]
                names.append((layer, place, "recomputed"))
        for symbol, place, when in names:
            factor = Factor(symbol, (place,), when)
            yield table.column(factor), self.atom(factor)
        own_last = activation_with_slope(shape.last)
        if own_last.pull_back is None:
            again = np.asarray(own_last.value(table.inputs.y_hat))
            for k in range(shape.outputs):
                yield again[:, k], self.atom(Factor(AGAIN, (k,)))

    # --- sums ----------------------------------------------------------------------------

    def _known_sums(self) -> Iterator[tuple[Factor, Polynomial]]:
        """Yield each symbol that is a sum, such as ``error``, with its polynomial, here ``y − ŷ``.

        These are errors, complements ``1 − A`` and ``1 + A``, units that are sums themselves, and
        derivatives that are polynomials in the activation.
        """
        shape = self._shape
        for k in range(shape.outputs):
            y = atom(self.atom(Factor("target", (k,))))
            if ACTIVATIONS[shape.last].factors not in (None, (), SIGMOID):
                derivative = Factor("output_derivative", (k,))
                yield from self._slope_sum(shape.last, Factor("output", (k,)), derivative)
            for when, output in self._unit_values("output", k):
                yield Factor("error", (k,), when), add(y, output, -1.0)
                if len(output) > 1:
                    yield Factor("output", (k,), when), output
                yield Factor("output_complement", (k,), when), add(constant(1.0), output, -1.0)
            yield from self._slope_sum(
                shape.last, Factor(AGAIN, (k,)), Factor("output_slope", (k,))
            )
        for j in range(shape.hidden):
            again = Factor("hidden_again", (j,))
            yield from self._slope_sum(shape.activation, again, Factor("hidden_slope", (j,)))
            for when, hidden in self._unit_values("hidden", j):
                if len(hidden) > 1:
                    yield Factor("hidden", (j,), when), hidden
                yield Factor("hidden_complement", (j,), when), add(constant(1.0), hidden, -1.0)
                yield Factor("hidden_excess", (j,), when), add(constant(1.0), hidden)
        for i in range(shape.features):
            value = atom(self.atom(Factor("input", (i,))))
            yield Factor("input_complement", (i,)), add(constant(1.0), value, -1.0)

    def _unit_values(self, layer: str, place: int) -> Iterator[tuple[When, Polynomial]]:
        """Yield the polynomials of a unit's output, each with its kind.

        The unit has the number ``place`` in ``layer``, which is ``hidden`` or ``output``. The kind
        is "" for the polynomial of the given values, and ``recomputed`` for that of a new forward
        pass, which is only yielded for a piecewise linear activation, or if the program has an atom
        for it.
        """
        shape, own = self._shape, Factor(layer, (place,), "recomputed")
        yield "", atom(self.atom(Factor(layer, (place,))))
        if not is_piecewise_linear(
            ACTIVATIONS[shape.last if layer == "output" else shape.activation]
        ):
            if own in self._atoms:
                yield "recomputed", atom(self.atom(own))
        elif layer == "hidden":
            inputs = [atom(self.atom(Factor("input", (i,)))) for i in range(shape.features)]
            yield "recomputed", self._layer_sum("1", place, inputs)
        else:
            units = [
                dict(self._unit_values("hidden", j)).get("recomputed") for j in range(shape.hidden)
            ]
            known = [unit for unit in units if unit is not None]
            if len(known) == len(units):
                yield "recomputed", self._layer_sum("2", place, known)

    def _layer_sum(self, layer: str, unit: int, inputs: Sequence[Polynomial]) -> Polynomial:
        """Return the polynomial b + Σ W·input of a unit before its activation.

        ``layer`` is the number of the layer, ``"1"`` or ``"2"``, ``unit`` the number of the unit in
        it, and ``inputs`` has the polynomials of the layer's inputs.
        """
        total = atom(self.atom(Factor(f"b{layer}", (unit, 0), "before")))
        for row, value in enumerate(inputs):
            weight = atom(self.atom(Factor(f"W{layer}", (row, unit), "before")))
            total = add(total, multiply(weight, value))
        return total

    def _slope_sum(
        self, activation: str, again: Factor, slope: Factor
    ) -> Iterator[tuple[Factor, Polynomial]]:
        """Yield the factor ``slope``, a derivative, with its polynomial in the factor ``again``.

        ``again`` is the value of the activation ``activation`` in which the derivative is written,
        such as A in A(1 − A). Nothing if the program does not contain ``again``, or if the
        derivative is no such polynomial.
        """
        factors = activation_with_slope(activation).factors
        if again in self._atoms and factors and set(factors) <= _WRITTEN.keys():
            own = atom(self.atom(again))
            total = constant(1.0)
            for start, by in (_WRITTEN[name] for name in factors):
                total = multiply(total, add(constant(start), own, by))
            yield slope, total


SIGMOID = ("hidden", "hidden_complement")
"""Factors of the sigmoid's derivative, for which outputs have symbols of their own."""

_WRITTEN = {
    "hidden": (0.0, 1.0),
    "hidden_complement": (1.0, -1.0),
    "hidden_excess": (1.0, 1.0),
}
"""Parts of a derivative as ``(a, b)`` for a + b·A."""


def _match_symbol(column: Array, candidates: list[tuple[Array, int]]) -> Polynomial | None:
    """Return the polynomial in one symbol s that has the values ``column``: s, 1 − s or 1/s − 1.

    The last is the exponential in a sigmoid. ``column`` has a value for each call. ``candidates``
    are the values and atom numbers of the symbols to try. None if no symbol fits, or if all values
    are equal.
    """
    if not np.all(np.isfinite(column)) or not np.ptp(column):
        return None
    for start, sign, power in ((0.0, 1.0, 1), (1.0, -1.0, 1), (-1.0, 1.0, -1)):
        for values, number in candidates:
            with np.errstate(divide="ignore"):
                deviation = np.abs(start + sign * values**power - column).max()
            if deviation <= CLOSE * np.abs(column).max():
                return add(constant(start), atom(number, power), sign)
    return None
