"""Read the reply of a symbolic run of an update step: a polynomial for each parameter entry."""

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
    add,
    atom,
    constant,
    group_terms,
    multiply,
    raise_to_power,
    substitute,
)
from gradkit.diagnosis.rules.symbols import Shape
from gradkit.records.rule import Entry, Factor, Made, UpdateInputs
from gradkit.records.task import Array
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.numbers import CONSTANT, GIVEN, MAX_STEPS, OPERATIONS

OVER = "over"
"""Name of the function 1/sum, which `gradkit.runtime.symbolic` does not have."""

MAX_FUNCTION_ATOMS = 400
"""Largest number of results of functions, such as exp(…), in one call."""

MAX_TOTAL_TERMS = 100_000
"""Largest number of terms of all polynomials of one call together."""

MAX_POWER = 12
"""Highest exponent in student code that is analysed."""

DIGITS = 12
"""Significant digits to which the coefficients of equal polynomials agree."""


class Program(Struct, frozen=True):
    """Polynomials in numbered atoms, as the student's process reported them.

    They are not verified yet. The first ``given`` atoms are those of `input_symbols`. Each further
    atom is an entry of ``made``: a function and the polynomial, in earlier atoms, that it is
    applied to. ``after`` has the polynomials of the parameter entries after the step.
    """

    made: tuple[tuple[str, Polynomial], ...]
    after: Mapping[Entry, Polynomial]
    given: int


CLOSE = 1e-10
"""Relative tolerance between the coefficients of equal polynomials."""


def input_symbols(shape: Shape, *, rate: bool) -> tuple[Factor, ...]:
    """Return the symbol of each scalar input of an update, in the order of `flatten_inputs`.

    ``shape`` has the sizes of the net. ``rate`` says whether the update takes a learning rate,
    which comes last.
    """
    return (
        *(Factor("target", (k,)) for k in range(shape.outputs)),
        *(Factor("output", (k,)) for k in range(shape.outputs)),
        *(Factor("hidden", (j,)) for j in range(shape.hidden)),
        *(Factor("input", (i,)) for i in range(shape.features)),
        *(Factor(*entry, "before") for entry in shape.entries),
        *((Factor("rate"),) if rate else ()),
    )


def flatten_inputs(inputs: UpdateInputs) -> Array:
    """Return all numbers that each call of an update gets, in one row: shape (n, atoms).

    The order is that of `input_symbols`; a learning rate comes last.
    """
    n = len(inputs.y)
    parts = [inputs.y, inputs.y_hat, inputs.A1, inputs.X]
    parts += [value.reshape(n, -1) for value in inputs.before.values()]
    parts += [] if inputs.rate is None else [inputs.rate[:, None]]
    return np.concatenate(parts, axis=1)


class Functions:
    """Atoms for the results of functions, shared by several calls: equal results get equal atoms.

    Parameters
    ----------
    given : int
        Number of input atoms.
    """

    def __init__(self, given: int) -> None:
        self.given = given
        self.made: list[tuple[str, Polynomial]] = []
        self._atoms: dict[tuple[str, frozenset[tuple[Monomial, str]]], int] = {}

    def atom(self, function: str, argument: Polynomial) -> Polynomial:
        """Return the variable (atom number) for a function of a polynomial; add it if it is new.

        ``function`` is the name of the function, such as ``exp``, and ``argument`` the polynomial.
        Arguments are equal if their coefficients agree to `DIGITS` digits. Raises TooLongError:
        there are `MAX_FUNCTION_ATOMS` atoms already.
        """
        key = function, frozenset((m, f"{c:.{DIGITS}g}") for m, c in argument.items())
        if key not in self._atoms:
            if len(self.made) >= MAX_FUNCTION_ATOMS:
                raise TooLongError("functions of too many values")
            self._atoms[key] = self.given + len(self.made)
            self.made.append((function, argument))
        return atom(self._atoms[key])


def read_program(reply: Frame, shape: Shape, functions: Functions) -> Program:
    """Return the program in a reply of the student's process to a symbolic call of its update.

    Parameters
    ----------
    reply : Frame
        Reply to a request ``symbolic``, see `gradkit.runtime.symbolic`.
    shape : Shape
        The sizes of the net.
    functions : Functions
        Results of functions in earlier calls; those of this call are added.

    Raises
    ------
    ValueError, LookupError, TypeError
        The reply is not well-formed.
    ArithmeticError
        There are more terms than the limits of this module allow.
    """
    steps, reading = parse_steps(reply, functions.given), _Polynomials(functions)
    roots = parse_roots(reply, shape.entries, len(steps))
    for number in sorted(collect_ancestors(steps, roots.values())):
        reading.compute(number, steps[number])
    after = {entry: reading.known[root] for entry, root in roots.items()}
    return Program(tuple(functions.made), after, functions.given)


