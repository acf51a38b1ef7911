"""What must be known about f before anything is concluded from its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradkit.gradcheck.allowance import ROUGH
from gradkit.gradcheck.claims import effect, largest_of
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import (
    FLOAT32,
    FLOAT64,
    POINTS,
    Floats,
    is_float32,
    median_noise,
)
from gradkit.gradcheck.roughness import (
    CLOSEST,
    FEW,
    LOST,
    every_move,
    is_deaf,
    is_white,
    scatter,
    size_of,
    table,
)
from gradkit.gradcheck.structure import Array, Leaf

LOSSY = (1e-9, 3e-8)
"""Noise in this range, relative to the value, belongs to a forward that loses precision."""


LONGER, SAME = (1e-6, 1e-7, 1e-8), 10
"""On lines with points so far apart the noise of f is the same, to within this factor."""

REPEATS = 2


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a few calls of f have shown.

    Attributes
    ----------
    base : float
        f at the point.
    sigma : float
        Size of the roughness of f, three standard deviations.
    steady : bool
        Whether f gave the same value twice.
    rough : bool
        Whether the noise is more than rounding.
    noisy : bool
        Whether f is noisy by itself, and not only in places where its forward loses precision.
    narrow : bool
        Whether f or its argument is in truth float32.
    scales : float64 array, (leaves,)
        For each leaf, the size of a change that matters.
    reach : float
        How much f changes when a parameter changes by its scale, by the claim where there is
        one; 0 where nothing is known.
    line : tuple of float64 arrays or None
        The direction along which the noise was measured.
    """

    base: float
    sigma: float
    steady: bool
    rough: bool
    noisy: bool
    narrow: bool
    scales: Floats
    reach: float
    line: tuple[Array | None, ...] = ()


def preflight(
    evaluator: Evaluator,
    claimed: Sequence[Array],
    rng: np.random.Generator,
    narrow: bool = False,
) -> Preflight:
    """Look at f before using it, in 7 calls, or 12 where it moves in steps or is float32.

    Parameters
    ----------
    evaluator : Evaluator
    claimed : sequence of array
        The claimed gradient of each leaf; empty where there is no claim.
    rng : numpy Generator
    narrow : bool
        Whether the claim is in truth float32.
    """
    base = evaluator.at_point()
    again = evaluator.at_point()
    leaves = evaluator.leaves
    sizes = np.array([size_of(leaf.array) for leaf in leaves])
    points = [evaluator.origin(leaf) for leaf in range(len(leaves))]
    effects = map(effect, claimed, points)
    reach = max(effects, default=0.0)
    largest = largest_of(claimed) if claimed else np.zeros(len(leaves))
    scales = sizes
    if not sizes.all():
        scales = _scales(evaluator, rng, sizes, largest, reach or abs(base), base)
    narrow = narrow or any(leaf.array.dtype.itemsize < 8 for leaf in leaves)
    if not (np.isfinite(base) and np.isfinite(again)):
        return Preflight(base, np.nan, True, False, False, narrow, scales, reach)

    line = every_move(points, scales, rng)
    slope = reach or float((largest * scales).max(initial=0.0))
    spacing = 1e-9
    if slope > 0 and base != 0:
        # Far enough for the rounding to be scrambled, near enough for f to be smooth.
        share = abs(base) / slope
        spacing = min(max(spacing, 1e3 * FLOAT64 * share), max(1e-6 * share, 1e-14), 1e-5)
    values = table(evaluator, line, spacing, base)
    sigma = scatter(values, spacing)
    forward32 = is_float32(np.append(values, again))
    ties = FEW - len(set(values.tolist()))
    steady = base == again
    noisy = not steady
    if forward32 or ties >= 2 or not np.isfinite(sigma):
        wide = 1e-4 if forward32 or ties else 1e-13
        louder = scatter(table(evaluator, line, wide, base), wide)
        sigma = float(np.fmax(np.nan_to_num(sigma), louder))
        sigma = sigma if np.isfinite(sigma) else 0.0
    elif sigma > LOST * FLOAT64 * abs(base) and steady:
        near = max(1e-3 * spacing, CLOSEST)
        values = table(evaluator, line, near, base)
        quieter = scatter(values, near)
        if 4 * quieter < sigma and len(set(values.tolist())) == FEW:
            sigma = quieter
        noisy = is_white(evaluator, line, base, sigma)
    if steady and not forward32 and sigma > LOSSY[0] * abs(base):
        forward32 = is_deaf(evaluator, base, rng)
    rounding = FLOAT32 if forward32 else FLOAT64
    sigma = max(sigma, rounding * abs(base), abs(base - again))
    seen = Preflight(
        base=base,
        sigma=sigma,
        steady=steady,
        rough=forward32 or narrow or is_rough(sigma, base, reach),
        noisy=noisy or narrow or forward32,
        narrow=narrow or forward32,
        scales=scales,
        reach=reach,
        line=tuple(line),
    )
    return seen if steady else _unsteady(evaluator, seen)


