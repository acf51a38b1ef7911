"""The slopes on either side of the point, each followed away from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.slopes import Slopes


@dataclass(frozen=True, slots=True)
class Side:
    """The slope on one side, followed over all steps.

    ``value`` and ``bound`` are the best, at the step ``at``; ``values`` and ``rooms`` are what each
    step says, and its error.
    """

    value: Floats
    bound: Floats
    at: NDArray[np.intp]
    values: Floats
    rooms: Floats


def one_side(slope: Slopes, values: Floats, safety: float, furthest: float) -> Side:
    """Extrapolate one-sided slopes to a parabola's derivative, and keep the best.

    A step counts only where no smaller step contradicts it, so a kink further out does no harm,
    nor the flat that may lie beyond a cliff. As in `choose`, a smaller step is excused by the
    truncation of a smooth f, and by its noise.
    """
    ratio = slope.step[:, 1:] / slope.step[:, :-1]
    for order in (1, 2):
        power = ratio[:, : values.shape[1] - 1] ** order
        values = (power * values[:, :-1] - values[:, 1:]) / (power - 1)
    change = np.abs(values[:, :-1] - values[:, 1:])
    width = change.shape[1]
    blur = 3.5 * slope.noise[:, :width]
    room = safety * (change / (ratio[:, :width] - 1) + blur)
    own = safety * (change * (2 / 15) + blur)
    values = values[:, :width]
    room = np.where(np.isfinite(room) & np.isfinite(values), room, np.inf)
    gap = np.abs(values[:, :, None] - values[:, None, :])
    earlier = np.arange(width)[None, :] < np.arange(width)[:, None]
    strayed = np.any((gap > room[:, :, None] + own[:, None, :]) & earlier, axis=2)
    far = slope.step[:, 2 : width + 2] > furthest
    bounds = np.where(strayed | far, np.inf, room)
    rows, best = np.arange(len(values)), np.argmin(bounds, axis=1)
    return Side(values[rows, best], bounds[rows, best], best, values, room)


def near_side(left: Side, right: Side, estimate: Floats, bound: Floats) -> tuple[Floats, Floats]:
    """Sharpen estimates beside a kink by the slope on the side where the point lies.

    Steps shorter than the way to the kink are noisy, but good enough to tell which of the two
    one-sided slopes is the derivative. That slope can be followed away from the kink over
    longer steps, as far as which the kink must have shown: the estimate so far has to lie
    within an eighth of the jump.
    """
    jump = np.abs(left.values - right.values) - left.rooms - right.rooms
    steps = np.arange(jump.shape[1])
    for here in (left, right):
        shown = np.where(steps <= here.at[:, None], jump, 0.0)
        sure = bound <= np.nanmax(shown, axis=1, initial=0.0) / 8
        near = np.abs(here.value - estimate) <= bound + here.bound
        better = sure & near & (here.bound < bound)
        estimate = np.where(better, here.value, estimate)
        bound = np.where(better, here.bound, bound)
    return estimate, bound
