"""Inputs for an update step that tell every quantity from every other.

All quantities are drawn independently: ``ŷ`` and ``A1`` do not come from a forward pass.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.formatting import format_text
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS
from gradkit.task.network import parameter_shapes

ROWS = 40
FRESH = 24

MOST = 720
"""Entries and inputs of a net whose rules are looked for: its polynomials have as many atoms."""


LARGEST, ZEROS, APART = 2.4, 0.25, 0.005
"""The largest size, the part of zeros where a flat activation has any, and how far targets are
moved, so that none is an output."""


def _drawn(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    low: float = -LARGEST,
    high: float = LARGEST,
    apart: float = 0.0,
) -> Array:
    """Draw numbers between bounds, of either sign if these are, near neither a bound nor 0."""
    parts = np.round(generator.uniform(0.07, 0.92, shape), 2) + apart
    negative = (generator.random(shape) < 0.5) & (low < 0)
    values: Array = parts * np.where(negative, max(low, -LARGEST), min(high, LARGEST))
    return values


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
            format_text(
                "rules are looked for in nets of up to {most} entries and inputs, and this one "
                "has {count}",
                most=MOST,
                count=sum(sizes),
            )
        )

    own, last = (ACTIVATIONS[layer.activation] for layer in (hidden, output))
    A1 = _drawn(generator, (n, hidden.units), own.low, own.high)
    if own.kink is not None and own.low == 0:
        # Below its kink a flat activation gives 0, which is as frequent as it is telling.
        A1[generator.random(A1.shape) < ZEROS] = 0.0
    found = UpdateInputs(
        _drawn(generator, (n, outputs), last.low, last.high, APART),
        _drawn(generator, (n, outputs), last.low, last.high),
        A1,
        _drawn(generator, (n, features)),
        {key: _drawn(generator, (n, *shape), -1.3, 1.3) for key, shape in shapes.items()},
    )
    for value in (found.y, found.y_hat, found.A1, found.X, *found.before.values()):
        value.flags.writeable = False
    return found


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
    X = _drawn(generator, (n, task.X.shape[1]), -1.9, 1.9)
    return X, {key: _drawn(generator, (n, *shape), -0.9, 0.9) for key, shape in shapes.items()}


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
