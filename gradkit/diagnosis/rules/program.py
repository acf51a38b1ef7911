"""What a student's process says that an update makes of its inputs: a polynomial for each entry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.diagnosis.rules.division import grouped, substituted
from gradkit.diagnosis.rules.sizes import Shape
from gradkit.records.rule import Entry, Factor, UpdateInputs
from gradkit.records.task import Array
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.numbers import FUNCTIONS, OVER
from gradkit.runtime.symbolic.polynomials import (
    MOST,
    Monomial,
    Polynomial,
    atom,
    constant,
    plus,
    times,
    to_power,
)

LARGEST_POWER = 12


class Program(Struct, frozen=True):
    """Polynomials in numbered atoms, as they were told: nobody has looked yet whether they hold.

    The first atoms are those of `symbols_of`. The next are what ``made`` says, each a function of
    a polynomial in atoms before it; there are ``given`` before these. ``after`` has the
    polynomials of entries after the step.
    """

    made: tuple[tuple[str, Polynomial], ...]
    after: Mapping[Entry, Polynomial]
    given: int


CLOSE = 1e-10
"""Relative; what coefficients of two equal polynomials may differ by."""


def symbols_of(shape: Shape, *, rate: bool) -> tuple[Factor, ...]:
    """What the atoms are that an update is handed, in the order of `flat`."""
    return (
        *(Factor("target", (k,)) for k in range(shape.outputs)),
        *(Factor("output", (k,)) for k in range(shape.outputs)),
        *(Factor("hidden", (j,)) for j in range(shape.hidden)),
        *(Factor("input", (i,)) for i in range(shape.features)),
        *(Factor(*entry, "before") for entry in shape.entries),
        *((Factor("rate"),) if rate else ()),
    )


def flat(inputs: UpdateInputs) -> Array:
    """All scalar inputs of each call in one row, shape (n, atoms)."""
    n = len(inputs.y)
    parts = [inputs.y, inputs.y_hat, inputs.A1, inputs.X]
    parts += [value.reshape(n, -1) for value in inputs.before.values()]
    parts += [] if inputs.rate is None else [inputs.rate[:, None]]
    return np.concatenate(parts, axis=1)


def read_program(reply: Frame, shape: Shape, given: int) -> Program:
    """Return the program of a reply.

    Parameters
    ----------
    reply : Frame
        Of a request ``symbolic``, see `gradkit.runtime.symbolic`.
    shape : Shape
    given : int
        Atoms that were handed over.

    Raises
    ------
    ValueError, LookupError, TypeError
        It does not fit together.
    """
    functions, quantities = reply.data["functions"], reply.data["quantities"]
    entries = [entry for name in quantities for entry in shape.entries if entry[0] == name]
    polynomials = _polynomials(reply.arrays, len(functions) + len(entries))
    made = tuple(zip(functions, polynomials, strict=False))
    for number, (function, of) in enumerate(made):
        _require(function in FUNCTIONS or function == OVER, "functions")
        _require(_highest(of) < given + number, "atoms")
    after = dict(zip(entries, polynomials[len(made) :], strict=True))
    _require(len(after) == len(entries), "quantities")
    _require(all(_highest(of) < given + len(made) for of in after.values()), "atoms")
    return Program(made, after, given)


def is_same(one: Program, other: Program) -> bool:
    """Whether two calls took the same way: whether they made the same."""
    merged, after = _merged(one, other)
    return len(merged) == len(one.made) and all(
        _near(of, after.get(entry, {})) for entry, of in one.after.items()
    )


def by_class(one: Program, zero: Program, inputs: UpdateInputs) -> Program:
    """Return a step by what it makes of a target of 1 and of 0.

    The target is the first atom, the output the second, and there are no others. Where a target is
    0 or 1, y² is y: of the polynomials that give both steps the one is returned that has powers of
    y − ŷ, if there is one.

    Parameters
    ----------
    one, zero : Program
    inputs : UpdateInputs
        At which powers of ŷ are told apart.

    Raises
    ------
    ArithmeticError
        The target is divided by.
    """
    made, others = _merged(one, zero)
    columns = columns_of(Program(made, {}, one.given), inputs)
    after = {}
    for entry in one.after.keys() & others.keys():
        parts = [
            grouped(substituted(each, {TARGET: constant(y)}), partial(_apart, one.given))
            for each, y in ((one.after[entry], 1.0), (others[entry], 0.0))
        ]
        total: Polynomial = {}
        for key in parts[0].keys() | parts[1].keys():
            pair = [part.get(key, {}) for part in parts]
            total = plus(total, _lifted(pair[0], pair[1], columns))
        after[entry] = total
    return Program(made, after, one.given)


def _merged(
    one: Program, other: Program
) -> tuple[tuple[tuple[str, Polynomial], ...], dict[Entry, Polynomial]]:
    """What functions made in either, and the other's polynomials in these atoms."""
    known = {each: number for number, each in enumerate(map(_key, one.made))}
    made, moved = [*one.made], dict[int, int]()
    for number, (function, of) in enumerate(other.made, one.given):
        turned = _renumbered(of, moved)
        place = known.setdefault(_key((function, turned)), len(made))
        made += [(function, turned)] if place == len(made) else []
        moved[number] = one.given + place
    return tuple(made), {entry: _renumbered(of, moved) for entry, of in other.after.items()}


