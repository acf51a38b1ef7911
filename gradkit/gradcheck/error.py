"""One account of error: how well claim and estimate can be known, and what follows from it.

Every verdict compares ``|claim − estimate|`` with what the two can be known to:

- a value of f is known to its *noise*, measured, and never less than one rounding of the value;
- a slope over a step h is known to ``noise / h`` plus truncation, which the ladder shows;
- a claim is known to the rounding of its own dtype, and no better than if the parameters
  had been moved by one rounding (`claim_error`): a correct gradient is the exact one at such a
  point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import EPS, LOST, Array, Floats, Seen, largest_of, magnitude, units_of

Rows: TypeAlias = NDArray[np.intp]

CLEAR = 1e-8
"""A first step is so long that noise spoils a right slope by no more than this part of itself.
Errors below it are not worth an accusation, nor the risk of a wrong one."""

FAINT = 1e-4
"""Entries that do less than this part of what others do to f take a step as if they did so
much; what is known of them to their own scale is asked by a second, longer step."""

BALANCE = 0.3
"""The part of the step at which noise and truncation of a smooth f are equal, the cube root of
noise over slope: there noise is ten times the truncation, and is known."""

FURTHEST = 0.05
"""No first step is longer than this part of the parameter's scale: f is another one there."""

GRAIN = 64
"""A step has at least so many roundings of the parameter, so that its length is known to 1 %."""

MATTERS = 1e-3
"""Entries below this part of their array's largest are not asked for 1e-5 of themselves, but for a
millionth of the largest."""

COARSE = 300
"""A noisy f excuses this multiple of the error at the best step of a central difference,
``slope · (noise / (slope · scale))^(2/3)`` (Gill, Murray & Wright, Practical Optimization, 8.6)."""

ROUNDINGS = 300
"""A claim is a sum of products: so many roundings of what is added may be in it."""

HALF = 0.03
"""But in half precision no more than this part: four roundings of bfloat16."""

MOVED = 5
"""The point may be off by so many roundings where the claim, or f, was computed."""

STRAY = 16
"""A slope that moves f by so many times its noise over a whole scale is not seen, and rounding
of a correct claim may amount to it."""

BLOWN_UP = 2e-13
"""Rounding on the way to a claim may be blown up, as by the 1/sqrt(1e-5) of a layer norm that has
nothing to normalise, to this part of what f is, or of what parameters do to it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller asked for: a tolerance, whether any slope at a kink will do, and a seed."""

    rtol: float = 0.0
    subgradient: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Claims:
    """Every entry of the claimed gradient, or claims along directions, each array (entries,).

    ``leaf`` and ``place`` say which entry it is, ``here`` is the value of the parameter, ``scale``
    a change of it that matters, ``largest`` the largest magnitude claimed in the same leaf,
    ``eps`` the unit of rounding of the claim. ``weight`` is the slope that a line is taken for: the
    magnitude of the claim, 0 where it is not finite; of a direction the root of the sum of squares
    of what is added up, since the sum itself may cancel. ``coarsest`` is a resolution with which a
    direction may be accepted, ``smallest`` the shortest step. ``room`` is the absolute tolerance
    that the caller gives each entry.
    """

    claimed: Floats
    leaf: Rows
    place: Rows
    here: Floats
    scale: Floats
    largest: Floats
    eps: Floats
    weight: Floats
    coarsest: Floats
    smallest: Floats
    room: Floats


