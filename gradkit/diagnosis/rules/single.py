"""Rules of one term: a product shows itself in the logarithms.

If ``t = c · Π fᵢ^pᵢ`` then ``log|t| = log|c| + Σ pᵢ log|fᵢ|``, linear in the powers. With
more probes than symbols, least squares gives the powers exactly, and they are integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.diagnosis.rules.symbols import to_power
from gradkit.records.rule import Factor, Term
from gradkit.records.task import Array

EXACT = 1e-9
LARGEST_POWER = 3
DEPENDENT = 1e-10
SPARE_ROWS = 4
NOTHING = 1e-12
"""Relative to the largest value."""

RARELY = 0.1
MOST_HITS = 24
REWRITTEN = 8
"""So many equal products are looked at, and so many of them rewritten."""


def fit_products(
    targets: Array,
    atoms: list[tuple[Factor, ...]],
    columns: Array,
    sums: list[tuple[Factor, ...]],
    sum_columns: Array,
) -> Iterator[tuple[int, Term]]:
    """Every one of several targets that is a product, with that product.

    Parameters
    ----------
    targets : (n, T)
    atoms : list of P factor tuples, with their ``columns`` (n, P)
        What the product may contain, to integer powers. Where one is itself a product of
        earlier ones the earlier are used, so the order is one of preference.
    sums : list of S factor tuples, with their ``sum_columns`` (n, S)
        Of these it contains at most one, once.

    Yields
    ------
    tuple of the target's number and the term, with a raw coefficient
    """
    rows = _telling_rows(targets) & _telling_rows(sum_columns)
    targets, columns, sum_columns = targets[rows], columns[rows], sum_columns[rows]
    usable = np.all(targets != 0, axis=0)
    if not usable.any():
        return
    divisors = np.concatenate([np.ones((len(targets), 1)), sum_columns], axis=1)
    divisors_usable = np.all(divisors != 0, axis=0)
    for kept in _selections(columns, atoms):
        if len(kept) + SPARE_ROWS > len(targets):
            continue
        used = columns[:, kept]
        design = np.concatenate([np.ones((len(targets), 1)), np.log(np.abs(used))], axis=1)
        q, r = np.linalg.qr(design)
        inverse = np.linalg.solve(r, q.T)
        of_targets = inverse @ np.log(np.abs(np.where(usable, targets, 1.0)))
        of_divisors = inverse @ np.log(np.abs(np.where(divisors_usable, divisors, 1.0)))
        powers = of_targets[1:, :, None] - of_divisors[1:, None, :]
        rounded = np.round(powers)
        near = (np.abs(powers - rounded) < 0.01) & (np.abs(rounded) <= LARGEST_POWER)
        fits = near.all(axis=0) & usable[:, None] & divisors_usable[None, :]
        equal = _relations(columns, atoms, kept, inverse)
        hits = np.argwhere(fits)
        # Where sums are products too, hundreds are equal; the plain ones say it best.
        hits = hits[np.argsort(hits[:, 1] > 0, kind="stable")][:MOST_HITS]
        for place, (number, divisor) in enumerate(hits):
            exponents = np.zeros(columns.shape[1])
            exponents[kept] = rounded[:, number, divisor]
            others = equal if place < REWRITTEN else []
            for chosen in (exponents, *(exponents + k * r for r in others for k in (-1, 1))):
                term = _term(targets[:, number], divisors[:, divisor], columns, chosen, atoms)
                if term is not None:
                    whole = sums[divisor - 1] if divisor else ()
                    yield int(number), replace(term, factors=(*whole, *term.factors))


def _term(
    target: Array,
    whole: Array,
    columns: Array,
    powers: Array,
    atoms: list[tuple[Factor, ...]],
) -> Term | None:
    """``whole`` times the atoms to these powers, if some multiple of it is the target."""
    if np.abs(powers).max(initial=0.0) > LARGEST_POWER:
        return None
    where = np.flatnonzero(powers)
    product = whole * np.prod(columns[:, where] ** powers[where], axis=1)
    coefficient = float(product @ target / (product @ product))
    if np.abs(target - coefficient * product).max() > EXACT * np.abs(target).max():
        return None
    return Term(
        coefficient,
        tuple(to_power(f, f.power * int(powers[i])) for i in where for f in atoms[i]),
    )


def _telling_rows(values: Array) -> NDArray[np.bool_]:
    """Rows without a zero, which sums of short decimals hit now and then.

    Of such a sum rounding may leave something, and its logarithm means nothing.
    """
    zeros = np.abs(values) <= NOTHING * np.abs(values).max(axis=0, initial=0.0)
    rarely = zeros.mean(axis=0) < RARELY
    return np.asarray(~np.any(zeros[:, rarely], axis=1))


def _relations(
    columns: Array, atoms: list[tuple[Factor, ...]], kept: list[int], inverse: Array
) -> list[Array]:
    """Powers under which columns cancel: ``W2′ = c · e · A`` where W2 was overwritten.

    The same product can then be written in several ways, and the reader should get the
    one that the code was written in.
    """
    found = []
    for dropped in np.flatnonzero(np.all(columns != 0, axis=0)):
        if dropped in kept:
            continue
        powers = (inverse @ np.log(np.abs(columns[:, dropped])))[1:]
        rounded = np.round(powers)
        involved = [atoms[dropped], *(atoms[kept[i]] for i in np.flatnonzero(rounded))]
        late = any(factor.when == "after" for factors in involved for factor in factors)
        if late and np.abs(powers - rounded).max(initial=0.0) < 0.01:
            relation = np.zeros(columns.shape[1])
            relation[kept] = -rounded
            relation[dropped] = 1.0
            found.append(relation)
    return found


def _selections(columns: Array, atoms: list[tuple[Factor, ...]]) -> Iterator[list[int]]:
    """Independent columns; a second choice, values after the step last, where that matters."""
    possible = [int(i) for i in np.flatnonzero(np.all(columns != 0, axis=0))]
    logs = np.log(np.abs(columns[:, possible]))
    first = _independent(logs, list(range(len(possible))))
    yield [possible[i] for i in first]
    if len(first) < len(possible):
        late = [atoms[i][0].when == "after" for i in possible]
        second = _independent(logs, sorted(range(len(possible)), key=lambda i: late[i]))
        if sorted(second) != sorted(first):
            yield [possible[i] for i in second]


def _independent(logs: Array, order: list[int]) -> list[int]:
    """Those of the columns, in this order, that are no combination of earlier ones."""
    design = np.concatenate([np.ones((len(logs), 1)), logs[:, order]], axis=1)
    if design.shape[1] > design.shape[0]:
        return order
    # Raw, and so transposed, which leaves the diagonal as it is.
    lengths = np.abs(np.diagonal(np.linalg.qr(design, mode="raw")[0]))
    kept = lengths > DEPENDENT * np.linalg.norm(design, axis=0)
    return [column for column, keep in zip(order, kept[1:], strict=True) if keep]
