"""Rules of one term: a product shows itself in the logarithms.

If ``t = c · Π fᵢ^pᵢ`` then ``log|t| = log|c| + Σ pᵢ log|fᵢ|``, linear in the powers. With
more probes than symbols, least squares gives the powers exactly, and they are integers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradkit.records.rule import Factor, Term
from gradkit.records.task import Array

EXACT = 1e-9
LARGEST_POWER = 3


def fit_product(
    targets: Array,
    atoms: list[tuple[Factor, ...]],
    columns: Array,
    sums: list[tuple[Factor, ...]],
    sum_columns: Array,
) -> tuple[int, Term] | None:
    """The first of several targets that is one product, and that product.

    Parameters
    ----------
    targets : (n, T)
    atoms : list of P factor tuples, with their ``columns`` (n, P)
        What the product may contain, to integer powers.
    sums : list of S factor tuples, with their ``sum_columns`` (n, S)
        Of these it contains at most one, once.

    Returns
    -------
    tuple of the target's number and the term, with a raw coefficient, or None
    """
    usable = np.all(targets != 0, axis=0)
    # A sum must not vanish in any probe either, which happens only to a relu's.
    divisors = np.concatenate([np.ones((len(targets), 1)), sum_columns], axis=1)
    divisors_usable = np.all(divisors != 0, axis=0)
    if not usable.any():
        return None
    kept = _independent(columns)
    if len(kept) + 4 > len(targets):
        return None
    design = np.concatenate(
        [np.ones((len(targets), 1)), np.log(np.abs(columns[:, kept]))], axis=1
    )
    safe_targets = np.log(np.abs(np.where(usable, targets, 1.0)))
    safe_divisors = np.log(np.abs(np.where(divisors_usable, divisors, 1.0)))
    q, r = np.linalg.qr(design)
    powers = np.linalg.solve(r, q.T @ safe_targets)[:, :, None]
    powers = powers - np.linalg.solve(r, q.T @ safe_divisors)[:, None, :]
    rounded = np.round(powers[1:])
    near = np.all((np.abs(powers[1:] - rounded) < 0.01) & (np.abs(rounded) <= LARGEST_POWER), axis=0)
    for number, divisor in np.argwhere(near & usable[:, None] & divisors_usable[None, :]):
        chosen: NDArray[np.float64] = rounded[:, number, divisor]
        product = divisors[:, divisor] * np.prod(columns[:, kept] ** chosen, axis=1)
        target = targets[:, number]
        coefficient = float(product @ target / (product @ product))
        if np.abs(target - coefficient * product).max() <= EXACT * np.abs(target).max():
            factors = list(sums[divisor - 1]) if divisor else []
            for power, column in zip(chosen, kept, strict=True):
                if power:
                    factors += [replace(f, power=f.power * int(power)) for f in atoms[column]]
            return int(number), Term(coefficient, tuple(factors))
    return None


def _independent(columns: Array) -> list[int]:
    """Columns whose logarithm exists and is neither constant nor another's double."""
    sizes = np.abs(columns)
    kept: list[int] = []
    possible = np.all(sizes > 0, axis=0) & (np.ptp(sizes, axis=0) > 0)
    for index in np.flatnonzero(possible):
        if not any(np.array_equal(sizes[:, index], sizes[:, other]) for other in kept):
            kept.append(int(index))
    return kept