def lay_out(
    arrays: Sequence[Array],
    points: Sequence[Array],
    scales: Floats,
    eps: Sequence[float],
    atol: Sequence[Array] | None = None,
) -> Claims:
    """Lay the claimed gradient and its absolute tolerances out flat, one row for each entry."""
    rows: list[Sequence[Array]] = [[np.zeros(0), np.arange(0), np.arange(0), *np.zeros((8, 0))]]
    rooms = [np.zeros_like(array, dtype=np.float64) for array in arrays] if atol is None else atol
    parts = zip(arrays, points, scales.tolist(), eps, rooms, strict=True)
    for leaf, (array, point, scale, rounding, room) in enumerate(parts):
        claimed = np.asarray(array, dtype=np.float64).reshape(-1)
        here = np.asarray(point, dtype=np.float64).reshape(-1)
        unit, weight = units_of(claimed, here, scale), magnitude(claimed)
        top = largest_of(claimed * unit) / unit
        number, place = np.full(claimed.size, leaf), np.arange(claimed.size)
        grain = GRAIN * np.finfo(point.dtype).eps * magnitude(here)
        known = (unit, top, np.full_like(unit, rounding), weight, np.zeros_like(unit), grain)
        own = np.asarray(room, dtype=np.float64).reshape(-1)
        rows.append((claimed, number, place, here, *known, own))
    return Claims(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def take(claims: Claims, rows: Rows | slice) -> Claims:
    """Return some rows of the claims."""
    return Claims(*(getattr(claims, field.name)[rows] for field in fields(claims)))


def shown(size: Floats, scale: Floats, reach: float) -> Floats:
    """Return the slope that a first step is made for: the claim, or a faint part of the others."""
    return np.fmax(size, FAINT * reach / scale)


def balanced_step(slope: Floats, scale: Floats, noise: float) -> Floats:
    """Return the step beyond which truncation would overtake noise, or f be another one."""
    return scale * np.fmin(BALANCE * np.cbrt(noise / (slope * scale)), FURTHEST)


def first_step(slope: Floats, scale: Floats, noise: float, coarsest: Floats) -> Floats:
    """Return the step over which a slope shows clearly above the noise.

    The shortest that does, so that truncation, kinks and poles are as far away as can be; and no
    longer than where truncation would overtake the noise. Along a direction a part of the
    coarsest resolution has to show: many entries together bend more.
    """
    clear = np.fmax(CLEAR * slope, coarsest / 30)
    return np.fmin(noise / clear, balanced_step(slope, scale, noise))


def claim_error(claims: Claims, rows: Rows, moved: Floats, seen: Seen) -> Floats:
    """Return how far correct claims may be from the slopes.

    Three parts. Rounding of what was added to the claim: of terms of its own size, and of its
    array's largest where the claim is narrower than float64. Rounding of the point: moving every
    x_j by a rounding moves the slope by ``eps Σ |H_ij| |x_j|``, which for a convex f is at most
    ``eps √H_ii Σ √H_jj |x_j|`` (Cauchy and Schwarz). And what is too small to move f at all.

    Parameters
    ----------
    claims : Claims
    rows : int array
        The entries.
    moved : float64 array
        ``√|H_ii| Σ √|H_jj| |x_j|`` of each, seen as second differences of f.
    seen : Seen
    """
    eps, size = claims.eps[rows], claims.weight[rows]
    added = size + np.where(eps > EPS, claims.largest[rows], 0.0)
    own = np.fmin(ROUNDINGS * eps, HALF) * added
    return np.asarray(own + MOVED * eps * moved + unmoved(seen) / claims.scale[rows])


def unmoved(seen: Seen) -> float:
    """Return what a slope over a whole scale may do to f and be rounding."""
    return max(STRAY * seen.fine, BLOWN_UP * seen.whole)


def is_precise(seen: Seen) -> bool:
    """Return whether noise is no more than some roundings of all that f is."""
    return seen.noise <= LOST * EPS * max(abs(seen.base), seen.reach)


def allowed(claims: Claims, seen: Seen, rows: Rows, unknown: Floats) -> Floats:
    """Return the coarsest resolution with which the claims of some entries may be accepted.

    With a precise f a hundred-thousandth of the entry, or a millionth of the array's largest for
    entries that are small beside it, or the part of itself that the best step shows of the entry
    that does most to f; however small the array is beside others. With a noisy f, along a
    direction, and of an array that is nothing but rounding, what the best step can show, but no
    more than a tenth of the entry, or 3 % of the largest, or 6e-4 of it where nothing is claimed,
    so that structural errors are seen: a sign, a factor, an entry left out.

    Parameters
    ----------
    claims : Claims
    seen : Seen
    rows : int array
        The entries.
    unknown : float64 array
        What rounding lets nobody know of each.
    """
    size, largest, scale = claims.weight[rows], claims.largest[rows], claims.scale[rows]
    coarsest, still = claims.coarsest[rows], unmoved(seen) / scale
    fine = np.where(size >= 0.7 * MATTERS * largest, 0.9e-5 * size, 1e-6 * largest)
    structural = np.fmax(0.1 * size, np.where(size > 0, 3e-2, 6e-4) * largest)
    others = COARSE * np.cbrt(seen.noise / np.float64(seen.reach)) ** 2 * size
    sharp = np.fmax(fine, np.fmin(np.fmax(4 * (unknown - still), others), structural)) - still
    slope = shown(size, scale, seen.reach)
    best = COARSE * slope * np.cbrt(seen.noise / (slope * scale)) ** 2
    rounding = largest <= 5 * unknown
    hidden = rounding & (largest > 0) & (claims.eps[rows] < 1e-6)
    null = np.where(largest * scale <= 1e-6 * seen.reach, 3e-5, 0.0)
    wide = np.fmax(structural, np.where(hidden, 1e-2, null) * seen.reach / scale)
    rough = np.fmax(np.fmax(coarsest, fine), 1e-9 * seen.reach / scale)
    rough = np.fmax(rough, np.nan_to_num(np.fmin(best + 4 * unknown, wide)))
    own = is_precise(seen) & ~rounding & (coarsest == 0)
    return np.asarray(np.where(own, sharp, rough))
