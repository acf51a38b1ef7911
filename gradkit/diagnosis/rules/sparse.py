"""Rules of several terms: orthogonal matching pursuit with exchanges.

Greedy selection alone errs where symbols are nearly alike (``W2`` before and after a small
step). So after each new term every chosen one is held against the whole library again,
with the others fixed, until nothing changes.
"""

from __future__ import annotations

import numpy as np

from gradkit.records.task import Array

EXACT = 1e-9
MOST_TERMS = 6
FEW_TERMS = 3
SWEEPS = 4
STARTS = 6
PAIRED = 200
"""Columns up to which all pairs are tried."""
NEARLY_ALIKE = 1e-6


def pursue(
    target: Array, library: Array, *, thorough: bool = True
) -> tuple[list[int], Array] | None:
    """The few columns of ``library`` (n, p) of which ``target`` (n,) is a combination.

    Parameters
    ----------
    target, library : arrays
    thorough : bool
        Start from several columns, where one leads nowhere.

    Returns
    -------
    tuple of the columns' numbers and their coefficients, or None
        None where no combination of at most `MOST_TERMS` columns is exact to 1e-9.
    """
    lengths = np.linalg.norm(library, axis=0)
    alive = lengths > 0
    unit = np.where(alive, library / np.where(alive, lengths, 1.0), 0.0)
    goal = float(EXACT * np.linalg.norm(target))
    scores = np.abs(target @ unit)
    pair = _pair(target, unit, goal) if unit.shape[1] <= PAIRED else None
    if pair is not None:
        return pair, np.asarray(np.linalg.lstsq(library[:, pair], target, rcond=None)[0])
    for number, start in enumerate(np.argsort(-scores)[: STARTS if thorough else 1]):
        chosen = _grow(target, unit, int(start), goal, MOST_TERMS if number == 0 else FEW_TERMS)
        if chosen is not None:
            found = np.linalg.lstsq(library[:, chosen], target, rcond=None)[0]
            return chosen, np.asarray(found, dtype=np.float64)
    return None


def _pair(target: Array, unit: Array, goal: float) -> list[int] | None:
    """The two columns that leave least of the target, if they leave nothing.

    All pairs are held against each other: what two statements add to one entry is a sum of
    which greedy selection may see neither part first.
    """
    shares, overlaps = target @ unit, unit.T @ unit
    apart = 1.0 - overlaps**2
    np.fill_diagonal(apart, 0.0)
    both = shares[:, None] ** 2 + shares**2 - 2 * overlaps * np.multiply.outer(shares, shares)
    reached = np.where(apart > NEARLY_ALIKE, both / np.where(apart > 0, apart, 1.0), 0.0)
    first, second = divmod(int(np.argmax(reached)), len(shares))
    pair = sorted((first, second), key=lambda column: -abs(shares[column]))
    return _without_idle(target, unit, pair, goal) if _left(target, unit, pair) <= goal else None


def _grow(target: Array, unit: Array, start: int, goal: float, most: int) -> list[int] | None:
    """Add terms to the first, exchanging, until the target is met or there are ``most``."""
    chosen = [start]
    while True:
        for _ in range(SWEEPS):
            if _left(target, unit, chosen) <= goal:
                return _without_idle(target, unit, chosen, goal)
            before = list(chosen)
            # The first sweep after a restart must not walk back to the usual start.
            for place in range(len(chosen) if len(chosen) > 1 else 0):
                others = chosen[:place] + chosen[place + 1 :]
                chosen[place] = _best(target, unit, others)[0]
            if chosen == before:
                break
        if _left(target, unit, chosen) <= goal:
            return _without_idle(target, unit, chosen, goal)
        if len(chosen) == most:
            return None
        chosen.append(_best(target, unit, chosen)[0])


def _best(target: Array, unit: Array, others: list[int]) -> tuple[int, float]:
    """The column that, next to ``others``, leaves least of the target."""
    if others:
        basis = np.linalg.qr(unit[:, others])[0]
        rest = target - basis @ (basis.T @ target)
        shadows = basis.T @ unit
        lengths = np.maximum(1.0 - np.einsum("ij,ij->j", shadows, shadows), 0.0)
    else:
        rest, lengths = target, np.ones(unit.shape[1])
    scores = np.abs(rest @ unit) / np.sqrt(np.where(lengths > 1e-10, lengths, np.inf))
    scores[others] = -1.0
    best = int(np.argmax(scores))
    return best, float(scores[best])


def _without_idle(target: Array, unit: Array, chosen: list[int], goal: float) -> list[int]:
    """The columns that are left when those are dropped that nothing misses."""
    for column in list(chosen):
        rest = [other for other in chosen if other != column]
        if rest and _left(target, unit, rest) <= goal:
            chosen = rest
    return chosen


def _left(target: Array, unit: Array, chosen: list[int]) -> float:
    basis = np.linalg.qr(unit[:, chosen])[0]
    return float(np.linalg.norm(target - basis @ (basis.T @ target)))
