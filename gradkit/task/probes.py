"""Draw the questions of one task from a seed.

Inputs are random, asymmetric and short (two decimals), so that a number in a report can be
typed into a shell. The task's own starts and data are asked too, for everybody to compare
with, but cannot grade alone: they are known to everybody, and at equal weights an exchanged
index is invisible.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.records.task import Array, Batch, Parameters, Probes, Run, Start, Task
from gradkit.task.network import kink_distance, parameter_shapes
from gradkit.task.oracle import Derived, course_of
from gradkit.text import DRAWN

RANDOM, FEWEST = 24, 4
"""Random calls in a batch: enough for every entry to be seen well away from zero."""

SMALL = 0.001
"""What each entry is once multiplied with: how exact a step is, is seen best on a small number."""

BYTES = 8 << 20
"""Of the parameters in a batch's calls: a large net gets fewer, and at least `FEWEST`."""

RATES = (0.02, 0.05)
"""Handed in turn to functions that take a learning rate."""

OTHER_EPOCHS = 3
TWICE = "every row twice"
"""A run on data of another size than the task's own."""

CLEARANCE = 0.05
"""How far a probe stays from an activation's kink."""

Forward = Callable[[Parameters, Array], tuple[Array, Array]]


def draw(task: Task, seed: int, forward: Forward, takes_rate: bool) -> Probes:
    """Draw every call that the task makes.

    Parameters
    ----------
    task : Task
    seed : int
        The same seed draws the same probes.
    forward : callable
        The oracle's forward pass on stacked parameters and inputs; the y_hat and A1 that an
        update is given are consistent with its parameters.
    takes_rate : bool
        Whether the bound update, or train, takes a learning rate.

    Returns
    -------
    Probes
        Arrays are read-only.
    """
    generator = np.random.default_rng([seed, zlib.crc32(task.id.encode())])
    X, rows = whole(task.X)[:, :, None], [f"row {row + 1}" for row in range(len(task.X))]
    start = task.starts[0].parameters
    published = {key: np.repeat(value[None], len(X), axis=0) for key, value in start.items()}
    size = 8 * sum(value.size for value in start.values())
    count = max(FEWEST, min(RANDOM, BYTES // size))
    drawn = _draw_inputs(task, generator, count)
    names = tuple(f"random {number + 1}" for number in range(count))
    role = task.framework.forward
    given = {name: value for name, value in drawn.items() if name != "y"}
    forwards = (
        _batch("forward/published", "forward", role, {**published, "X": X}, tuple(rows)),
        _batch("forward/random", "forward", role, given, names),
    )
    own = [_run(task, start, takes_rate) for start in task.starts]
    # With numbers of its own: what else is drawn does not depend on what a run needs.
    secret = np.random.default_rng([seed, zlib.crc32(task.id.encode()), 1])
    starts = [*own, draw_run(task, secret, own[-1])]
    runs = tuple(replace(run, name=f"run/{run.start}", check="trajectory") for run in starts)
    if task.framework.trains:
        steps = tuple(
            replace(run, name=f"step {epochs}/{run.start}", check="gradient", epochs=epochs)
            for run in starts
            for epochs in (1, 2)
        )
        return Probes(forwards, (), (*steps, *runs, _twice(own[-1], generator)))
    drawn = _draw_inputs(task, generator, count, small=SMALL)
    y_hat, A1 = forward({key: drawn[key] for key in published}, drawn["X"])
    rate = np.resize(np.array(RATES), count)
    inputs = {**drawn, "y_hat": y_hat, "A1": A1, **({"rate": rate} if takes_rate else {})}
    return Probes(forwards, (_batch("update/random", "update", "update", inputs, names),), runs)


def _twice(run: Run, generator: np.random.Generator) -> Run:
    """Return a short run on every row twice and in another order, which no check looks at.

    Their mean loss is the same all along.
    """
    order = generator.permutation(np.repeat(np.arange(len(run.X)), 2))
    epochs = min(run.epochs, OTHER_EPOCHS)
    return replace(
        run, name=TWICE, check="", start=TWICE, X=run.X[order], y=run.y[order], epochs=epochs
    )


def _run(task: Task, start: Start, takes_rate: bool) -> Run:
    X, y = whole(task.X), whole(task.y)
    rate = task.rates.weight if takes_rate else None
    return Run("", "", start.name, start.parameters, X, y, task.epochs, rate)


def whole(values: Array) -> NDArray[Any]:
    """As int64 where every value is a whole number: so a data frame would hand it over."""
    return values.astype(np.int64) if np.all(values == np.rint(values)) else values


def _draw_inputs(
    task: Task, generator: np.random.Generator, n: int, small: float = 1.0
) -> dict[str, Array]:
    """Parameters, X and y of n probes, redrawn until each keeps clear of every kink.

    In one of them each entry of the parameters is ``small`` times what it would be.
    """
    shapes = parameter_shapes(task.X.shape[1], task.layers)
    sizes = {key: np.ones((n, *shape)) for key, shape in shapes.items()}
    entries = [(key, index) for key, shape in shapes.items() for index in np.ndindex(shape)]
    for number, (key, index) in enumerate(entries, 1):
        sizes[key][(-number % n, *index)] = small

    def fresh(which: NDArray[Any]) -> dict[str, Array]:
        count = int(which.sum())
        drawn = {key: _decimals(generator, (count, *shape), 1.0) for key, shape in shapes.items()}
        drawn = {key: np.round(value * sizes[key][which], 5) for key, value in drawn.items()}
        return {**drawn, "X": _decimals(generator, (count, task.X.shape[1], 1), 2.0)}

    inputs = fresh(np.ones(n, np.bool_))
    for _ in range(100):
        near = kink_distance(task.layers, inputs, inputs["X"]) < CLEARANCE
        if not near.any():
            break
        for key, value in fresh(near).items():
            inputs[key][near] = value
    return {**inputs, "y": _targets(task, generator, n)}


def _targets(task: Task, generator: np.random.Generator, n: int) -> Array:
    outputs = task.layers[-1].units
    if task.loss == "cross_entropy":
        return np.eye(outputs)[generator.integers(outputs, size=n)][:, :, None]
    if task.loss == "binary_cross_entropy":
        return generator.integers(0, 2, size=(n, outputs, 1)).astype(np.float64)
    return _decimals(generator, (n, outputs, 1), 4.0)


def _decimals(generator: np.random.Generator, shape: tuple[int, ...], largest: float) -> Array:
    """Two decimals, of either sign, never nearer to zero than a tenth of the largest."""
    sizes = np.round(generator.uniform(0.1 * largest, largest, shape), 2)
    signed: Array = sizes * generator.choice(np.array([-1.0, 1.0]), shape)
    return signed


def _batch(
    name: str, check: str, role: str, inputs: dict[str, Array], labels: tuple[str, ...]
) -> Batch:
    for value in inputs.values():
        value.flags.writeable = False
    return Batch(name, check, role, inputs, labels)


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
    """Return a run like ``own``, from another start and on other rows.

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
    """Tell whether a run is one by which right code can be told from wrong, in float32 too."""
    with np.errstate(all="ignore"):
        after = Derived(task).train(run)
        losses = course_of(task, run, after).reshape(run.epochs, -1).mean(axis=1)
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
    """Tell whether no unit has a kink."""
    rows = {key: np.repeat(value[None], len(run.X), 0) for key, value in run.parameters.items()}
    return bool(np.isinf(kink_distance(task.layers, rows, run.X[:, :, None])).all())


def _is_steady(task: Task, run: Run, way: Mapping[str, Array], largest: float) -> bool:
    """Tell whether a start beside this one leads to an end beside its end: no step is at a kink."""
    nudged = {key: value * (1 + NUDGE) for key, value in run.parameters.items()}
    beside = replace(run, parameters=nudged)
    other = _way(beside, Derived(task).train(beside))
    return all(np.abs(other[key] - part).max() <= STEADY * largest for key, part in way.items())


def _way(run: Run, after: Mapping[str, Array]) -> dict[str, Array]:
    return {key: after[f"final/{key}"] - value for key, value in run.parameters.items()}
