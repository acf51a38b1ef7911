"""Draw a training run that nobody can know beforehand: where it starts, and on which rows.

It stays near the task's own last start and rows, where the task is known to train well, and
is drawn again, nearer to them each time, until a run of it tells right from wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradkit.records.probes import Run
from gradkit.records.task import Array, Task
from gradkit.task.network import kink_distance
from gradkit.task.oracle import Derived, course_of

DRAWN = "drawn"
"""What the start is called; no start of a task's own may have this name."""

SPREAD, NEARER = 0.4, 0.8
"""How far from the task's own numbers, relative to their size, and how much nearer next time."""

TRIES = 12
DIGITS = 3

GROWS = 2.0
"""How many times its first value the loss may come to: more is a run that runs away."""

MOVES = 1e-3
"""What every array has to move by, relative to the one that moves most: no unit is dead."""

LEARNS = 1e-4
"""How much of its size a loss has to change by: a hundred times what float32 makes of it."""

NUDGE, STEADY = 1e-6, 1e-3
"""A start moved by so much, relative, may end elsewhere by so much of the whole way."""


def draw_run(task: Task, generator: np.random.Generator, own: Run) -> Run:
    """A run like ``own``, from another start and on other rows.

    Parameters
    ----------
    task : Task
    generator : Generator
    own : Run
        From the task's last start, on its own rows.

    Returns
    -------
    Run
        As many rows as the task has, with numbers of three digits. Every array moves, nothing
        runs away, and rounding is not magnified. Where no such run is found in a dozen tries,
        the last one, which is nearest to ``own``.
    """
    spread = SPREAD
    for _ in range(TRIES):
        run = _nearby(task, generator, own, spread)
        if _is_telling(task, run):
            break
        spread *= NEARER
    return run


def _nearby(task: Task, generator: np.random.Generator, own: Run, spread: float) -> Run:
    size = max(float(np.abs(value).max()) for value in own.parameters.values()) or 1.0
    parameters = {
        key: _moved(generator, value, spread * size) for key, value in own.parameters.items()
    }
    X = _moved(generator, task.X, spread / 2 * np.abs(task.X).mean(axis=0))
    if task.loss == "squared_error":
        y = _moved(generator, task.y, spread / 2 * np.abs(task.y).mean(axis=0))
    else:
        y = generator.permutation(task.y)
    for value in (*parameters.values(), X, y):
        value.flags.writeable = False
    return Run("", "", DRAWN, parameters, X, y, own.epochs, own.rate)


def _moved(generator: np.random.Generator, values: Array, by: float | Array) -> Array:
    """Values moved by up to ``by``, in numbers that can be typed."""
    moved = values + by * generator.uniform(-1, 1, values.shape)
    return np.array([float(f"{value:.{DIGITS}g}") for value in moved.ravel()]).reshape(moved.shape)


def _is_telling(task: Task, run: Run) -> bool:
    """Whether a run is one by which right code can be told from wrong, in float32 too."""
    with np.errstate(all="ignore"):
        after = Derived(task).train(run)
        losses = _losses(task, run, after)
        if not np.isfinite(losses).all() or losses.max() > GROWS * losses[0]:
            return False
        way = _way(run, after)
        largest = max(float(np.abs(part).max()) for part in way.values())
        moves = all(np.abs(part).max() >= MOVES * largest for part in way.values())
        learns = np.ptp(losses) >= LEARNS * np.abs(losses).max()
        return bool(moves and learns) and (
            _is_smooth(task, run) or _is_steady(task, run, way, largest)
        )


def _is_smooth(task: Task, run: Run) -> bool:
    """Whether no unit has a kink."""
    rows = {key: np.repeat(value[None], len(run.X), 0) for key, value in run.parameters.items()}
    return bool(np.isinf(kink_distance(task.layers, rows, run.X[:, :, None])).all())


def _is_steady(task: Task, run: Run, way: Mapping[str, Array], largest: float) -> bool:
    """Whether a start beside this one leads to an end beside its end: no step is at a kink."""
    nudged = {key: value * (1 + NUDGE) for key, value in run.parameters.items()}
    beside = replace(run, parameters=nudged)
    other = _way(beside, Derived(task).train(beside))
    return all(np.abs(other[key] - part).max() <= STEADY * largest for key, part in way.items())


def _way(run: Run, after: Mapping[str, Array]) -> dict[str, Array]:
    return {key: after[f"final/{key}"] - value for key, value in run.parameters.items()}


def _losses(task: Task, run: Run, after: Mapping[str, Array]) -> Array:
    course = course_of(task, run, after)
    means: Array = np.zeros(1) if course is None else course.reshape(run.epochs, -1).mean(axis=1)
    return means
