"""Inputs for an update step that tell every quantity from every other.

All quantities are drawn independently: ``ŷ`` and ``A1`` do not come from a forward pass.
Numbers have two decimals, so that they read well, and keep away from 0 and ±1, where a
factor such as ``1 − A`` would vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.language import say
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS, Activation
from gradkit.task.network import parameter_shapes

ROWS = 40
FRESH = 24

MOST = 720
"""Entries and inputs of a net whose rules are looked for: its polynomials have as many atoms."""


Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]


def _signed(low: float, high: float) -> Draw:
    def draw_signed(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        sizes = np.round(generator.uniform(low, high, shape), 2)
        sizes = np.where(np.abs(sizes - 1.0) < 0.045, 1.07, sizes)
        return np.asarray(sizes * generator.choice(np.array([-1.0, 1.0]), shape))

    return draw_signed


def _within(low: float, high: float) -> Draw:
    return lambda generator, shape: np.round(generator.uniform(low, high, shape), 2)


def _positive(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.abs(_signed(0.2, 2.4)(generator, shape)))


def _above(least: float) -> Draw:
    """Values of either sign, the negative ones above a bound."""

    def draw_above(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
        values = _signed(0.2, 2.4)(generator, shape)
        return np.where(values < 0, np.round(values * 0.93 * abs(least) / 2.4, 2), values)

    return draw_above


def _half_zero(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    sizes = _positive(generator, shape)
    return np.where(generator.random(shape) < 0.25, 0.0, sizes)


def _values_of(activation: Activation) -> Draw:
    """Values that an activation may give, not too close to its bounds."""
    bounds = activation.low, activation.high
    if bounds == (0, 1):
        return UNIT
    if bounds[0] == 0:
        # Below its kink a flat activation gives 0, which is as frequent as it is telling.
        return _half_zero if activation.kink is not None else _positive
    if bounds == (-1, 1):
        return _signed(0.1, 0.93)
    return _above(bounds[0]) if np.isfinite(bounds[0]) else LINEAR


UNIT = _within(0.07, 0.93)
LINEAR = _signed(0.2, 2.4)


def draw(task: Task, seed: int, n: int = ROWS) -> UpdateInputs:
    """Inputs for ``n`` random calls of an update step.

    Parameters
    ----------
    task : Task
        Two layers; only its sizes, activations and loss matter.
    seed : int
    n : int

    Returns
    -------
    UpdateInputs
        Without a rate. ``with_rate`` adds one for functions that take it.

    Raises
    ------
    NoDiagnosisError
        The net is too large.
    """
    generator = np.random.default_rng(seed)
    hidden, output = task.layers[0], task.layers[-1]
    features, outputs = task.X.shape[1], output.units
    shapes = parameter_shapes(features, task.layers)
    sizes = [outputs, outputs, hidden.units, features]
    sizes += [int(np.prod(shape)) for shape in shapes.values()]
    if sum(sizes) > MOST:
        raise NoDiagnosisError(
            say(
                "rules are looked for in nets of up to {most} entries and inputs, and this one "
                "has {count}",
                most=MOST,
                count=sum(sizes),
            )
        )

    last = ACTIVATIONS[output.activation]
    around = UNIT if (last.low, last.high) == (0, 1) else _signed(0.2, 2.9)
    activated = _values_of(ACTIVATIONS[hidden.activation])
    groups: list[Array] = [
        around(generator, (n, outputs)),
        around(generator, (n, outputs)),
        activated(generator, (n, hidden.units)),
        LINEAR(generator, (n, features)),
        *(_signed(0.15, 1.3)(generator, (n, size)) for size in sizes[4:]),
    ]
    close = np.abs(groups[0] - groups[1]) < 0.05
    groups[1] = np.where(
        close, np.where(groups[0] < 0.5, groups[0] + 0.21, groups[0] - 0.21), groups[1]
    )
    groups[1] = np.where(np.abs(np.abs(groups[1]) - 1.0) < 0.005, groups[1] + 0.03, groups[1])
    flat = np.concatenate(groups, axis=1)
    parts = np.split(flat, np.cumsum(sizes)[:-1], axis=1)
    before = {
        key: part.reshape(n, *shape)
        for (key, shape), part in zip(shapes.items(), parts[4:], strict=True)
    }
    for value in (*parts[:4], *before.values()):
        value.flags.writeable = False
    return UpdateInputs(parts[0], parts[1], parts[2], parts[3], before)


def with_rate(inputs: UpdateInputs, seed: int) -> UpdateInputs:
    """The same inputs with a learning rate per call."""
    generator = np.random.default_rng(seed)
    rate = np.round(generator.uniform(0.01, 0.09, len(inputs.y)), 3)
    rate.flags.writeable = False
    return replace(inputs, rate=rate)


def draw_forward(task: Task, seed: int, n: int = 12) -> tuple[Array, dict[str, Array]]:
    """Inputs for a forward pass: ``X`` (n, features) and parameters (n, …), asymmetric.

    Sizes are such that no activation saturates.
    """
    generator = np.random.default_rng(seed)
    shapes = parameter_shapes(task.X.shape[1], task.layers)
    X = _signed(0.2, 1.9)(generator, (n, task.X.shape[1]))
    return X, {key: _signed(0.1, 0.9)(generator, (n, *shape)) for key, shape in shapes.items()}


# --- as the worker and the oracle hold them --------------------------------------------------


def to_columns(inputs: UpdateInputs) -> dict[str, Array]:
    """Parameters (n, …), and y, y_hat, A1 and X with a last axis of one."""
    quantities = {"y": inputs.y, "y_hat": inputs.y_hat, "A1": inputs.A1, "X": inputs.X}
    columns = {name: value[:, :, None] for name, value in quantities.items()}
    rate = {} if inputs.rate is None else {"rate": inputs.rate}
    return {**inputs.before, **columns, **rate}


def from_columns(columns: Mapping[str, Array]) -> UpdateInputs:
    """The same the other way round."""
    y, y_hat, A1, X = (columns[name][:, :, 0] for name in ("y", "y_hat", "A1", "X"))
    before = {key: value for key, value in columns.items() if key[0] in "Wb"}
    return UpdateInputs(y, y_hat, A1, X, before, columns.get("rate"))


CALLS = 8


def near(columns: Mapping[str, Array], row: int, least: float = 0.6) -> dict[str, Array]:
    """A call, and others near it: all numbers are up to ``least`` times as large, and of its sign.

    Classes stay what they are.
    """
    generator, found = np.random.default_rng(row), {}
    for name, value in columns.items():
        sizes = generator.uniform(least, 1.0, (CALLS, *value.shape[1:]))
        sizes[0] = 1.0
        sizes = np.ones_like(sizes) if np.isin(value, (0, 1)).all() else sizes
        found[name] = value[row : row + 1] * sizes
    return found
