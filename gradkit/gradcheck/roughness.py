"""How rough f is along a line: values on a table of points, and what they scatter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradkit.gradcheck.claims import largest_of
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import FLOAT64, POINTS, Floats, table_noise
from gradkit.gradcheck.structure import Array

FEW = 6
"""Points of a table."""

CLOSEST = 16 * FLOAT64
"""Points that are so near to each other, in parts of the parameters, are hardly two."""

LOST = 30
"""Noise of so many roundings of the value means that precision was lost on the way to it."""


def size_of(array: Array) -> float:
    """Return the largest finite magnitude."""
    return float(largest_of([array])[0])


def every_move(
    origins: Sequence[Array], scales: Floats, rng: np.random.Generator
) -> list[Array | None]:
    """Draw a direction that moves every entry by about its own size."""
    draw = rng.uniform(-1.0, 1.0, sum(origin.size for origin in origins))
    draw += np.copysign(0.5, draw)
    moves: list[Array | None] = []
    start = 0
    for origin, scale in zip(origins, scales.tolist(), strict=True):
        part = draw[start : start + origin.size].reshape(origin.shape)
        start += origin.size
        if not origin.size:
            moves.append(None)
        else:
            moves.append(part * np.abs(origin) if origin.any() else part * scale)
    return moves


def table(
    evaluator: Evaluator,
    line: Sequence[Array | None],
    spacing: float,
    base: float,
    points: int = FEW,
) -> Floats:
    """Evaluate f at uneven points along a line, the first of them the point itself.

    The steps are whole multiples of a power of two, so that the points lie where they should
    after rounding too: where f is steep, that would be taken for noise of f. In float32 it is one
    power for all entries of a parameter.
    """
    moves: list[Array | None] = []
    for position, direction in enumerate(line):
        if direction is None:
            moves.append(None)
            continue
        origin = evaluator.origin(position)
        size = np.asarray(size_of(origin) or 1.0)
        if origin.dtype.itemsize >= 8:
            size = np.where(origin == 0, size, np.abs(origin))
        unit = 2.0 ** np.ceil(np.log2(4 * np.finfo(origin.dtype).eps * size))
        whole = np.rint(spacing * direction / unit)
        moves.append(unit * np.where(whole == 0, np.sign(direction), whole))
    values = evaluator.along(moves, np.array(POINTS[1:points], dtype=np.float64))
    return np.concatenate(([base], values))


def scatter(values: Floats, spacing: float) -> float:
    """Return three standard deviations of the noise in a table."""
    return 3 * float(table_noise(values, degree=3 if spacing < 1e-7 else 4))


def is_white(evaluator: Evaluator, line: Sequence[Array | None], base: float, sigma: float) -> bool:
    """Whether points a few roundings apart show the noise too.

    Noise put on top of a value does. What rounding on the way to a value has done to it, as in
    log(1 - a) for a near 1, is a staircase: flat over the width of a step, which is at least the
    noise over the slope.
    """
    if not sigma > LOST * FLOAT64 * abs(base):
        return False
    return scatter(table(evaluator, line, CLOSEST, base), CLOSEST) > sigma / 4


def is_deaf(evaluator: Evaluator, base: float, rng: np.random.Generator) -> bool:
    """Whether all points that are one in float32 are one to f: it casts its argument.

    Its result may be wider, so that its bits do not tell.
    """
    moves: list[Array | None] = []
    moved = False
    for leaf in range(len(evaluator.leaves)):
        origin = evaluator.origin(leaf)
        near = origin.astype(np.float32)
        inside = near + 0.4 * np.spacing(np.abs(near)) * rng.uniform(-0.5, 0.5, near.shape)
        moves.append(inside - origin)
        moved |= bool(np.any(moves[-1]))
    return moved and float(evaluator.along(moves, np.array([1.0]))[0]) == base
