"""Polynomials in numbered atoms, with powers of either sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heapify, heappop, heappush
from typing import TypeVar

Monomial = tuple[tuple[int, int], ...]
"""Atoms in their order, each with its power, which is never 0."""

Polynomial = Mapping[Monomial, float]

MOST = 2_000
"""Terms of a polynomial: a net that is so large is not looked into."""

ROUNDING = 1e-13
"""Relative; what is left of two terms that cancel."""


class TooLongError(ArithmeticError):
    """A polynomial would have more terms than are looked at."""


def constant(number: float) -> Polynomial:
    """Return a number as a polynomial."""
    return {(): number} if number else {}


def atom(number: int, power: int = 1) -> Polynomial:
    """Return one atom, to a power."""
    return {((number, power),): 1.0}


def plus(one: Polynomial, other: Polynomial, scale: float = 1.0) -> Polynomial:
    """Return the sum of one polynomial and a multiple of another."""
    total = dict(one)
    for monomial, coefficient in other.items():
        was, more = total.get(monomial, 0.0), scale * coefficient
        if abs(was + more) <= ROUNDING * (abs(was) + abs(more)):
            total.pop(monomial, None)
        else:
            total[monomial] = was + more
    if len(total) > MOST:
        raise TooLongError("a sum of too many terms")
    return total


def times(one: Polynomial, other: Polynomial) -> Polynomial:
    """Return the product of two polynomials."""
    if len(one) * len(other) > MOST:
        raise TooLongError("a product of too many terms")
    sizes: dict[Monomial, float] = {}
    total: dict[Monomial, float] = {}
    for left, a in one.items():
        for right, b in other.items():
            monomial = joined(left, right)
            total[monomial] = total.get(monomial, 0.0) + a * b
            sizes[monomial] = sizes.get(monomial, 0.0) + abs(a * b)
    return {m: c for m, c in total.items() if abs(c) > ROUNDING * sizes[m]}


def joined(one: Monomial, other: Monomial) -> Monomial:
    """Return the product of two monomials."""
    if not one or not other:
        return one or other
    powers = dict(one)
    for number, power in other:
        powers[number] = powers.get(number, 0) + power
    return tuple(sorted((number, power) for number, power in powers.items() if power))


def to_power(polynomial: Polynomial, power: int) -> Polynomial:
    """Return a polynomial to a power of 0 or more, or one of a single term to any."""
    if power < 0:
        ((monomial, coefficient),) = polynomial.items()
        polynomial, power = {tuple((n, -p) for n, p in monomial): 1.0 / coefficient}, -power
    result: Polynomial = constant(1.0)
    for _ in range(power):
        result = times(result, polynomial)
    return result


# --- division --------------------------------------------------------------------------------

STEPS = 100_000
"""Products of two terms that a division may take."""

CLOSE = 1e-10
"""Relative to what was added up; what is left where nothing should be."""


def atoms_of(polynomial: Polynomial) -> set[int]:
    """Return the atoms that occur."""
    return {number for monomial in polynomial for number, _ in monomial}


def shared(polynomial: Polynomial) -> Monomial:
    """Return the largest monomial that all terms have in common, with powers of either sign."""
    known = [dict(monomial) for monomial in polynomial]
    powers = {n: min(each.get(n, 0) for each in known) for n in atoms_of(polynomial)}
    return tuple(sorted((number, power) for number, power in powers.items() if power))


def without(polynomial: Polynomial, monomial: Monomial) -> Polynomial:
    """Return a polynomial over a monomial."""
    gone = tuple((number, -power) for number, power in monomial)
    return {joined(each, gone): c for each, c in polynomial.items()}


def divided(polynomial: Polynomial, divisor: Polynomial) -> Polynomial | None:
    """Return the quotient where nothing is left over, or else None.

    Both are divided term by term, in the order of powers of all atoms; neither shares an atom
    among all of its terms.
    """
    order = sorted(atoms_of(polynomial))
    if len(divisor) > len(polynomial) or not atoms_of(divisor) <= set(order):
        return None

    def powers(monomial: Monomial) -> tuple[int, ...]:
        known = dict(monomial)
        return tuple(known.get(number, 0) for number in order)

    rest = {powers(m): c for m, c in polynomial.items()}
    scale = {key: abs(c) for key, c in rest.items()}
    waiting = [tuple(-p for p in key) for key in rest]
    heapify(waiting)
    by = {powers(m): c for m, c in divisor.items()}
    lead = max(by)
    quotient: dict[tuple[int, ...], float] = {}
    while waiting:
        first = tuple(-p for p in heappop(waiting))
        if first not in rest:
            continue
        step = tuple(a - b for a, b in zip(first, lead, strict=True))
        if min(step, default=0) < 0 or len(quotient) * len(by) > STEPS:
            return None
        factor = rest[first] / by[lead]
        quotient[step] = factor
        for key, c in by.items():
            place = tuple(a + b for a, b in zip(step, key, strict=True))
            scale[place] = scale.get(place, 0.0) + abs(factor * c)
            left = rest.get(place, 0.0) - factor * c
            if place == first or abs(left) <= CLOSE * scale[place]:
                rest.pop(place, None)
            else:
                if place not in rest:
                    heappush(waiting, tuple(-p for p in place))
                rest[place] = left
    return {
        tuple((n, p) for n, p in zip(order, key, strict=True) if p): c
        for key, c in quotient.items()
    }


def substituted(polynomial: Polynomial, values: Mapping[int, Polynomial]) -> Polynomial:
    """Return a polynomial with others in the place of some atoms.

    Raises
    ------
    TooLongError
        Some atom has a negative power, and a sum is to take its place.
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
                term = times(term, to_power(values[number], power))
        total = plus(total, term)
    return total


def without_multiples(polynomial: Polynomial, divisor: Polynomial) -> Polynomial:
    """Return what is left of a polynomial where a sum is zero; the rest of it is a multiple.

    Nothing where the sum cannot be solved for one of its atoms, or has one that is not there.
    """
    if not atoms_of(divisor) <= atoms_of(polynomial):
        return {}
    for monomial, coefficient in divisor.items():
        if len(monomial) != 1 or monomial[0][1] != 1:
            continue
        number = monomial[0][0]
        rest = {m: -c / coefficient for m, c in divisor.items() if m != monomial}
        if number not in atoms_of(rest):
            return substituted(polynomial, {number: rest})
    return {}


def power_of(number: int, monomial: Monomial) -> int:
    """Return the power of an atom."""
    return next((power for each, power in monomial if each == number), 0)


Key = TypeVar("Key")


def grouped(polynomial: Polynomial, key: Callable[[Monomial], Key]) -> dict[Key, Polynomial]:
    """Return the terms by what a function says of their monomials."""
    groups: dict[Key, dict[Monomial, float]] = {}
    for monomial, coefficient in polynomial.items():
        groups.setdefault(key(monomial), {})[monomial] = coefficient
    return {**groups}
