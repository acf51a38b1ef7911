"""How well a derivative must be known before a claim about it may be accepted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import Floats

ROUGH = 1e-11
"""Noise of f, relative to the change of f when a parameter changes by its own size, above
which single small errors may be out of reach."""

MATTERS = 7e-4
"""Entries below this part of the largest one are held to the largest one's scale."""


EXCUSED = 2000
"""A noisy f excuses errors up to this multiple of its noise over the scale of a parameter. The
noise divided by a step of a twentieth of the scale is 20; the rest is room for truncation."""


def allowance(
    size: Floats, largest: Floats, noisy: NDArray[np.bool_], excuse: Floats | float = np.inf
) -> Floats:
    """Return the absolute error that may go unseen in entries of this size.

    With a precise f: a hundred-thousandth of the entry, or a millionth of the largest entry
    for entries that are small beside it. With a noisy f: a tenth of the entry, or 6e-4 of
    the largest, which still shows an entry set to zero that was a thousandth of it; but
    no more than the noise of f excuses.

    Parameters
    ----------
    size, largest : float64 array
        Magnitude of each entry, and of the largest entry of the same parameter.
    noisy : bool array
        Whether f is float32, or noisy by itself.
    excuse : float64 array
        The error that the noise of f excuses.
    """
    precise = np.where(size >= MATTERS * largest, 9e-6 * size, 1e-6 * largest)
    coarse = np.minimum(np.maximum(0.1 * size, 6e-4 * largest), excuse)
    return np.asarray(np.where(noisy, np.maximum(coarse, precise), precise))


def reasons(
    bound: Floats,
    noise: Floats,
    truncation: Floats,
    kink: Floats,
    stairs: NDArray[np.bool_],
    steady: NDArray[np.bool_],
) -> NDArray[np.str_]:
    """Name the largest part of each bound (see `gradkit.gradcheck.records.Reason`)."""
    kinked = (kink > noise) & (kink > truncation)
    return np.select(
        [~np.isfinite(bound), kinked, truncation > noise, stairs, ~steady],
        ["non-finite", "kink", "curvature", "staircase", "not deterministic"],
        "noise",
    )
