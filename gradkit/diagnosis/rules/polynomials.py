"""Arithmetic on polynomials in numbered atoms (variables), with positive and negative powers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from typing import TypeVar

Monomial = tuple[tuple[int, int], ...]
"""Atoms in order, each with its nonzero power: ``((0, 1), (3, -2))`` is x₀ / x₃²."""

Polynomial = Mapping[Monomial, float]

MAX_TERMS = 2_000
"""Largest number of terms of a polynomial; programs with larger ones are not analysed."""

ROUNDING = 1e-13
"""Relative tolerance below which the sum of two terms counts as 0."""


class TooLongError(ArithmeticError):
    """A polynomial would have more than `MAX_TERMS` terms."""


def constant(number: float) -> Polynomial:
    """Return a number as a polynomial."""
    return {(): number} if number else {}


def atom(number: int, power: int = 1) -> Polynomial:
    """Return the polynomial that is the atom ``number`` to a power."""
    return {((number, power),): 1.0}


def add(left: Polynomial, right: Polynomial, scale: float = 1.0) -> Polynomial:
    """Return ``left + scale * right``, without terms that cancel up to rounding.

    Raises TooLongError: the sum has more than `MAX_TERMS` terms.
    """
    total = dict(left)
    for monomial, coefficient in right.items():
        was, more = total.get(monomial, 0.0), scale * coefficient
        if abs(was + more) <= ROUNDING * (abs(was) + abs(more)):
            total.pop(monomial, None)
        else:
            total[monomial] = was + more
    if len(total) > MAX_TERMS:
        raise TooLongError("a sum of too many terms")
    return total


def multiply(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the product of polynomials ``left`` and ``right``, without terms that cancel.

    A term cancels if its coefficient is 0 up to rounding. Raises TooLongError: the numbers of terms
    multiply to more than `MAX_TERMS`.
    """
    if len(left) * len(right) > MAX_TERMS:
        raise TooLongError("a product of too many terms")
    sizes: dict[Monomial, float] = {}
    total: dict[Monomial, float] = {}
    for left_monomial, a in left.items():
        for right_monomial, b in right.items():
            monomial = multiply_monomials(left_monomial, right_monomial)
            total[monomial] = total.get(monomial, 0.0) + a * b
            sizes[monomial] = sizes.get(monomial, 0.0) + abs(a * b)
    return {m: c for m, c in total.items() if abs(c) > ROUNDING * sizes[m]}


def multiply_monomials(left: Monomial, right: Monomial) -> Monomial:
    """Return the product of the monomials ``left`` and ``right``.

    A monomial has pairs of an atom (the number of a variable) and its power. Powers are added, and
    atoms with power 0 are left out.
    """
    if not left or not right:
        return left or right
    powers = dict(left)
    for number, power in right:
        powers[number] = powers.get(number, 0) + power
    return tuple(sorted((number, power) for number, power in powers.items() if power))


def raise_to_power(polynomial: Polynomial, power: int) -> Polynomial:
    """Return a polynomial to a power of 0 or more, or a single term to any power.

    Raises ValueError: a polynomial of several terms, or 0, to a negative power.
    """
    if power < 0:
        ((monomial, coefficient),) = polynomial.items()
        polynomial, power = {tuple((n, -p) for n, p in monomial): 1.0 / coefficient}, -power
    result: Polynomial = constant(1.0)
    for _ in range(power):
        result = multiply(result, polynomial)
    return result


# --- division --------------------------------------------------------------------------------

MAX_DIVISION_STEPS = 100_000
"""Products of two terms that a division may compute."""

CLOSE = 1e-10
"""Relative tolerance below which a remainder counts as 0."""


def atoms_of(polynomial: Polynomial) -> set[int]:
    """Return the numbers of the atoms that occur in a polynomial."""
    return {number for monomial in polynomial for number, _ in monomial}


def common_monomial(polynomial: Polynomial) -> Monomial:
    """Return the largest monomial that divides all terms of ``polynomial``.

    It has the lowest power of each variable: of x²y + xy/z it is xy/z, as powers may be negative.
    """
    known = [dict(monomial) for monomial in polynomial]
    powers = {
        n: min(powers_of_term.get(n, 0) for powers_of_term in known) for n in atoms_of(polynomial)
    }
    return tuple(sorted((number, power) for number, power in powers.items() if power))


def divide_by_monomial(polynomial: Polynomial, monomial: Monomial) -> Polynomial:
    """Return a polynomial divided by a monomial."""
    inverse = tuple((number, -power) for number, power in monomial)
    return {multiply_monomials(term, inverse): c for term, c in polynomial.items()}