TARGET, OUTPUT = 0, 1
POWERS = 4


def _apart(given: int, monomial: Monomial) -> Monomial:
    """The part of a monomial that is none of target, output and what functions made."""
    return tuple(factor for factor in monomial if OUTPUT < factor[0] < given)


def _lifted(one: Polynomial, zero: Polynomial, columns: Array) -> Polynomial:
    """Return what is the one where the target is 1, and the other where it is 0."""
    output = columns[:, OUTPUT]
    ours, theirs = (value_of(each, columns) for each in (one, zero))
    error = plus(atom(TARGET), atom(OUTPUT), -1.0)
    for power in range(POWERS if zero else 0):
        expected = theirs * ((1.0 - output) / -output) ** power
        if np.abs(ours - expected).max() <= CLOSE * np.abs(ours).max():
            below = to_power(times(constant(-1.0), atom(OUTPUT)), -power)
            return times(times(zero, below), to_power(error, power))
    return plus(zero, times(atom(TARGET), plus(one, zero, -1.0)))


def _near(one: Polynomial, other: Polynomial) -> bool:
    largest = max(map(abs, one.values()), default=0.0)
    return max(map(abs, plus(one, other, -1.0).values()), default=0.0) <= CLOSE * largest


def _key(made: tuple[str, Polynomial]) -> tuple[str, frozenset[tuple[Monomial, float]]]:
    return made[0], frozenset(made[1].items())


def _renumbered(polynomial: Polynomial, moved: Mapping[int, int]) -> Polynomial:
    return {
        tuple(sorted((moved.get(number, number), power) for number, power in monomial)): c
        for monomial, c in polynomial.items()
    }


def _polynomials(arrays: Mapping[str, NDArray[np.float64]], count: int) -> list[Polynomial]:
    coefficients, owners = arrays["coefficients"], arrays["owners"]
    factors = arrays["factors"]
    _require(coefficients.dtype == np.float64 and coefficients.ndim == 1, "coefficients")
    _require(bool(np.all(np.isfinite(coefficients) & (coefficients != 0))), "coefficients")
    _require(owners.dtype == np.int64 and owners.shape == coefficients.shape, "owners")
    _require(factors.dtype == np.int64 and factors.shape[1:] == (3,), "factors")
    monomials: list[dict[int, int]] = [{} for _ in coefficients]
    for term, number, power in factors.tolist():
        _require(0 <= term < len(monomials) and number >= 0, "factors")
        _require(0 < abs(power) <= LARGEST_POWER and number not in monomials[term], "powers")
        monomials[term][number] = power
    polynomials: list[dict[Monomial, float]] = [{} for _ in range(count)]
    told = zip(monomials, owners.tolist(), coefficients.tolist(), strict=True)
    for monomial, owner, coefficient in told:
        _require(0 <= owner < count, "owners")
        polynomials[owner][tuple(sorted(monomial.items()))] = coefficient
    _require(max(map(len, polynomials), default=0) <= MOST, "terms")
    return list(polynomials)


def _highest(polynomial: Polynomial) -> int:
    return max((number for monomial in polynomial for number, _ in monomial), default=-1)


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(f"{what} do not fit")


def columns_of(program: Program, inputs: UpdateInputs) -> Array:
    """What every atom is over the calls, those included that are made: (n, atoms)."""
    columns = flat(inputs)
    with np.errstate(all="ignore"):
        for function, of in program.made:
            values = value_of(of, columns)
            made = 1.0 / values if function == OVER else getattr(np, function)(values)
            columns = np.concatenate([columns, made[:, None]], axis=1)
    return columns


def value_of(polynomial: Polynomial, columns: Array) -> Array:
    """Return what a polynomial is over the calls, shape (n,)."""
    total = np.zeros(len(columns))
    for monomial, coefficient in polynomial.items():
        term = np.full(len(columns), coefficient)
        for number, power in monomial:
            term = term * columns[:, number] ** power
        total = total + term
    return total
