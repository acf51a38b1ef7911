"""The claimed gradient laid out flat, with what belongs to each entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.allowance import allowance
from gradkit.gradcheck.judge import claim_error
from gradkit.gradcheck.noise import Floats, is_float32
from gradkit.gradcheck.structure import Array

NULL = 1e-13
"""A leaf whose gradient moves f by less than this part of what others do counts as zero."""

MIXED = 1e3
"""The entries of a leaf have units of their own if the largest claim times the largest entry is
so many times what any entry does to f by itself."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Every entry of the claimed gradient, each array (entries,).

    ``leaf`` and ``place`` say which entry it is, ``here`` is the value of the parameter,
    ``scale`` the size of a change that matters, ``largest`` the largest magnitude claimed in the
    same leaf, or in a leaf of mixed units the claim that would do as much to f in the unit of the
    entry; ``steepest`` is the largest magnitude claimed in the same leaf in any case, ``error`` the
    rounding a correct claim may carry.
    """

    claimed: Floats
    leaf: NDArray[np.intp]
    place: NDArray[np.intp]
    here: Floats
    largest: Floats
    steepest: Floats
    scale: Floats
    error: Floats


def largest_of(arrays: Sequence[Array]) -> Floats:
    """Return the largest finite magnitude in each array, 0 where there is none."""
    found = []
    for array in arrays:
        size = np.abs(array)
        top = float(size.max(initial=0.0))
        if not np.isfinite(top):
            top = float(np.max(size, initial=0.0, where=np.isfinite(size)))
        found.append(top)
    return np.array(found)


def is_narrow(arrays: Sequence[Array]) -> bool:
    """Whether a claimed gradient is in truth float32."""
    if any(array.dtype.kind == "f" and array.dtype.itemsize < 8 for array in arrays):
        return True
    filled = [array.reshape(-1) for array in arrays if array.size]
    return bool(filled) and is_float32(np.concatenate(filled).astype(np.float64, copy=False))


def effect(gradient: Array, point: Array) -> float:
    """Return how much f changes, by the claim, when the entries of one leaf change by themselves.

    The largest claim times the largest entry; where that is far more than any single entry
    does by itself the units are mixed, and the entry that does most counts. 0 at a zero.
    """
    slope, size = _sizes(gradient), _sizes(point)
    with np.errstate(all="ignore"):
        alone = float(np.max(slope * size, initial=0.0))
        most = float(np.max(slope, initial=0.0)) * float(np.max(size, initial=0.0))
    return alone if most > MIXED * alone > 0 else most


def _sizes(array: Array) -> Floats:
    """Return the magnitudes, 0 where they are not finite."""
    size = np.abs(np.asarray(array, dtype=np.float64).reshape(-1))
    return np.where(np.isfinite(size), size, 0.0)


def units(gradient: Array, point: Array, largest: float, scale: float) -> tuple[Floats, Floats]:
    """Return scale and largest claim for each entry of one leaf, which may have mixed units."""
    size = _sizes(point)
    done = effect(gradient, point)
    if not largest * scale > MIXED * done > 0:
        return np.full(size.shape, scale), np.full(size.shape, largest)
    with np.errstate(all="ignore"):
        scales = np.where(size > 0, size, np.minimum(done / _sizes(gradient), scale))
    return scales, done / scales


def lay_out(
    arrays: Sequence[Array],
    points: Sequence[Array],
    largest: Floats,
    scales: Floats,
    narrow: bool,
) -> Claims:
    """Lay the claimed gradient out flat."""
    sizes = [array.size for array in arrays]
    claimed = _flat(arrays)
    found = [
        units(array, point, top, scale)
        for array, point, top, scale in zip(
            arrays, points, largest.tolist(), scales.tolist(), strict=True
        )
    ]
    tops = np.concatenate([top for _, top in found] or [np.zeros(0)])
    return Claims(
        claimed=claimed,
        leaf=np.repeat(np.arange(len(sizes)), sizes),
        place=np.concatenate([np.arange(size) for size in sizes] or [np.arange(0)]),
        here=_flat(points),
        largest=tops,
        steepest=np.repeat(largest, sizes),
        scale=np.concatenate([scale for scale, _ in found] or [np.zeros(0)]),
        error=claim_error(np.where(np.isfinite(claimed), claimed, 0.0), tops, narrow),
    )


def _flat(arrays: Sequence[Array]) -> Floats:
    parts = [np.asarray(array, dtype=np.float64).reshape(-1) for array in arrays]
    return np.concatenate(parts or [np.zeros(0)])


def allowed(claims: Claims, reach: float, noisy: bool, excuse: float = np.inf) -> Floats:
    """Return the largest absolute error that may go unseen in each entry.

    See `allowance`. Where a whole leaf is claimed to be as good as zero there is nothing to
    compare with but the other leaves: there a millionth of what they do to f may go unseen,
    or a thousandth with a noisy f.

    Parameters
    ----------
    claims : Claims
    reach : float
        A change of f that is large.
    noisy : bool
        Whether f is float32, or noisy by itself.
    excuse : float
        The change of f that its noise excuses; unlimited for float32.
    """
    size = np.abs(np.where(np.isfinite(claims.claimed), claims.claimed, 0.0))
    limit = np.minimum(
        allowance(size, claims.largest, np.asarray(noisy), excuse / claims.scale),
        allowance(size, claims.steepest, np.asarray(noisy), excuse / claims.scale),
    )
    with np.errstate(all="ignore"):
        share = reach / claims.scale
    null = claims.largest <= NULL * share
    return np.where(null, np.maximum(limit, (1e-3 if noisy else 1e-6) * share), limit)
