"""The library of terms for rules that are no single product."""

from __future__ import annotations

from itertools import product

import numpy as np

from gradkit.diagnosis.rules.pool import Mask, Pool, Shape
from gradkit.diagnosis.rules.pool import gains as gains_of
from gradkit.diagnosis.rules.symbols import PARAMETERS
from gradkit.records.rule import Factor
from gradkit.records.task import Array

LARGEST = 6000
"""Columns past which a library is not built: the entry stays unexplained."""

Product = tuple[Factor, ...]


SIMPLE = ((("error", 1),), (("target", 1),), (("output", 1),))
"""What most sums are made of; with these alone the library stays small."""


def terms(
    shape: Shape, pool: Pool, allowed: Mask, *, simple: bool
) -> tuple[list[Product], Array] | None:
    """All products that an entry's terms may be, with their columns (n, p).

    A product has at most one of each: something made of ``y`` and ``ŷ``, possibly with a
    weight or inside a sum; an input; something made of one hidden unit's value; the rate.

    Parameters
    ----------
    shape : Shape
    pool : Pool
    allowed : (P,)
        Which of the pool's atoms the entry may contain.
    simple : bool
        Leave out powers and derivatives of ŷ, and sums.

    Returns
    -------
    None where the library would have more than `LARGEST` columns.
    """
    column = {pool.atoms[index]: pool.columns[:, index] for index in np.flatnonzero(allowed)}
    singles = [factors[0] for factors in column if len(factors) == 1]
    recomputed = any(factor.when == "recomputed" for factor in singles)
    weights = [f for f in singles if f.symbol in PARAMETERS]
    heads: list[tuple[Product, Array]] = [((), np.ones(len(pool.columns)))]
    heads += [((f,), column[f,]) for f in weights]
    gains = []
    for k, gain, when in product(
        range(shape.outputs), SIMPLE if simple else gains_of(shape)[:-1], ("", "recomputed")
    ):
        if when and not recomputed:
            continue
        parts = [(Factor(symbol, (k,), when), power) for symbol, power in gain]  # type: ignore[arg-type]
        if all((factor,) in column for factor, _ in parts):
            values = np.prod([column[factor,] ** power for factor, power in parts], axis=0)
            gains.append((tuple(Factor(f.symbol, f.index, f.when, p) for f, p in parts), values))
    heads += gains
    heads += [
        ((*factors, weight), values * column[weight,])
        for factors, values in gains
        for weight in weights
        if weight.symbol == "W2"
    ]
    heads += [
        (pool.atoms[index], pool.columns[:, index])
        for index in np.flatnonzero(allowed & pool.whole)
        if not simple or shape.outputs > 1
    ]
    inputs = [((f,), column[f,]) for f in singles if f.symbol == "input"]
    units = _units(singles, column)
    rates = [((f,), column[f,]) for f in singles if f.symbol == "rate"]
    groups = [heads, [_NOTHING, *inputs], [_NOTHING, *units], [_NOTHING, *rates]]
    if np.prod([len(group) for group in groups]) > LARGEST:
        return None
    columns = np.ones((len(pool.columns), 1))
    for group in groups:
        stacked = np.stack([np.broadcast_to(values, len(columns)) for _, values in group], axis=1)
        columns = (columns[:, :, None] * stacked[:, None, :]).reshape(len(columns), -1)
    names: list[Product] = [
        tuple(factor for factors, _ in choice for factor in factors) for choice in product(*groups)
    ]
    return names, columns


_NOTHING: tuple[Product, Array] = ((), np.ones(1))


def _units(singles: list[Factor], column: dict[Product, Array]) -> list[tuple[Product, Array]]:
    found: list[tuple[Product, Array]] = []
    for factor in singles:
        if factor.symbol == "hidden":
            values = column[factor,]
            found += [((factor,), values)]
            found += [((Factor("hidden", factor.index, factor.when, 2),), values**2)]
            if isinstance(factor.index[0], str):
                continue
            complement = Factor("hidden_complement", factor.index, factor.when)
            excess = Factor("hidden_excess", factor.index, factor.when)
            found += [
                ((complement,), column[complement,]),
                ((factor, complement), values * column[complement,]),
                ((complement, excess), column[complement,] * column[excess,]),
            ]
        if factor.symbol == "hidden_derivative":
            found.append(((factor,), column[factor,]))
        if factor.symbol == "hidden_step" and np.ptp(column[factor,]):
            found.append(((factor,), column[factor,]))
    return found