def is_rough(sigma: float, base: float, reach: float) -> bool:
    """Whether f is so noisy that a claim has to be further off to be called wrong.

    Noise put on top of a value is small beside it, and that of float32 is large. What lies
    between is a float64 forward that loses precision, which has rules of its own; and the rounding
    of a large value is known exactly.
    """
    if sigma <= LOST * FLOAT64 * abs(base):
        return False
    if LOSSY[0] * abs(base) < sigma < LOSSY[1] * abs(base):
        return False
    return sigma > ROUGH * reach > 0 or sigma > LOSSY[1] * abs(base) > 0


def _unsteady(evaluator: Evaluator, seen: Preflight) -> Preflight:
    """Learn the noise of an f that does not repeat itself from more repetitions."""
    values = [seen.base, *(evaluator.at_point() for _ in range(6))]
    spread = float(np.ptp(values))
    return replace(seen, sigma=max(seen.sigma, 1.5 * spread), rough=True)


def measure_again(evaluator: Evaluator, seen: Preflight) -> Preflight:
    """Measure the noise along a longer line, for an f that is smooth only close by.

    The median of many differences does not notice the few that straddle a kink. Noise is the same
    on lines of any length; what grows with the length is curvature.
    """
    found = [
        3 * median_noise(table(evaluator, seen.line, spacing, seen.base, len(POINTS)))
        for spacing in LONGER
    ]
    sigma = found[0] if found[0] <= SAME * min(found) else min(found)
    # What scatters by more than this is an f that oscillates, not one that is noisy.
    if not seen.sigma < sigma < 1e-6 * (seen.reach or abs(seen.base)):
        return seen
    return replace(seen, sigma=sigma, rough=seen.rough or is_rough(sigma, seen.base, seen.reach))


def _scales(
    evaluator: Evaluator,
    rng: np.random.Generator,
    sizes: Floats,
    largest: Floats,
    reach: float,
    base: float,
) -> Floats:
    """Return the size of a change that matters: that of the leaf, or what the claim suggests.

    A claim of nearly nothing for a leaf of zeros suggests an enormous change. It is tried
    once, at a thousandth, before it is believed.
    """
    scales = sizes.copy()
    usual = float(np.max(sizes, initial=0.0)) or 1.0
    for leaf in np.flatnonzero(sizes == 0).tolist():
        with np.errstate(all="ignore"):
            suggested = float(reach / largest[leaf])
        scales[leaf] = suggested if np.isfinite(suggested) and suggested > 0 else usual
        if scales[leaf] > 1e4 * usual:
            line: list[Array | None] = [None] * len(sizes)
            line[leaf] = signs(evaluator.leaves[leaf], rng)
            moved = abs(float(evaluator.along(line, np.array([1e-3 * suggested]))[0]) - base)
            if not moved <= 0.1 * reach * max(evaluator.leaves[leaf].array.size, 1):
                scales[leaf] = usual
    return scales


def signs(leaf: Leaf, rng: np.random.Generator) -> Array:
    """Draw components of either sign, of magnitude 0.5 to 1.5."""
    draw = rng.uniform(-1.0, 1.0, leaf.array.shape)
    return np.asarray(draw + np.copysign(0.5, draw))
