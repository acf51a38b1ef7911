"""Polynomials in numbered atoms, with powers of either sign."""

from __future__ import annotations

from collections.abc import Mapping

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
