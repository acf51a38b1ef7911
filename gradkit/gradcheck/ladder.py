"""From function values on a ladder of steps to a derivative with an honest bound.

All arrays are (entries, steps), the steps ascending along the last axis, by a factor of
about 4. A step where f was not finite holds NaN and takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.noise import FLOAT64, Floats

RATIO = 4.0
SAFETY = 1.5
"""Factor on every bound."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Values of f around one point, along one line for each entry.

    ``base`` (entries,) holds f at the point, ``above`` and ``below`` (entries, steps) hold f
    at ``+ahead`` and at ``-behind``; these two are the distances really moved, which
    differ from each other by rounding. ``sigma`` (entries,) is the size of the noise of f.
    """

    base: Floats
    above: Floats
    below: Floats
    ahead: Floats
    behind: Floats
    sigma: Floats


@dataclass(frozen=True, slots=True)
class Slopes:
    """What each step of a ladder says by itself.

    ``central`` is exact for parabolas, ``right`` and ``left`` are the one-sided slopes,
    ``noise`` is the error that the roughness of f can cause in ``central``.
    """

    step: Floats
    central: Floats
    right: Floats
    left: Floats
    noise: Floats


@dataclass(frozen=True, slots=True)
class Derived:
    """The outcome of a ladder, each array of shape (entries,).

    ``bound`` is the sum of ``noise``, ``truncation`` and ``kink``, with a factor for safety; it
    is infinite where no step was usable. ``left`` and ``right`` are the one-sided slopes, within
    ``side_bound``. ``step`` is the index of the step the estimate rests
    on, ``sigma`` the noise of f as this ladder shows it, ``stairs`` says that small steps left
    f unchanged where the estimate says it should have moved.
    """

    estimate: Floats
    bound: Floats
    noise: Floats
    truncation: Floats
    kink: Floats
    left: Floats
    right: Floats
    side_bound: Floats
    step: NDArray[np.intp]
    sigma: Floats
    stairs: NDArray[np.bool_]


def slopes(ladder: Ladder) -> Slopes:
    """Return the slopes at each step.

    The central slope for unequal distances a (ahead) and b (behind) is the derivative of
    the parabola through three points, ``(s₊ b + s₋ a)/(a + b)`` with one-sided slopes s.
    """
    base = ladder.base[:, None]
    right = (ladder.above - base) / ladder.ahead
    left = (base - ladder.below) / ladder.behind
    span = ladder.ahead + ladder.behind
    central = (right * ladder.behind + left * ladder.ahead) / span
    local = FLOAT64 * np.maximum(np.abs(ladder.above), np.abs(ladder.below))
    noise = 2 * np.maximum(ladder.sigma[:, None], local) / span
    return Slopes(span / 2, central, right, left, noise)


def local_noise(slope: Slopes) -> Floats:
    """Return the noise of f, (entries,), that the three smallest steps of a ladder show.

    There the derivative cannot have changed, so the difference between neighbouring
    central slopes is noise over step. A kink that comes within reach changes the central
    slope by exactly half of what it changes the difference of the one-sided slopes; such a
    change is no noise.
    """
    step = slope.step[:, :2]
    change = np.abs(np.diff(slope.central[:, :3], axis=1))
    jump = np.abs(np.diff((slope.right - slope.left)[:, :3], axis=1)) / 2
    if change.shape[1] == 0:
        return np.zeros(len(slope.step))
    kinked = (np.abs(change - jump) < 0.02 * change) & (change > 10 * slope.noise[:, :2])
    size = np.where(kinked | ~np.isfinite(change), 0.0, change * step)
    return np.asarray(1.5 * np.max(size, axis=1))


def jumps(slope: Slopes) -> tuple[Floats, Floats]:
    """Return the jump between the two slopes at each step that no curvature explains.

    And the part of it that noise can cause; both (entries, steps), NaN at the last step.

    The difference of the one-sided slopes is ``Δ + a h + b h³ + …``. Two steps remove a, a
    third removes b; the smaller of the two answers is taken, because a kink further out
    may have reached only the third.
    """
    ratio = slope.step[:, 1:] / slope.step[:, :-1]
    jump = slope.right - slope.left
    first = (ratio * jump[:, :-1] - jump[:, 1:]) / (ratio - 1)
    noise = 4 * (ratio * slope.noise[:, :-1] + slope.noise[:, 1:]) / (ratio - 1)
    cube = ratio[:, :-1] ** 3
    second = (cube * first[:, :-1] - first[:, 1:]) / (cube - 1)
    size = np.full_like(slope.central, np.nan)
    size[:, :-1] = np.abs(first)
    size[:, :-2] = np.fmin(size[:, :-2], np.abs(second))
    return size, _pad(noise, size.shape[1])


def _pad(values: Floats, steps: int) -> Floats:
    """Fill up with NaN to the number of steps."""
    padded = np.full((values.shape[0], steps), np.nan)
    padded[:, : values.shape[1]] = values
    return padded


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
        estimates.append(_pad(values, steps))
        truncations.append(_pad(size / divisor, steps))
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


def _choose(slope: Slopes, safety: float) -> tuple[Floats, ...]:
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


def derive(ladder: Ladder, safety: float = SAFETY, furthest: float = np.inf) -> Derived:
    """Estimate the derivative along each line.

    Parameters
    ----------
    ladder : Ladder
        At least four steps; the smallest should be dominated by noise, so that the
        roughness of f shows.
    safety : float
        Factor on the bound.
    furthest : float
        The longest step by which a one-sided slope is followed away from a kink. Beyond the
        scale of a parameter f may be flat again.

    Returns
    -------
    Derived
    """
    with np.errstate(all="ignore"):
        sigma = np.maximum(ladder.sigma, local_noise(slopes(ladder)))
        slope = _with_noise(slopes(ladder), sigma)
        estimate, bound, *_ = chosen = _choose(slope, safety)

        # On a staircase the small steps see no change at all. The estimate then says how
        # much was missed, and that is the size of the stairs.
        flat = (ladder.above == ladder.base[:, None]) & (ladder.below == ladder.base[:, None])
        missed = np.where(flat, np.abs(estimate)[:, None] * slope.step, 0.0)
        stairs = np.max(np.nan_to_num(missed), axis=1)
        rough = stairs > 3 * sigma
        if np.any(rough):
            sigma = np.where(rough, stairs, sigma)
            slope = _with_noise(slope, sigma)
            estimate, bound, *_ = chosen = _choose(slope, safety)

        noise, truncation, kink, position = chosen[2:]
        step = position.astype(np.intp)
        left = _side(slope, slope.left, safety, furthest)
        right = _side(slope, slope.right, safety, furthest)
        estimate, bound = near_side(left, right, estimate, bound)
    return Derived(
        estimate=np.where(np.isfinite(bound), estimate, np.nan),
        bound=bound,
        noise=noise,
        truncation=truncation,
        kink=kink,
        left=left.value,
        right=right.value,
        side_bound=np.maximum(left.bound, right.bound),
        step=step,
        sigma=sigma,
        stairs=rough,
    )


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


def _side(slope: Slopes, values: Floats, safety: float, furthest: float) -> Side:
    """Extrapolate one-sided slopes to a parabola's derivative, and keep the best.

    A step counts only where no smaller step contradicts it, so a kink further out does no harm,
    nor the flat that may lie beyond a cliff. As in `_choose`, a smaller step is excused by the
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


def _with_noise(slope: Slopes, sigma: Floats) -> Slopes:
    """Return the slopes with the noise raised to that of ``sigma``."""
    noise = np.maximum(slope.noise, sigma[:, None] / slope.step)
    return Slopes(slope.step, slope.central, slope.right, slope.left, noise)
