"""The slope of a noisy function from many points: an odd polynomial by least squares.

A ladder's extrapolation rests on its shortest step, where the noise is worst. Where noise is
all that blurs it, a fit to many points over the whole way that a polynomial follows f is
several times as sharp for the same truncation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gradkit.gradcheck.line import Line
from gradkit.gradcheck.noise import Floats

FEW, MANY = 12, 48
"""Pairs of points in a fit, and in one against noise that is only a few times too large."""

ODD, BENT, EVEN = (1, 3, 5, 7), (1, 2, 3, 5), (1, 2, 4, 6)
"""The powers of h in a fit to the odd part of a smooth f; with one for a jump of its second
derivative; and to the even part, with one for a kink."""

DEVIATIONS = 3.5
"""By so many standard deviations noise may spoil a fit."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A slope, and the parts of its bound: by noise, by truncation, by half a kink."""

    slope: float
    noise: float
    truncation: float
    kink: float

    @property
    def bound(self) -> float:
        """What the slope may be off by."""
        return self.noise + 1.5 * (self.truncation + self.kink)


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


def fit(line: Line, base: float, reach: float, slope: float, sigma: float, pairs: int = FEW) -> Fit:
    """Fit an odd polynomial to ``(f(x + h) - f(x - h))/2`` for h up to a reach.

    A kink at the point is the part of ``(f(x + h) + f(x - h))/2 - f(x)`` that grows as ``h``; it
    counts where noise does not explain it.

    Parameters
    ----------
    line : Line
    base : float
        f at the point.
    reach : float
        The longest step.
    slope : float
        What is known of the slope; it puts right what rounding of the points makes of it.
    sigma : float
        Noise of f, three standard deviations. What the values scatter about the polynomial
        counts where it is more.
    pairs : int
    """
    nodes = _nodes(pairs)
    above, below, ahead, behind = line.pairs(reach * nodes)
    span = (ahead + behind) / nodes
    odd = (above - below - slope * (ahead - behind)) / span
    even = (above - base - slope * ahead + (below - base + slope * behind)) / span

    powers, inverse = _powers(pairs, ODD)
    found = inverse @ odd
    rest = odd - powers @ found
    scatter = float(np.sqrt(rest @ rest / (pairs - len(ODD))))
    deviation = max(scatter, sigma / 3 / 2**0.5 / reach)
    limit = DEVIATIONS * deviation
    truncation = abs(float(found[0] - (_powers(pairs, ODD[:-1])[1] @ odd)[0]))
    bend = _powers(pairs, BENT)[1]
    bent = bend @ odd
    if abs(bent[1]) > limit * np.linalg.norm(bend[1]):
        truncation = max(truncation, abs(float(found[0] - bent[0])))
    sides = _powers(pairs, EVEN)[1][0]
    half = abs(float(sides @ even))
    blur = float(np.sqrt(sides @ sides + 2 * sides.sum() ** 2))
    return Fit(
        slope=float(found[0]),
        noise=limit * float(np.linalg.norm(inverse[0])),
        truncation=truncation,
        kink=half if half > 0.4 * limit * blur else 0.0,
    )
