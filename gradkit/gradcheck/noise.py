"""Measure the noise and the precision of f before it is used.

The *noise* of f is how far a value of f may be from that of a smooth function. It is measured along
a line, by the difference table of Moré & Wild, "Estimating computational noise", SIAM J. Sci.
Comput. 33 (2011): the part of the values that no low polynomial follows is noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.constants import (
    EPS,
    EPS32,
    FEW,
    HUNDREDTH,
    NEAR,
    POINTS,
    RATIO,
    SHORTEST,
    SMALL,
    SPREAD,
)

if TYPE_CHECKING:
    from gradkit.gradcheck.evaluate import Evaluator

Floats = NDArray[np.float64]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Measurements:
    """Measurements of f in a few calls.

    Attributes
    ----------
    base : float
        f at the point.
    noise : float
        Error of a value of f: three standard deviations, at least one rounding.
    fine : float
        The same for points so close that f does not distinguish them; smaller than ``noise`` if f
        is a staircase.
    eps : float
        The rounding unit of f: that of float32 if its values or its argument are float32.
    steady : bool
        Whether f gave the same value twice.
    lossy : bool
        Whether f loses precision, as ``log(1 - a)`` does for a near 1: rough over a table, smooth
        over a few roundings.
    scales : float64 array, (leaves,)
        For each leaf, the size of a change that matters.
    reach : float
        Change of f, by the claim, when a parameter changes by its own size.
    whole : float
        The value of f, or the effect of the parameters on it if that is less: its rounding errors
        are relative to this. If f is 0 at all points, the largest parameter.
    """

    base: float = np.nan
    noise: float = np.nan
    fine: float = np.nan
    eps: float = EPS
    steady: bool = True
    lossy: bool = False
    scales: Floats = field(default_factory=lambda: np.ones(0))
    reach: float = 0.0
    whole: float = 0.0


def table_noise(values: Floats, terms: int = 3, points: Sequence[float] = POINTS) -> float:
    """Estimate the noise in values along a line: three standard deviations.

    A polynomial is fitted; the rest has the variance of the noise for each value more than the
    polynomial has coefficients.

    Parameters
    ----------
    values : float64 array, (points,)
        Function values.
    terms : int
        Number of coefficients of the polynomial; less than the number of points.
    points : sequence of float
        The positions; surplus ones are ignored.

    Returns
    -------
    float
        NaN where a value is not finite.
    """
    top = float(np.ptp(values))
    if not 0 < top < np.inf:
        return 0.0 * top
    part = (values - values[0]) / top  # squares of small values underflow
    basis = _polynomial_basis(tuple(points[: len(part)]), terms)
    rest = part - basis @ (basis.T @ part)
    return SPREAD * top * float(np.linalg.norm(rest) / np.sqrt(len(part) - terms))


@cache
def _polynomial_basis(points: tuple[float, ...], terms: int) -> Floats:
    """Return an orthonormal basis of the polynomials with so many terms at some points."""
    place = np.array(points) / max(map(abs, points))
    return np.linalg.qr(np.vander(place, terms))[0]


def is_float32(values: Floats) -> bool:
    """Return whether float64 values are all exactly representable in float32.

    A float64 result of float64 arithmetic is so by chance with probability 2⁻²⁹. Values with very
    few bits (0, 0.5, 3) do not count, so at least two values must need more than 12 bits.
    """
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        narrow = finite.astype(np.float32)
    long = np.count_nonzero(narrow.view(np.int32) & 0xFFF)
    return np.array_equal(narrow, finite) and bool(long >= 2)


def magnitude(array: Array) -> Floats:
    """Return absolute values, 0 where they are not finite."""
    size = np.asarray(np.abs(np.asarray(array, dtype=np.float64)))
    size[~np.isfinite(size)] = 0.0
    return size


def largest_of(array: Array) -> float:
    """Return the largest finite magnitude, 0 if there is none."""
    top = float(np.abs(np.asarray(array, dtype=np.float64)).max(initial=0.0))
    return top if math.isfinite(top) else float(magnitude(array).max(initial=0.0))


def entry_scales(gradient: Array, point: Array, scale: float) -> Floats:
    """Return a typical change of each entry: its leaf's scale, or the entry's own magnitude.

    The own magnitude is used if the entries of the leaf have different units. An entry that is zero
    then gets the change that moves f as much as the others do, at most the leaf's scale.
    """
    size, slope = magnitude(point), magnitude(gradient)
    alone = float((slope * size).max(initial=0.0))
    if not slope.max(initial=0.0) * size.max(initial=0.0) > alone / SMALL > 0:
        return np.broadcast_to(np.float64(scale), size.shape)
    return np.where(size > 0, size, np.fmin(alone / slope, scale))


def measure(evaluator: Evaluator, claimed: Sequence[Array], seed: int = 0) -> Measurements:
    """Measure noise, precision and scales of f, in 6 calls, or about 20 if it is rough or flat.

    If f is not finite at the point, the noise is NaN.

    Parameters
    ----------
    evaluator : Evaluator
    claimed : sequence of array
        The claimed gradient of each leaf; empty without a claim.
    seed : int
        Seed of the line along which noise is measured.
    """
    rng = np.random.default_rng(seed)
    base, points = evaluator.at_point(), evaluator.points
    size = abs(base)
    if claimed and size == 0 and not any(map(np.any, map(np.multiply, claimed, points))):
        size = _change_along_zeros(evaluator, claimed, rng)
    scales, reach = leaf_scales(claimed, points, size)
    narrow = any(point.dtype.itemsize < 8 for point in points)
    seen = Measurements(base, eps=EPS32 if narrow else EPS, scales=scales, reach=reach)
    if not np.isfinite(base):
        return seen
    line = _Line(evaluator, claimed, _draw_direction(points, scales, rng), base, narrow)
    return measure_reach(evaluator, _measure_noise(line, seen, rng), line.moves)


@dataclass(slots=True)
class _Line:
    """A line through the point, along which f is evaluated.

    ``narrow`` is True from the point on where f, or its argument, proves to be in float32.
    """

    evaluator: Evaluator
    claimed: Sequence[Array]
    moves: Sequence[Floats]
    base: float
    narrow: bool

    def table(self, spacing: float, count: int = len(POINTS) // 2) -> tuple[float, Floats]:
        """Return the noise at uneven points along the line, and the values of f."""
        steps = [spacing * point for point in POINTS[1:count]]
        values, strays = self.evaluator.along(self.moves, steps, self.claimed)
        every = np.concatenate(([self.base], values))
        self.narrow = self.narrow or is_float32(every)
        every[1:] += strays
        return table_noise(every, 3 if spacing < NEAR else 4), values

    def spread(self, reach: float) -> float:
        """Return how much f changes along the line if each entry changes it by up to ``reach``."""
        return reach * math.sqrt(sum(point.size for point in self.evaluator.points))


def _measure_noise(line: _Line, seen: Measurements, rng: np.random.Generator) -> Measurements:
    """Add the noise of f along a line to the measurements.

    Only if the first table is rough, or has too few different values, f is evaluated again at the
    point, and at more points along the line.
    """
    base, spacing = seen.base, NEAR
    if seen.reach > 0 and base != 0:
        # Far enough for the rounding to be scrambled, near enough for f to be smooth.
        share = abs(base) / seen.reach
        spacing = min(max(NEAR, 1e3 * EPS * share), max(1e-6 * share, 1e-14), 1e-5)
    sigma, values = line.table(spacing)
    levels = len({base, *values.tolist()})
    size = 2 * FEW * EPS * max(abs(base), line.spread(seen.reach), largest_of(values))
    tied = line.narrow or levels <= len(POINTS) // 2 - 2 or not math.isfinite(sigma)
    rough = sigma > size and not tied
    if (tied or rough) and (again := line.evaluator.at_point()) != base:
        several = [base, again, *(line.evaluator.at_point() for _ in range(6))]
        noise = max(1.5 * float(np.ptp(several)), EPS * abs(base))
        return replace(seen, noise=noise, fine=noise, steady=False)
    fine, lossy = sigma, False
    if tied:
        sigma = _noise_of_ties(line, sigma)
    elif rough:
        sigma, lossy = _noise_of_rough(line, sigma, spacing)
    if levels > 2 and not line.narrow and sigma > 1e-9 * abs(base):
        line.narrow = _casts_to_float32(line.evaluator, base, rng)
    eps = EPS32 if line.narrow else EPS
    floor = max(eps * abs(base), SHORTEST * EPS)
    noise = max(sigma, floor)
    fine = noise if line.narrow or rough or not math.isfinite(fine) else max(fine, floor)
    lossy = lossy and not line.narrow and sigma > size
    return replace(seen, noise=noise, fine=fine, eps=eps, lossy=lossy)


def _noise_of_ties(line: _Line, sigma: float) -> float:
    """Return the noise of an f with few different values nearby, from points further apart."""
    wide = (SMALL / 10 if line.narrow else SMALL) if math.isfinite(sigma) else 1e-13
    louder, _ = line.table(wide, len(POINTS))
    return float(np.nan_to_num(np.fmax(np.nan_to_num(sigma), louder), posinf=0.0))


def _noise_of_rough(line: _Line, sigma: float, spacing: float) -> tuple[float, bool]:
    """Return the noise of an f whose values are rough, and whether f loses precision.

    A lossy f is smooth over a few roundings. If points further apart are louder, f bends.
    """
    louder, _ = line.table(10 * spacing, len(POINTS))
    closest, _ = line.table(FEW * EPS)
    lossy = not closest > sigma / 4
    if louder <= SPREAD**2 * sigma or not lossy:
        return max(sigma, louder, closest), lossy
    # Points that f does not tell apart say nothing.
    return closest if closest > 0 else sigma, lossy


def measure_reach(evaluator: Evaluator, seen: Measurements, line: Sequence[Floats]) -> Measurements:
    """Measure how much f changes along a line, and return the measurements with that scale.

    ``reach`` is the largest change that was seen, ``whole`` the scale for comparisons.

    If the claim predicts hardly any change, f is called 2 or 4 times. At a minimum every slope is
    zero, and at a perfect fit f itself is; then the curvature of f gives the scale.
    """
    spread = seen.reach * math.sqrt(sum(point.size for point in evaluator.points))
    if spread > SMALL * abs(seen.base) and abs(seen.base) > 10 * seen.noise:
        return replace(seen, whole=min(seen.reach, abs(seen.base)))
    reach = seen.reach
    for far in (HUNDREDTH, 1 / RATIO):
        above, below = evaluator.along(line, [far, -far])[0].tolist()
        blur = 4 * max(seen.noise, seen.eps * max(abs(above), abs(below)))
        bend = max(abs(above + below - 2 * seen.base) - blur, 0.0) / far**2
        moved = max(abs(above - below) - blur, 0.0) / (2 * far)
        if not np.isfinite(bend + moved):
            break
        reach = max(reach, bend, moved)
        if bend + moved > 0:
            break
    zero = evaluator.levels == {0.0}
    whole = max(map(largest_of, evaluator.points)) if zero else min(reach, abs(seen.base))
    return replace(seen, reach=reach, whole=whole)


def usual_size(points: Sequence[Array]) -> float:
    """Return the largest magnitude of an entry in all leaves; 1 if every entry is zero."""
    return max(map(largest_of, points), default=0.0) or 1.0


def leaf_scales(
    claimed: Sequence[Array], points: Sequence[Array], value: float
) -> tuple[Floats, float]:
    """Return a typical change of each leaf, and how much f changes by it according to the claim.

    The scale of a leaf is its largest entry. If that is zero or small, the scale is the change that
    the claimed gradient needs to move f as much as other leaves do, or by ``value``. It is never
    more than the largest entry of all leaves.

    Parameters
    ----------
    claimed : sequence of array
        The claimed gradient of each leaf; empty without a claim.
    points : sequence of array
        The leaves, at the point of the check.
    value : float
        The value of f, or a change of it.

    Returns
    -------
    scales : array (leaves,)
    reach : float
        The largest product of an entry's claimed gradient and its change, over all leaves. An entry
        changes by its own value or, in a leaf of zeros, by the leaf's scale. 0.0 without a claim.
    """
    sizes = np.array([largest_of(point) for point in points])
    usual = float(sizes.max(initial=0.0)) or 1.0
    if not claimed:
        return np.where(sizes > 0, sizes, usual), 0.0
    pairs = zip(claimed, points, strict=True)
    reach = max((largest_of(np.multiply(*pair)) for pair in pairs), default=0.0)
    steepest = np.array([largest_of(gradient) for gradient in claimed])
    size = max(reach, min(abs(value), float(np.max(steepest, initial=0.0)) * usual))
    suggested = np.fmin(size / steepest, usual) if size > 0 else usual
    scales = np.fmax(sizes, suggested)
    moved = np.where(sizes > 0, 0.0, steepest * scales)
    return scales, max(reach, float(np.max(moved, initial=0.0)))


def _change_along_zeros(
    evaluator: Evaluator, claimed: Sequence[Array], rng: np.random.Generator
) -> float:
    """Return how much f changes when leaves of zeros move; 0 if f is not finite there.

    Weights of zero give no scale, nor does f if it is 0: tanh of features in raw units is saturated
    long before the weights are as large as the features.
    """
    usual, points = usual_size(evaluator.points), evaluator.points
    moves = [draw_signed(rng, p.shape) * (0.0 if np.any(p) else usual) for p in points]
    if not any(np.any(move) and np.any(slope) for move, slope in zip(moves, claimed, strict=True)):
        return 0.0
    # Use the smaller change: f may saturate on one side and grow without limit on the other.
    changes = magnitude(evaluator.along(moves, [1.0, -1.0])[0])
    return min(changes[changes > 0].tolist(), default=0.0)


def draw_signed(rng: np.random.Generator, shape: int | tuple[int, ...]) -> Floats:
    """Draw numbers of size 0.5 to 1.5 and random sign; equal opposite errors do not cancel."""
    draw = np.asarray(rng.uniform(-1.0, 1.0, shape))
    draw += np.copysign(0.5, draw)
    return draw


def _draw_direction(
    points: Sequence[Array], scales: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Draw a direction that moves every entry by about its own size."""
    pairs = zip(map(magnitude, points), scales.tolist(), strict=True)
    return [draw_signed(rng, size.shape) * (size if size.any() else scale) for size, scale in pairs]


def _casts_to_float32(evaluator: Evaluator, base: float, rng: np.random.Generator) -> bool:
    """Return whether f rounds its argument to float32 although its result may have more digits.

    Every entry is moved to a random value that rounds to the same number in float32. The result is
    True if f is still ``base``, its value at the unmoved point, and any entry has moved.
    """
    moves = []
    for point in evaluator.points:
        near = point.astype(np.float32)
        inside = near + 0.4 * np.spacing(np.abs(near)) * rng.uniform(-0.5, 0.5, near.shape)
        moves.append(np.asarray(inside - point, dtype=np.float64))
    moved = any(bool(np.any(move)) for move in moves)
    return moved and float(evaluator.along(moves, [1.0])[0][0]) == base