def divide_exactly(polynomial: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """Return the quotient of ``polynomial`` by ``divisor``, or None if there is a remainder.

    This is polynomial long division, in lexicographic order of the powers; None too if it takes
    more than `MAX_DIVISION_STEPS`. The caller must first divide both arguments by their
    `common_monomial`.
    """
    order = sorted(atoms_of(polynomial))
    if len(divisor) > len(polynomial) or not atoms_of(divisor) <= set(order):
        return None

    def powers(monomial: Monomial) -> tuple[int, ...]:
        known = dict(monomial)
        return tuple(known.get(number, 0) for number in order)

    remainder = {powers(m): c for m, c in polynomial.items()}
    scale = {key: abs(c) for key, c in remainder.items()}
    queue = [tuple(-p for p in key) for key in remainder]
    heapify(queue)
    divisor_terms = {powers(m): c for m, c in divisor.items()}
    divisor_lead = max(divisor_terms)
    quotient: dict[tuple[int, ...], float] = {}
    while queue:
        leading = tuple(-p for p in heappop(queue))
        if leading not in remainder:
            continue
        step = tuple(a - b for a, b in zip(leading, divisor_lead, strict=True))
        if min(step, default=0) < 0 or len(quotient) * len(divisor_terms) > MAX_DIVISION_STEPS:
            return None
        factor = remainder[leading] / divisor_terms[divisor_lead]
        quotient[step] = factor
        for key, c in divisor_terms.items():
            place = tuple(a + b for a, b in zip(step, key, strict=True))
            scale[place] = scale.get(place, 0.0) + abs(factor * c)
            coefficient_left = remainder.get(place, 0.0) - factor * c
            if place == leading or abs(coefficient_left) <= CLOSE * scale[place]:
                remainder.pop(place, None)
            else:
                if place not in remainder:
                    heappush(queue, tuple(-p for p in place))
                remainder[place] = coefficient_left
    return {
        tuple((n, p) for n, p in zip(order, key, strict=True) if p): c
        for key, c in quotient.items()
    }


def substitute(polynomial: Polynomial, values: Mapping[int, Polynomial]) -> Polynomial:
    """Replace variables of a polynomial by other polynomials, and return the result.

    ``values`` has the polynomials by atom, the number of the variable. Variables without a
    polynomial there stay.

    Raises
    ------
    TooLongError
        A variable with a negative power would be replaced by a sum.
    """
    if values.keys().isdisjoint(atoms_of(polynomial)):
        return polynomial
    total: Polynomial = {}
    for monomial, coefficient in polynomial.items():
        term: Polynomial = {tuple(f for f in monomial if f[0] not in values): coefficient}
        for number, power in monomial:
            if number in values:
                if power < 0 and len(values[number]) != 1:
                    raise TooLongError("a sum to a negative power")
                term = multiply(term, raise_to_power(values[number], power))
        total = add(total, term)
    return total


def reduce_by(polynomial: Polynomial, divisor: Polynomial) -> Polynomial:
    """Return ``polynomial`` with one variable replaced as if ``divisor`` were 0.

    The equation ``divisor = 0`` is solved for the variable, so the difference of ``polynomial`` and
    the result is a multiple of the divisor. Return an empty polynomial if the divisor cannot be
    solved for a variable, or has variables that ``polynomial`` does not have.
    """
    if not atoms_of(divisor) <= atoms_of(polynomial):
        return {}
    for monomial, coefficient in divisor.items():
        if len(monomial) != 1 or monomial[0][1] != 1:
            continue
        number = monomial[0][0]
        rest = {m: -c / coefficient for m, c in divisor.items() if m != monomial}
        if number not in atoms_of(rest):
            return substitute(polynomial, {number: rest})
    return {}


def power_of(number: int, monomial: Monomial) -> int:
    """Return the power of atom ``number`` in a monomial, 0 if it does not occur."""
    return next((power for atom_number, power in monomial if atom_number == number), 0)


Key = TypeVar("Key")


def group_terms(polynomial: Polynomial, key: Callable[[Monomial], Key]) -> dict[Key, Polynomial]:
    """Return the parts of a polynomial, by the value of ``key`` for the monomials of each part."""
    groups: dict[Key, dict[Monomial, float]] = {}
    for monomial, coefficient in polynomial.items():
        groups.setdefault(key(monomial), {})[monomial] = coefficient
    return {**groups}
