"""What must be known about f before anything is concluded from its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradkit.gradcheck.allowance import ROUGH
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import FLOAT32, FLOAT64, Floats, is_float32, table_noise
from gradkit.gradcheck.structure import Array, Leaf

POINTS = 6


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
        Whether only structural errors can be looked for.
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
    narrow: bool
    scales: Floats
    reach: float
    line: tuple[Array | None, ...] = ()


def preflight(
    evaluator: Evaluator, largest: Floats, rng: np.random.Generator, narrow: bool = False
) -> Preflight:
    """Look at f before using it, in 7 calls, or 12 where it moves in steps or is float32.

    Parameters
    ----------
    evaluator : Evaluator
    largest : float64 array, (leaves,)
        The largest magnitude of the claimed gradient of each leaf; zeros where there is no
        claim.
    rng : numpy Generator
    narrow : bool
        Whether the claim is in truth float32.
    """
    base = evaluator.at_point()
    again = evaluator.at_point()
    leaves = evaluator.leaves
    sizes = np.array([_size(leaf.array) for leaf in leaves])
    reach = float(np.max(largest * sizes, initial=0.0))
    scales = _scales(evaluator, rng, largest, reach or abs(base), base)
    narrow = narrow or any(leaf.array.dtype.itemsize < 8 for leaf in leaves)
    if not (np.isfinite(base) and np.isfinite(again)):
        return Preflight(base, np.nan, True, False, narrow, scales, reach)

    line = [
        None if leaf.array.size == 0 else scale * _signs(leaf, rng)
        for leaf, scale in zip(leaves, scales.tolist(), strict=True)
    ]
    slope = float(np.sqrt(np.sum((largest * scales) ** 2)))
    spacing = 1e-7
    if slope > 0:
        spacing = min(max(1e-9, 1e3 * FLOAT64 * abs(base) / slope), 1e-5)
    values = _table(evaluator, line, spacing, base)
    sigma = 3 * float(table_noise(values))
    forward32 = is_float32(np.append(values, again))
    ties = POINTS - len(np.unique(values))
    if forward32 or ties >= 2 or not np.isfinite(sigma):
        wide = 1e-4 if forward32 or ties else 1e-13
        values = _table(evaluator, line, max(wide, spacing) if ties else wide, base)
        sigma = float(np.fmax(np.nan_to_num(sigma), 3 * table_noise(values)))
        sigma = sigma if np.isfinite(sigma) else 0.0
    rounding = FLOAT32 if forward32 else FLOAT64
    sigma = max(sigma, rounding * abs(base), abs(base - again))
    rough = forward32 or (sigma > ROUGH * reach and reach > 0) or sigma > 1e-9 * abs(base) > 0
    seen = Preflight(
        base, sigma, base == again, rough, narrow or forward32, scales, reach, tuple(line)
    )
    return seen if seen.steady else _unsteady(evaluator, seen)


def _unsteady(evaluator: Evaluator, seen: Preflight) -> Preflight:
    """Learn the noise of an f that does not repeat itself from more repetitions."""
    values = [seen.base, *(evaluator.at_point() for _ in range(6))]
    spread = float(np.ptp(values))
    return replace(seen, sigma=max(seen.sigma, 1.5 * spread), rough=True)


def measure_again(evaluator: Evaluator, seen: Preflight) -> Preflight:
    """Measure the noise along a longer line, for an f that is smooth only close by.

    The median of many differences does not notice the few that straddle a kink.
    """
    values = _table(evaluator, seen.line, 3e-6, seen.base, 12)
    with np.errstate(all="ignore"):
        size = float(np.median(np.abs(np.diff(values, n=3)))) / 0.6745 / np.sqrt(20)
    if not 3 * size > seen.sigma:
        return seen
    rough = seen.rough or 3 * size > ROUGH * seen.reach
    return replace(seen, sigma=3 * size, rough=rough)


def _size(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))


def _scales(
    evaluator: Evaluator, rng: np.random.Generator, largest: Floats, reach: float, base: float
) -> Floats:
    """Return the size of a change that matters: that of the leaf, or what the claim suggests.

    A claim of nearly nothing for a leaf of zeros suggests an enormous change. It is tried
    once, at a thousandth, before it is believed.
    """
    sizes = np.array([_size(leaf.array) for leaf in evaluator.leaves])
    scales = sizes.copy()
    usual = float(np.max(sizes, initial=0.0)) or 1.0
    for leaf in np.flatnonzero(sizes == 0).tolist():
        with np.errstate(all="ignore"):
            suggested = float(reach / largest[leaf])
        scales[leaf] = suggested if np.isfinite(suggested) and suggested > 0 else usual
        if scales[leaf] > 1e4 * usual:
            line: list[Array | None] = [None] * len(sizes)
            line[leaf] = _signs(evaluator.leaves[leaf], rng)
            moved = abs(float(evaluator.along(line, np.array([1e-3 * suggested]))[0]) - base)
            if not moved <= 0.1 * reach * max(evaluator.leaves[leaf].array.size, 1):
                scales[leaf] = usual
    return scales


def _signs(leaf: Leaf, rng: np.random.Generator) -> Array:
    """Draw components of either sign, of magnitude 0.5 to 1.5."""
    draw = rng.uniform(-1.0, 1.0, leaf.array.shape)
    return np.asarray(draw + np.copysign(0.5, draw))


def _table(
    evaluator: Evaluator,
    line: Sequence[Array | None],
    spacing: float,
    base: float,
    points: int = POINTS,
) -> Floats:
    """Evaluate f at equally spaced points along a line, the first of them the point itself.

    In float32 the steps are whole multiples of a power of two, so that the points are
    equally spaced after rounding too and the rounding is not taken for noise of f.
    """
    moves: list[Array | None] = []
    for position, direction in enumerate(line):
        origin = evaluator.origin(position)
        if direction is None or origin.dtype.itemsize >= 8:
            moves.append(None if direction is None else spacing * direction)
            continue
        unit = 2.0 ** np.ceil(np.log2(4 * np.finfo(origin.dtype).eps * (_size(origin) or 1.0)))
        whole = np.rint(spacing * direction / unit)
        moves.append(unit * np.where(whole == 0, np.sign(direction), whole))
    values = evaluator.along(moves, np.arange(1.0, points))
    return np.concatenate(([base], values))
