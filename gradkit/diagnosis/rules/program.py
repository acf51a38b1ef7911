"""What a student's process says that an update makes of its inputs: a polynomial for each entry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.rules.polynomials import (
    Monomial,
    Polynomial,
    TooLongError,
    atom,
    constant,
    grouped,
    plus,
    substituted,
    times,
    to_power,
)
from gradkit.diagnosis.rules.symbols import Shape
from gradkit.records.rule import Entry, Factor, Made, UpdateInputs
from gradkit.records.task import Array
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.numbers import CONSTANT, GIVEN, MADE, OPERATIONS

OVER = "over"
"""A function besides those of `gradkit.runtime.symbolic`: 1 over a sum."""

ATOMS, TERMS = 400, 100_000
"""Of one call: what functions make, and terms of all polynomials."""

LARGEST = 12
"""Power of a number."""

DIGITS = 12
"""In which the coefficients of two equal polynomials agree."""


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


class Functions:
    """What functions make in several calls: the same has the same atom in all of them.

    Parameters
    ----------
    given : int
        Atoms that were handed over.
    """

    def __init__(self, given: int) -> None:
        self.given = given
        self.made: list[tuple[str, Polynomial]] = []
        self._atoms: dict[tuple[str, frozenset[tuple[Monomial, str]]], int] = {}

    def atom(self, function: str, of: Polynomial) -> Polynomial:
        """Return the atom that a function makes of a polynomial."""
        key = function, frozenset((m, f"{c:.{DIGITS}g}") for m, c in of.items())
        if key not in self._atoms:
            if len(self.made) >= ATOMS:
                raise TooLongError("functions of too many values")
            self._atoms[key] = self.given + len(self.made)
            self.made.append((function, of))
        return atom(self._atoms[key])


def read_program(reply: Frame, shape: Shape, functions: Functions) -> Program:
    """Return the program of a reply.

    Parameters
    ----------
    reply : Frame
        Of a request ``symbolic``, see `gradkit.runtime.symbolic`.
    shape : Shape
    functions : Functions
        What is known of other calls, to which this one's are added.

    Raises
    ------
    ValueError, LookupError, TypeError
        It does not fit together.
    ArithmeticError
        There are more terms than are looked at.
    """
    steps, reading = made_in(reply, functions.given), _Polynomials(functions)
    roots = roots_in(reply, shape.entries, len(steps))
    for number in sorted(below(steps, roots.values())):
        reading.add(number, steps[number])
    after = {entry: reading.known[root] for entry, root in roots.items()}
    return Program(tuple(functions.made), after, functions.given)


def made_in(reply: Frame, given: int) -> list[Made]:
    """Return the steps of a reply, each held to be made of earlier ones."""
    rows, constants = reply.arrays["steps"], reply.arrays["constants"]
    require(rows.dtype == np.int64 and rows.shape[1:] == (4,) and len(rows) <= MADE, "steps")
    require(constants.dtype == np.float64 and constants.ndim == 1, "constants")
    found: list[Made] = []
    for number, (kind, one, other, _) in enumerate(rows.tolist()):
        operation = OPERATIONS[kind]
        require(min(kind, one, other) >= 0, "steps")
        if operation == GIVEN:
            require(one < given, "atoms")
            found.append(Made(operation, (), one))
        elif operation == CONSTANT:
            found.append(Made(operation, (), float(constants[one])))
        else:
            require(max(one, other) < number, "steps")
            found.append(Made(operation, (one, other)))
    return found


def roots_in(reply: Frame, entries: Iterable[Entry], count: int) -> dict[Entry, int]:
    """Return the step that made each entry, of the parameters that are told."""
    found: dict[Entry, int] = {}
    for key, index in entries:
        steps = reply.arrays.get(f"after/{key}")
        if steps is not None:
            require(steps.dtype == np.int64 and steps.ndim == len(index), f"after/{key}")
            found[key, index] = int(steps[index])
            require(0 <= found[key, index] < count, f"after/{key}")
    return found


def below(made: Sequence[Made], roots: Iterable[int], but: Collection[int] = ()) -> set[int]:
    """Return the steps that some are made of, they included; not what others are made of."""
    found, waiting = set[int](), [root for root in roots if root not in but]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += [each for each in made[number].into if each not in but]
    return found


class _Polynomials:
    """The polynomials of steps, one after the other."""

    def __init__(self, functions: Functions) -> None:
        self.known: dict[int, Polynomial] = {}
        self._atom, self._left = functions.atom, TERMS

    def add(self, number: int, step: Made) -> None:
        """Find the polynomial of a step; those of what goes into it are known."""
        self.known[number] = found = self._of(step)
        self._left -= 1 + len(found)
        if self._left < 0:
            raise TooLongError("polynomials of too many terms")

    def _of(self, step: Made) -> Polynomial:
        if step.operation == GIVEN:
            return atom(int(step.figure))
        if step.operation == CONSTANT:
            require(bool(np.isfinite(step.figure)), "constants")
            return constant(step.figure)
        one, other = (self.known[number] for number in step.into)
        if step.operation in ("add", "sub"):
            return plus(one, other, 1.0 if step.operation == "add" else -1.0)
        if step.operation == "mul":
            return times(one, other)
        if step.operation == "truediv":
            return times(one, self._over(other))
        if step.operation == "absolute":
            # What went into it, with the sign that it had in this call.
            return other
        if step.operation == "power":
            power = int(other.get((), 0.0))
            require(abs(power) <= LARGEST, "powers")
            whole = to_power(one, abs(power))
            return whole if power >= 0 else self._over(whole)
        return self._atom(step.operation, one)

    def _over(self, polynomial: Polynomial) -> Polynomial:
        if not polynomial:
            return {}
        return to_power(polynomial, -1) if len(polynomial) == 1 else self._atom(OVER, polynomial)


def is_same(one: Program, other: Program) -> bool:
    """Whether two calls took the same way: whether they made the same."""
    return all(_near(of, other.after.get(entry, {})) for entry, of in one.after.items())


def by_class(one: Program, zero: Program, inputs: UpdateInputs) -> Program:
    """Return a step by what it makes of a target of 1 and of 0.

    The target is the first atom, the output the second, and there are no others. Where a target is
    0 or 1, y² is y: of the polynomials that give both steps the one is returned that has powers of
    y − ŷ, if there is one.

    Parameters
    ----------
    one, zero : Program
        Read one after the other.
    inputs : UpdateInputs
        At which powers of ŷ are told apart.

    Raises
    ------
    ArithmeticError
        The target is divided by.
    """
    columns = columns_of(zero, inputs)
    after = {}
    for entry in one.after.keys() & zero.after.keys():
        parts = [
            grouped(substituted(each, {TARGET: constant(y)}), partial(_apart, one.given))
            for each, y in ((one.after[entry], 1.0), (zero.after[entry], 0.0))
        ]
        total: Polynomial = {}
        for key in parts[0].keys() | parts[1].keys():
            pair = [part.get(key, {}) for part in parts]
            total = plus(total, _lifted(pair[0], pair[1], columns))
        after[entry] = total
    return replace(zero, after=after)


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


def require(fits: bool, what: str) -> None:
    """Refuse what does not fit together."""
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
