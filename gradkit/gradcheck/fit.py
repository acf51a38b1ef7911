"""The slope of a noisy function from many points: an odd polynomial by least squares.

A ladder's extrapolation rests on its shortest step, where the noise is worst. Where noise is
all that blurs it, a fit to many points over the whole way that a polynomial follows f is
several times as sharp for the same truncation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradkit.gradcheck.case import Case
from gradkit.gradcheck.ladder import Derived
from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.slopes import RATIO

FEW, MANY = 12, 48
"""Pairs of points in a fit, and in one against noise that is only a few times too large."""

ODD, BENT, EVEN = (1, 3, 5, 7), (1, 2, 3, 5), (1, 2, 4, 6)
"""The powers of h in a fit to the odd part of a smooth f; with one for a jump of its second
derivative; and to the even part, with one for a kink."""

DEVIATIONS = 3.5
"""By so many standard deviations noise may spoil a fit."""


HARDLY = 0.4
"""A kink beyond this part of what noise may pass for counts as one."""

SAFETY = 1.5
"""Factor on truncation and kink."""

SPARE = 4
"""A fit that is coarser than wanted by no more than this may get there with many points."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A slope, its bound, and the parts of that: by noise, by truncation, by half a kink."""

    slope: float
    bound: float
    noise: float
    truncation: float
    kink: float


@lru_cache
def _nodes(pairs: int) -> Floats:
    """Return nodes in (0, 1): those of Chebyshev on both sides of zero.

    There the slope in the middle is least sensitive to errors of the values.
    """
    return np.asarray(np.cos((2 * np.arange(pairs) + 1) * np.pi / (4 * pairs)))


@lru_cache
def _powers(pairs: int, which: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Return powers of the nodes, and their pseudo-inverse."""
    powers = _nodes(pairs)[:, None] ** np.array(which)
    return powers, np.linalg.pinv(powers)


def best_fit(line: Line, case: Case, derived: Derived, step: float, wanted: float) -> Fit | None:
    """Return the fit with the least bound that keeps to a ladder, None where the ladder's is less.

    Parameters
    ----------
    line : Line
    case : Case
    derived : Derived
        What the ladder has found.
    step : float
        The step it rests on.
    wanted : float
        A bound that is good enough.
    """
    known, least = float(derived.estimate[0]), float(derived.bound[0])
    if not np.isfinite(least):
        return None
    best, where = None, 0.0
    for reach in (min(64 * step, case.scale) / RATIO ** np.arange(4)).tolist():
        found = fit(line, case, derived, reach)
        if abs(found.slope - known) > derived.bound[0]:
            continue
        if found.bound < least:
            best, least, where = found, found.bound, reach
        elif best is not None:
            break
    if best is not None and wanted < least < SPARE * wanted and best.noise > least / 2:
        found = fit(line, case, derived, where, MANY)
        if abs(found.slope - best.slope) <= least and found.bound < least:
            return found
    return best


def fit(line: Line, case: Case, derived: Derived, reach: float, pairs: int = FEW) -> Fit:
    """Fit an odd polynomial to ``(f(x + h) - f(x - h))/2`` for h up to a reach.

    A kink at the point is the part of ``(f(x + h) + f(x - h))/2 - f(x)`` that grows as ``h``; it
    counts where noise hardly explains it, and in any case where the ladder has found one.

    Parameters
    ----------
    line : Line
    case : Case
    derived : Derived
        What a ladder has found. Its slope puts right what rounding of the points makes of it; what
        the values scatter about the polynomial counts as noise where it is more than the ladder's.
    reach : float
        The longest step.
    pairs : int
        Of points.
    """
    slope = float(derived.estimate[0])
    nodes = _nodes(pairs)
    above, below, ahead, behind = line.pairs(reach * nodes)
    span = (ahead + behind) / nodes
    odd = (above - below - slope * (ahead - behind)) / span
    even = (above - case.base - slope * ahead + (below - case.base + slope * behind)) / span

    powers, inverse = _powers(pairs, ODD)
    found = inverse @ odd
    rest = odd - powers @ found
    scatter = float(np.sqrt(rest @ rest / (pairs - len(ODD))))
    limit = DEVIATIONS * max(scatter, float(derived.sigma[0]) / 3 / 2**0.5 / reach)
    truncation = abs(float(found[0] - (_powers(pairs, ODD[:-1])[1] @ odd)[0]))
    bend = _powers(pairs, BENT)[1]
    bent = bend @ odd
    if abs(bent[1]) > limit * np.linalg.norm(bend[1]):
        truncation = max(truncation, abs(float(found[0] - bent[0])))
    sides = _powers(pairs, EVEN)[1][0]
    half = abs(float(sides @ even))
    if half <= HARDLY * limit * float(np.sqrt(sides @ sides + 2 * sides.sum() ** 2)):
        half = 0.0
    kink = max(half, float(derived.kink[0]))
    noise = limit * float(np.linalg.norm(inverse[0]))
    return Fit(
        slope=float(found[0]),
        bound=noise + SAFETY * (truncation + kink),
        noise=noise,
        truncation=truncation,
        kink=kink,
    )
