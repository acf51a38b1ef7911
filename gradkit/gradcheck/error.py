"""Compute how precisely claims and estimates can be known.

Every verdict compares ``|claim − estimate|`` with these errors:

- a value of f has the measured *noise*, at least one rounding of the value;
- a slope over a step h has the error ``noise / h`` plus truncation, which the ladder shows;
- a claim has the rounding of its dtype, and that of the parameters (`claim_error`): a correct
  gradient is exact at a point that differs by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.constants import (
    BALANCE,
    CLEAR,
    EPS,
    FAINT,
    FEW,
    HALF,
    HUNDREDTH,
    MARGIN,
    MOVED,
    RATIO,
    SLIGHT,
    SMALL,
    SPREAD,
)
from gradkit.gradcheck.noise import Array, Floats, Measurements, entry_scales, largest_of, magnitude

Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the caller: relative tolerance, whether any slope at a kink counts, and a seed."""

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


def leaf_claims(
    arrays: Sequence[Array],
    points: Sequence[Array],
    scales: Floats,
    eps: Sequence[float],
    atol: Sequence[Array] | None = None,
) -> list[Claims]:
    """Return the claimed gradient and its absolute tolerances, one `Claims` for each leaf.

    ``arrays``, ``points``, ``scales`` and ``eps`` have an item for each leaf. What is the same for
    all entries of a leaf is stored once, because a leaf may have ten million entries.
    """
    rooms = [np.zeros(1)] * len(arrays) if atol is None else atol
    found = []
    parts = zip(arrays, points, scales.tolist(), eps, rooms, strict=True)
    for leaf, (array, point, scale, rounding, room) in enumerate(parts):
        claimed = np.asarray(array, dtype=np.float64).reshape(-1)
        here = np.asarray(point, dtype=np.float64).reshape(-1)
        unit = entry_scales(claimed, here, scale)
        top = np.asarray(largest_of(claimed * unit) / unit)
        grain = np.finfo(point.dtype).eps * magnitude(here) / HUNDREDTH
        columns: list[Any] = [
            leaf,
            np.arange(claimed.size, dtype=np.int32),
            here,
            unit,
            top,
            rounding,
        ]
        columns += [magnitude(claimed), 0.0, grain, np.reshape(room, -1)]
        shape = claimed.shape
        whole = (one if np.shape(one) == shape else np.broadcast_to(one, shape) for one in columns)
        found.append(Claims(claimed, *whole))
    return found


def join_claims(parts: Sequence[Claims]) -> Claims:
    """Return the claims of several leaves as one."""
    blank = Claims(np.zeros(0), np.arange(0), np.arange(0), *np.zeros((8, 0)))
    columns = [
        np.concatenate([getattr(one, field.name) for one in (blank, *parts)])
        for field in fields(blank)
    ]
    return Claims(*columns)


def select_claims(claims: Claims, rows: Rows) -> Claims:
    """Return some rows of the claims."""
    return Claims(*(getattr(claims, field.name)[rows] for field in fields(claims)))


def visible_slope(size: Floats, scale: Floats, reach: float) -> Floats:
    """Return the slope for which a first step is chosen: the claim, or part of the others."""
    return np.fmax(size, FAINT * reach / scale)


def balanced_step(slope: Floats, scale: Floats, noise: float) -> Floats:
    """Return the step at which truncation becomes as large as noise, or the longest first step."""
    return scale * np.fmin(BALANCE * np.cbrt(noise / (slope * scale)), 1 / RATIO**2)


def first_step(slope: Floats, scale: Floats, noise: float, coarsest: Floats) -> Floats:
    """Return the shortest step over which a slope is clearly larger than the noise.

    A short step avoids truncation, kinks and poles. It is never longer than `balanced_step`. Along
    a direction, where many entries add curvature, part of the coarsest resolution is enough.
    """
    clear = np.fmax(CLEAR * slope, coarsest / 30)
    return np.fmin(noise / clear, balanced_step(slope, scale, noise))