def parse_steps(reply: Frame, given: int) -> list[Made]:
    """Return the operations listed in a reply, each after its operands.

    ``given`` is the number of input atoms. Raises ValueError or LookupError: the reply is not
    well-formed, or an operation uses a later one.
    """
    rows, constants = reply.arrays["steps"], reply.arrays["constants"]
    require(rows.dtype == np.int64 and rows.shape[1:] == (4,) and len(rows) <= MAX_STEPS, "steps")
    require(constants.dtype == np.float64 and constants.ndim == 1, "constants")
    steps: list[Made] = []
    for number, (kind, first, second, _) in enumerate(rows.tolist()):
        operation = OPERATIONS[kind]
        require(min(kind, first, second) >= 0, "steps")
        if operation == GIVEN:
            require(first < given, "atoms")
            steps.append(Made(operation, (), first))
        elif operation == CONSTANT:
            steps.append(Made(operation, (), float(constants[first])))
        else:
            require(max(first, second) < number, "steps")
            steps.append(Made(operation, (first, second)))
    return steps


def parse_roots(reply: Frame, entries: Iterable[Entry], count: int) -> dict[Entry, int]:
    """Return, for each of the ``entries``, the number of the operation that produced its new value.

    Parameters that the reply does not contain are left out. ``count`` is the number of operations.
    Raises ValueError or LookupError: an array has a wrong type or shape, or a number is too large.
    """
    roots: dict[Entry, int] = {}
    for key, index in entries:
        steps = reply.arrays.get(f"after/{key}")
        if steps is not None:
            require(steps.dtype == np.int64 and steps.ndim == len(index), f"after/{key}")
            roots[key, index] = int(steps[index])
            require(0 <= roots[key, index] < count, f"after/{key}")
    return roots


def collect_ancestors(
    steps: Sequence[Made], roots: Iterable[int], but: Collection[int] = ()
) -> set[int]:
    """Return the numbers of the operations that the ``roots`` depend on, including the roots.

    ``steps`` are all operations. Operations with a number in ``but`` are left out, and operations
    that are reached only through them.
    """
    found, waiting = set[int](), [root for root in roots if root not in but]
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting += [operand for operand in steps[number].into if operand not in but]
    return found


class _Polynomials:
    """Computes the polynomials of operations, in their order."""

    def __init__(self, functions: Functions) -> None:
        self.known: dict[int, Polynomial] = {}
        self._atom, self._left = functions.atom, MAX_TOTAL_TERMS

    def compute(self, number: int, step: Made) -> None:
        """Compute and store the polynomial of operation ``number``, which is ``step``.

        The polynomials of its operands must be stored already. Raises TooLongError: all stored
        polynomials together have too many terms.
        """
        self.known[number] = found = self._polynomial(step)
        self._left -= 1 + len(found)
        if self._left < 0:
            raise TooLongError("polynomials of too many terms")

    def _polynomial(self, step: Made) -> Polynomial:
        """Return the polynomial of the operation ``step``, from the stored ones of its operands.

        The result of a function, such as ``exp``, is a new variable. The absolute value is the
        number with the sign that it had in the recorded call.
        """
        if step.operation == GIVEN:
            return atom(int(step.figure))
        if step.operation == CONSTANT:
            require(bool(np.isfinite(step.figure)), "constants")
            return constant(step.figure)
        left, right = (self.known[number] for number in step.into)
        if step.operation in ("add", "sub"):
            return add(left, right, 1.0 if step.operation == "add" else -1.0)
        if step.operation == "mul":
            return multiply(left, right)
        if step.operation == "truediv":
            return multiply(left, self._reciprocal(right))
        if step.operation == "absolute":
            # The second operand is the first with the sign that it had in this call.
            return right
        if step.operation == "power":
            power = int(right.get((), 0.0))
            require(abs(power) <= MAX_POWER, "powers")
            whole = raise_to_power(left, abs(power))
            return whole if power >= 0 else self._reciprocal(whole)
        return self._atom(step.operation, left)

    def _reciprocal(self, polynomial: Polynomial) -> Polynomial:
        """Return the polynomial of 1 over a polynomial.

        It is a term for a single term, a new variable (atom) for a sum, and {} for 0.
        """
        if not polynomial:
            return {}
        return (
            raise_to_power(polynomial, -1) if len(polynomial) == 1 else self._atom(OVER, polynomial)
        )


