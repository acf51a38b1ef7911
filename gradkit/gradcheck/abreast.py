"""Planned ladders at several points at once: a row moves the same entry of all of them.

What `gradkit.gradcheck.plan` does for one point, for functions that can be evaluated at many
points in one call. The rows, and what is made of the values, are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.allowance import ROUGH, allowance
from gradkit.gradcheck.ladder import derive
from gradkit.gradcheck.noise import POINTS, Floats
from gradkit.gradcheck.plan import LARGEST, REPEATS, TABLE, TABLE_STEPS, noise_of
from gradkit.gradcheck.slopes import RATIO, Ladder

STEPS = 13
FIRST = REPEATS + TABLE * len(TABLE_STEPS)
"""The row with which the ladders begin."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Where to evaluate f, as `plan_abreast` decided.

    ``parameters`` holds arrays (rows, points, *shape). ``scales`` (points,) is the size of a
    change of each parameter that matters; ``ahead`` and ``behind``, (entries, points, steps),
    are the distances that were really moved.
    """

    parameters: Mapping[str, NDArray[np.float64]]
    scales: Mapping[str, Floats]
    ahead: Floats
    behind: Floats


def plan_abreast(points: Mapping[str, NDArray[np.float64]], seed: int = 0) -> Rows:
    """Plan ladders at several points, of which ``points`` holds arrays (points, *shape)."""
    names = list(points)
    many = len(points[names[0]])
    flat = {name: points[name].reshape(many, -1) for name in names}
    entries = sum(value.shape[1] for value in flat.values())
    size = FIRST + 2 * STEPS * entries
    rows = {name: np.repeat(value[None], size, axis=0) for name, value in flat.items()}
    scales = {name: _scales(value) for name, value in flat.items()}

    lines = iter(_lines(tuple(value.shape[1] for value in flat.values()), seed))
    row = REPEATS
    count = np.array(POINTS[:TABLE], dtype=np.float64)[:, None, None]
    for length in TABLE_STEPS:
        for name in names:
            away = count * length * scales[name][:, None] * next(lines)
            rows[name][row : row + TABLE] += away
        row += TABLE

    ladder = LARGEST * RATIO ** np.arange(1.0 - STEPS, 1.0)
    ahead, behind = np.empty((2, entries, many, STEPS))
    number = 0
    for name, value in flat.items():
        reach = ladder[:, None] * scales[name]
        for entry, base in enumerate(value.T):
            above, below = base + reach, base - reach
            rows[name][row : row + STEPS, :, entry] = above
            rows[name][row + STEPS : row + 2 * STEPS, :, entry] = below
            ahead[number], behind[number] = (above - base).T, (base - below).T
            row += 2 * STEPS
            number += 1
    shaped = {name: stack.reshape(size, *points[name].shape) for name, stack in rows.items()}
    return Rows(shaped, scales, ahead, behind)


@lru_cache
def _lines(widths: tuple[int, ...], seed: int) -> list[Floats]:
    """Directions of the tables' lines, parameter by parameter, table by table."""
    rng = np.random.default_rng(seed)
    return [
        rng.uniform(0.5, 1.5, width) * rng.choice((-1.0, 1.0), width)
        for _ in TABLE_STEPS
        for width in widths
    ]


def _scales(flat: Floats) -> Floats:
    largest = np.max(np.abs(flat), axis=1, initial=0.0)
    return np.where(largest == 0, 1.0, largest)


def read_abreast(rows: Rows, values: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Turn the values of f, (rows, points), into derivatives.

    Returns
    -------
    dict
        For each parameter estimates and bounds, (points, *shape). A bound is infinite where
        the estimate cannot be relied on.
    """
    entries, many, _ = rows.ahead.shape
    sigma, _ = noise_of(values, REPEATS, (TABLE,) * len(TABLE_STEPS))
    above, below = values[FIRST:].reshape(entries, 2, STEPS, many).transpose(1, 0, 3, 2)
    derived = derive(
        Ladder(
            base=np.tile(values[0], entries),
            above=above.reshape(-1, STEPS),
            below=below.reshape(-1, STEPS),
            ahead=rows.ahead.reshape(-1, STEPS),
            behind=rows.behind.reshape(-1, STEPS),
            sigma=np.tile(sigma, entries),
        )
    )
    estimate, bound = (part.reshape(entries, many) for part in (derived.estimate, derived.bound))
    size = np.nan_to_num(np.abs(estimate))
    shapes = {name: stack.shape[2:] for name, stack in rows.parameters.items()}
    ends = np.cumsum([0, *(int(np.prod(shape, dtype=int)) for shape in shapes.values())])
    spans = {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(shapes)}
    reach = np.concatenate([size[span] * rows.scales[name] for name, span in spans.items()])
    rough = sigma > ROUGH * np.max(reach, axis=0, initial=0.0)
    found = {}
    for name, span in spans.items():
        largest = np.max(size[span], axis=0, initial=0.0)
        enough = 2 * bound[span] <= allowance(size[span], largest, rough)
        null = (largest == 0) | (bound[span] * rows.scales[name] <= 2 * sigma)
        sure = np.where(enough | null, bound[span], np.inf)
        shape = (many, *shapes[name])
        found[name] = (estimate[span].T.reshape(shape), sure.T.reshape(shape))
    return found