def claim_error(claims: Claims, rows: Rows, moved: Floats, seen: Measurements) -> Floats:
    """Return how far correct claims may differ from the slopes of f.

    The error has three parts: rounding of the terms of a claim, which are of its own size, or of
    its array's largest if the claim is narrower than float64; rounding of the point, as moving
    every x_j by a rounding changes the slope by ``eps Σ |H_ij| |x_j|``, for a convex f at most
    ``eps √H_ii Σ √H_jj |x_j|`` (Cauchy and Schwarz); and slopes that are too small to change f.

    Parameters
    ----------
    claims : Claims
    rows : int array
        The entries.
    moved : float64 array
        ``√|H_ii| Σ √|H_jj| |x_j|`` of each, seen as second differences of f.
    seen : Measurements
    """
    eps, size = claims.eps[rows], claims.weight[rows]
    added = size + np.where(eps > EPS, claims.largest[rows], 0.0)
    own = np.fmin(MARGIN * eps, HALF) * added
    return np.asarray(own + MOVED * eps * moved + undetectable_change(seen) / claims.scale[rows])


def undetectable_change(seen: Measurements) -> float:
    """Return the largest change of f, over a whole scale, that may be rounding."""
    return max(FEW * seen.fine, SPREAD * MARGIN * EPS * seen.whole)


def is_precise(seen: Measurements) -> bool:
    """Return whether the noise of f is only a few roundings of its size."""
    return seen.noise <= 2 * FEW * EPS * max(abs(seen.base), seen.reach)


def allowed_resolution(claims: Claims, seen: Measurements, rows: Rows, unknown: Floats) -> Floats:
    """Return the coarsest resolution with which the claims of some rows may be accepted.

    With a precise f this is 1e-5 of the entry, or a millionth of the array's largest for entries
    that are small beside it, or the resolution of the best step. With a noisy f, along a direction,
    and for an array of mere rounding, it is the resolution of the best step, at most a tenth of the
    entry, 3 % of the largest, or 6e-4 of it where the claim is zero, so that structural errors are
    detected: a sign, a factor, a missing entry.

    Parameters
    ----------
    claims : Claims
    seen : Measurements
    rows : int array
        The entries.
    unknown : float64 array
        Error of each entry because of rounding.
    """
    size, largest, scale = claims.weight[rows], claims.largest[rows], claims.scale[rows]
    coarsest, still = claims.coarsest[rows], undetectable_change(seen) / scale
    fine = np.where(size >= 0.7 * SMALL * largest, 0.9 * SLIGHT * size, SMALL**2 * largest)
    structural = np.fmax(0.1 * size, np.where(size > 0, 3e-2, 6e-4) * largest)
    others = MARGIN * np.cbrt(seen.noise / np.float64(seen.reach)) ** 2 * size
    sharp = np.fmax(fine, np.fmin(np.fmax(4 * (unknown - still), others), structural)) - still
    slope = visible_slope(size, scale, seen.reach)
    best = MARGIN * slope * np.cbrt(seen.noise / (slope * scale)) ** 2
    rounding = largest <= 5 * unknown
    hidden = rounding & (largest > 0) & (claims.eps[rows] < 1e-6)
    null = np.where(largest * scale <= 1e-6 * seen.reach, 3e-5, 0.0)
    wide = np.fmax(structural, np.where(hidden, 1e-2, null) * seen.reach / scale)
    # Where f does not move and nothing is claimed, the value of f is the only scale.
    rough = np.fmax(np.fmax(coarsest, fine), 1e-9 * (seen.reach or abs(seen.base)) / scale)
    rough = np.fmax(rough, np.nan_to_num(np.fmin(best + 4 * unknown, wide)))
    own = is_precise(seen) & ~rounding & (coarsest == 0)
    return np.asarray(np.where(own, sharp, rough))
