"""What each step of a ladder says of a derivative, and of f's noise and kinks.

All arrays are (entries, steps), the steps ascending along the last axis, by a factor of
about 4. A step where f was not finite holds NaN and takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.noise import FLOAT64, Floats

RATIO = 4.0


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


def with_noise(slope: Slopes, sigma: Floats) -> Slopes:
    """Return the slopes with the noise raised to that of ``sigma``."""
    noise = np.maximum(slope.noise, sigma[:, None] / slope.step)
    return Slopes(slope.step, slope.central, slope.right, slope.left, noise)


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
    return size, padded(noise, size.shape[1])


def padded(values: Floats, steps: int) -> Floats:
    """Fill up with NaN to the number of steps."""
    padded = np.full((values.shape[0], steps), np.nan)
    padded[:, : values.shape[1]] = values
    return padded
