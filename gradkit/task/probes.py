"""Draw the probes of one task from a seed: the inputs of all calls and training runs.

Inputs are random, asymmetric and short (two decimals), so that a reader can type a number of a
report into a shell. The task's own starts and data are probes too, because students can compare
with them. They cannot grade alone: everybody knows them, and with equal weights an exchanged index
does not show.
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
"""Usual and smallest number of random calls in a batch.

24 calls are enough for every entry to be far from zero in some of them.
"""

SMALL = 0.001
"""Factor of each entry in one of the calls: a small number shows best how exact a step is."""

BYTES = 8 << 20
"""Largest size of all parameters in a batch, in bytes: a large net gets fewer calls."""

RATES = (0.02, 0.05)
"""Learning rates that are passed in turn to functions with such an argument."""

OTHER_EPOCHS = 3
"""Largest number of epochs of the run `TWICE`."""

TWICE = "every row twice"
"""Name of the run on data of another size than the task's own."""

CLEARANCE = 0.05
"""Smallest distance of a probe from an activation's kink."""

Forward = Callable[[Parameters, Array], tuple[Array, Array]]


def draw(task: Task, seed: int, forward: Forward, takes_rate: bool) -> Probes:
    """Draw all batches of calls and all training runs of a task.

    Parameters
    ----------
    task : Task
        The net task with its data and starts.
    seed : int
        The same seed draws the same probes.
    forward : callable
        The oracle's forward pass on stacked parameters and inputs. It computes the y_hat and A1
        that are passed to an update.
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
    # A separate generator, so that the other probes do not depend on how often a run is redrawn.
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
    """Return a short version of a run with every row twice, in another order.

    Code that has the number of rows built in fails on it. It belongs to no check. Its mean losses
    are those of the given run. ``generator`` draws the order.
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
    """Convert values to int64 if all are whole numbers, as pandas reads them from a file."""
    return values.astype(np.int64) if np.all(values == np.rint(values)) else values


def _draw_inputs(
    task: Task, generator: np.random.Generator, n: int, small: float = 1.0
) -> dict[str, Array]:
    """Draw parameters, X and y of n probes; repeat it for those that are close to a kink.

    A kink is where an activation has no slope. At most 100 tries are made. Each entry of the
    parameters is multiplied by ``small`` in one of the probes, so that its size varies.
    """
    shapes = parameter_shapes(task.X.shape[1], task.layers)
    sizes = {key: np.ones((n, *shape)) for key, shape in shapes.items()}
    entries = [(key, index) for key, shape in shapes.items() for index in np.ndindex(shape)]
    for number, (key, index) in enumerate(entries, 1):
        sizes[key][(-number % n, *index)] = small

    def fresh(which: NDArray[Any]) -> dict[str, Array]:
        """Draw new inputs for the probes that a boolean mask selects."""
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
    """Draw targets for n probes: columns of the kind that the task's loss needs.

    These are one-hot columns, columns of 0 and 1, or decimals.
    """
    outputs = task.layers[-1].units
    if task.loss == "cross_entropy":
        return np.eye(outputs)[generator.integers(outputs, size=n)][:, :, None]
    if task.loss == "binary_cross_entropy":
        return generator.integers(0, 2, size=(n, outputs, 1)).astype(np.float64)
    return _decimals(generator, (n, outputs, 1), 4.0)


def _decimals(generator: np.random.Generator, shape: tuple[int, ...], largest: float) -> Array:
    """Draw an array of numbers of either sign with two decimals, up to ``largest`` in size.

    No number is nearer to zero than a tenth of ``largest``.
    """
    sizes = np.round(generator.uniform(0.1 * largest, largest, shape), 2)
    signed: Array = sizes * generator.choice(np.array([-1.0, 1.0]), shape)
    return signed


def _batch(
    name: str, check: str, role: str, inputs: dict[str, Array], labels: tuple[str, ...]
) -> Batch:
    """Return a batch of calls for a role with read-only inputs, and a label for each call.

    ``check`` is the check that uses the batch.
    """
    for value in inputs.values():
        value.flags.writeable = False
    return Batch(name, check, role, inputs, labels)


SPREAD, NEARER = 0.4, 0.8
"""First relative distance from the task's own numbers, and its factor for each further try."""

TRIES = 12
"""Largest number of runs that are drawn."""

DIGITS = 3
"""Significant digits of the drawn numbers."""

GROWS = 2.0
"""Largest ratio of a loss to the first loss. With a larger ratio the run diverges."""

MOVES = 1e-3
"""Smallest movement of an array relative to the largest: a dead unit does not move."""

LEARNS = 1e-4
"""Smallest relative change of the loss: a hundred times the rounding of float32."""

NUDGE, STEADY = 1e-6, 1e-3
"""Relative change of the start, and the largest change of the end relative to the whole way."""


def draw_run(task: Task, generator: np.random.Generator, own: Run) -> Run:
    """Draw a run like ``own``, from another start and on other rows.

    Parameters
    ----------
    task : Task
        The net task with its data.
    generator : Generator
        Draws the numbers.
    own : Run
        The run from the task's last start, on its own rows.

    Returns
    -------
    Run
        A run on as many rows as the task has, with numbers of three digits. Every array moves, the
        loss does not diverge, and rounding is not magnified. If no such run is found in a dozen
        tries, the last one is returned, which is closest to ``own``.
    """
    spread = SPREAD
    for _ in range(TRIES):
        run = _nearby(task, generator, own, spread)
        if _is_telling(task, run):
            break
        spread *= NEARER
    return run


def _nearby(task: Task, generator: np.random.Generator, own: Run, spread: float) -> Run:
    """Draw a run whose start and data are near those of another run.

    ``own`` is the other run, and ``spread`` the largest distance relative to the size of its
    parameters; half of that for data. For a loss other than the squared error, the targets are
    permuted instead.
    """
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
    """Move values at random by up to ``by``, and round them to few digits."""
    moved = values + by * generator.uniform(-1, 1, values.shape)
    return np.array([float(f"{value:.{DIGITS}g}") for value in moved.ravel()]).reshape(moved.shape)


def _is_telling(task: Task, run: Run) -> bool:
    """Return whether a run separates right from wrong code, also in float32.

    Its losses have to be finite, must not grow much, and have to change; every array has to move;
    and rounding must not be magnified.
    """
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
    """Return whether no activation of the task has a kink."""
    rows = {key: np.repeat(value[None], len(run.X), 0) for key, value in run.parameters.items()}
    return bool(np.isinf(kink_distance(task.layers, rows, run.X[:, :, None])).all())


def _is_steady(task: Task, run: Run, way: Mapping[str, Array], largest: float) -> bool:
    """Return whether a slightly moved start leads to a slightly moved end.

    Otherwise some step is at a kink. ``way`` has the change of each parameter over the run, and
    ``largest`` is its largest entry.
    """
    nudged = {key: value * (1 + NUDGE) for key, value in run.parameters.items()}
    beside = replace(run, parameters=nudged)
    other = _way(beside, Derived(task).train(beside))
    return all(np.abs(other[key] - part).max() <= STEADY * largest for key, part in way.items())


def _way(run: Run, after: Mapping[str, Array]) -> dict[str, Array]:
    """Return the change of each parameter over a run; ``after`` has the parameters at its end."""
    return {key: after[f"final/{key}"] - value for key, value in run.parameters.items()}