def is_same_program(first: Program, second: Program) -> bool:
    """Return whether two calls give equal polynomials, that is, took the same branches."""
    return all(_is_close(of, second.after.get(entry, {})) for entry, of in first.after.items())


def merge_by_target(for_ones: Program, for_zeros: Program, inputs: UpdateInputs) -> Program:
    """Merge the programs recorded for y = 1 and for y = 0 into one program in y.

    There is one target and one output. As y² = y for such targets, several polynomials in y give
    both programs; one with powers of y − ŷ is preferred. Entries that only one program has are left
    out.

    Parameters
    ----------
    for_ones, for_zeros : Program
        Read one after the other, with the same `Functions`.
    inputs : UpdateInputs
        Inputs at which polynomials in y − ŷ are compared with the recorded ones.

    Raises
    ------
    ArithmeticError
        A polynomial divides by the target.
    """
    columns = atom_values(for_zeros, inputs)
    after = {}
    for entry in for_ones.after.keys() & for_zeros.after.keys():
        parts = [
            group_terms(
                substitute(program, {TARGET: constant(y)}), partial(_other_factors, for_ones.given)
            )
            for program, y in ((for_ones.after[entry], 1.0), (for_zeros.after[entry], 0.0))
        ]
        total: Polynomial = {}
        for key in parts[0].keys() | parts[1].keys():
            pair = [part.get(key, {}) for part in parts]
            total = add(total, _merge_polynomials(pair[0], pair[1], columns))
        after[entry] = total
    return replace(for_zeros, after=after)


TARGET, OUTPUT = 0, 1
POWERS = 4


def _other_factors(given: int, monomial: Monomial) -> Monomial:
    """Return a monomial without the target, the output and results of functions."""
    return tuple(factor for factor in monomial if OUTPUT < factor[0] < given)


def _merge_polynomials(for_ones: Polynomial, for_zeros: Polynomial, columns: Array) -> Polynomial:
    """Return a polynomial in y that equals ``for_ones`` at y = 1 and ``for_zeros`` at y = 0.

    It is a multiple of a power of y − ŷ if such a multiple gives both, else ``for_zeros + y ·
    (for_ones − for_zeros)``. ``columns`` (calls, atoms) has the values of all atoms, at which the
    polynomials are compared.
    """
    output = columns[:, OUTPUT]
    ones_values, zeros_values = (
        evaluate_polynomial(polynomial, columns) for polynomial in (for_ones, for_zeros)
    )
    error = add(atom(TARGET), atom(OUTPUT), -1.0)
    for power in range(POWERS if for_zeros else 0):
        expected = zeros_values * ((1.0 - output) / -output) ** power
        if np.abs(ones_values - expected).max() <= CLOSE * np.abs(ones_values).max():
            denominator = raise_to_power(multiply(constant(-1.0), atom(OUTPUT)), -power)
            return multiply(multiply(for_zeros, denominator), raise_to_power(error, power))
    return add(for_zeros, multiply(atom(TARGET), add(for_ones, for_zeros, -1.0)))


def _is_close(left: Polynomial, right: Polynomial) -> bool:
    """Return whether all coefficients of two polynomials agree."""
    largest = max(map(abs, left.values()), default=0.0)
    return max(map(abs, add(left, right, -1.0).values()), default=0.0) <= CLOSE * largest


def require(is_valid: bool, name: str) -> None:
    """Raise a ValueError about the part ``name`` of a reply unless it is valid."""
    if not is_valid:
        raise ValueError(f"{name} do not fit")


def atom_values(program: Program, inputs: UpdateInputs) -> Array:
    """Return the values of all variables of a program for each call, shape (n, atoms).

    These are the scalar ``inputs`` of the update, and the results of functions that the polynomials
    of ``program`` contain.
    """
    columns = flatten_inputs(inputs)
    with np.errstate(all="ignore"):
        for function, argument in program.made:
            values = evaluate_polynomial(argument, columns)
            made = 1.0 / values if function == OVER else getattr(np, function)(values)
            columns = np.concatenate([columns, made[:, None]], axis=1)
    return columns


def evaluate_polynomial(polynomial: Polynomial, columns: Array) -> Array:
    """Return the values of a polynomial, shape (n,), from those of its variables.

    ``columns`` (n, atoms) has the value of each variable (atom) in each call.
    """
    total = np.zeros(len(columns))
    for monomial, coefficient in polynomial.items():
        term = np.full(len(columns), coefficient)
        for number, power in monomial:
            term = term * columns[:, number] ** power
        total = total + term
    return total
