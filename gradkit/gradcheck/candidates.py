"""The estimates that a ladder offers, and which of them to believe."""

from __future__ import annotations

import numpy as np

from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.slopes import Slopes, jumps, padded

SAFETY = 1.5
"""Factor on every bound."""


def _orders(slope: Slopes) -> tuple[Floats, Floats]:
    """Return Richardson estimates of three orders and their truncation, (orders, entries, steps).

    With ratio r, ``D`` has error c h², ``R = D + (D(h) - D(rh))/(r² - 1)`` has c h⁴, and so on.
    Where the changes from step to step grow by r² or more the truncation is taken to be the
    change over r², which leaves room for an order not fully reached; where they grow more
    slowly, as at a jump of f'', it is taken to be of first order: the change over r - 1.
    """
    steps = slope.step.shape[1]
    ratio = slope.step[:, 1:] / slope.step[:, :-1]
    square = ratio**2
    values = slope.central
    estimates, truncations = [], []
    for order in range(3):
        change = values[:, :-1] - values[:, 1:]
        if change.shape[1] == 0:
            break
        width = change.shape[1]
        size = np.abs(change)
        quick = np.zeros(size.shape, dtype=bool)
        quick[:, :-1] = size[:, 1:] >= square[:, : width - 1] / 2 * size[:, :-1]
        divisor = np.where(quick, square[:, :width] / 2, ratio[:, :width] - 1)
        estimates.append(padded(values, steps))
        truncations.append(padded(size / divisor, steps))
        values = values[:, :-1] + change / (square[:, :width] ** (order + 1) - 1)
    return np.array(estimates), np.array(truncations)


def candidates(
    slope: Slopes, safety: float = SAFETY, *, alone: bool = False
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return every estimate that a ladder offers: estimates, bounds, truncations, kinks.

    The first three are (orders, entries, steps), the kinks (entries, steps). A bound is the
    sum of truncation, noise and half a kink, times the safety factor. A kink that smaller steps
    have seen counts, unless each step is to speak for itself ``alone``.
    """
    estimates, truncations = _orders(slope)
    jump, blur = jumps(slope)
    kinks = np.where(jump > blur, jump, 0.0) / 2
    if not alone:
        lasting = _lasting(np.where(jump > 2 * blur, kinks, 0.0))
        hidden = _hidden(kinks, lasting, (jump + blur) / 2)
        kinks = np.maximum(kinks, np.maximum(hidden, lasting))
    kinks[np.isnan(jump)] = np.nan
    bounds = safety * (truncations + 1.1 * slope.noise + kinks)
    bounds[~np.isfinite(bounds) | ~np.isfinite(estimates)] = np.inf
    return estimates, bounds, truncations, kinks


def _lasting(kinks: Floats) -> Floats:
    """Return for each step the largest kink that smaller steps agree on.

    Once within reach a kink stays there, whatever longer steps see: theirs may be hidden by
    others on the far side. Noise that looks like a kink shrinks fourfold by the next step, and
    curvature of high order grows by more than that.
    """
    lasting = np.zeros_like(kinks)
    stays = (kinks[:, 1:] > 0.5 * kinks[:, :-1]) & (kinks[:, 1:] < 2 * kinks[:, :-1])
    lasting[:, 1:] = np.where(stays, np.minimum(kinks[:, :-1], kinks[:, 1:]), 0.0)
    return np.asarray(np.maximum.accumulate(np.nan_to_num(lasting), axis=1))


def _hidden(kinks: Floats, lasting: Floats, room: Floats) -> Floats:
    """Return for each step the kink that noise may hide there and the next two steps show.

    Where the kink lies between two steps the smaller is free of it; but where the noise leaves
    room for it on the smaller one, it may lie at the point itself.
    """
    shown = np.zeros_like(kinks)
    for ahead in (1, 2):
        shown[:, :-ahead] = np.maximum(shown[:, :-ahead], np.nan_to_num(lasting[:, ahead:]))
    return np.asarray(np.minimum(shown, np.nan_to_num(room)))


def choose(slope: Slopes, safety: float) -> tuple[Floats, ...]:
    """Pick for each entry the estimate with the least bound that no smaller step contradicts."""
    estimates, bounds, truncations, kinks = candidates(slope, safety)

    # A smaller step speaks through its plain central slope, the least clever of the three. Its
    # truncation is taken as that of a smooth f: more would excuse what is to be found out.
    gap = np.abs(estimates[:, :, :, None] - slope.central[None, :, None, :])
    change = np.abs(np.diff(slope.central, axis=1, append=np.nan)) * (2 / 15)
    own = safety * (np.nan_to_num(change) + 1.1 * slope.noise + np.nan_to_num(kinks))
    room = bounds[:, :, :, None] + own[None, :, None, :]
    steps = slope.step.shape[1]
    smaller = np.arange(steps)[None, :] < np.arange(steps)[:, None]
    contradicted = np.any((gap > room) & smaller, axis=3)
    usable = np.where(contradicted, np.inf, bounds)

    orders = len(estimates)
    flat = np.moveaxis(usable, 0, 2).reshape(len(slope.step), -1)
    best = np.argmin(flat, axis=1)
    rows = np.arange(len(best))
    step, order = best // orders, best % orders
    return (
        estimates[order, rows, step],
        usable[order, rows, step],
        slope.noise[rows, step],
        truncations[order, rows, step],
        kinks[rows, step],
        step.astype(np.float64),
    )
