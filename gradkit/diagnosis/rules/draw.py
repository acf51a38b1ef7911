"""Draw random inputs of an update step, all different and independent.

ŷ and A1 do not come from a forward pass, so that every quantity can be told from all others.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.task.network import ACTIVATIONS, parameter_shapes
from gradkit.text import format_text

ROWS = 40
FRESH = 24

MAX_ATOMS = 720
"""Entries and inputs of a net whose rules are looked for: its polynomials have as many atoms."""


LARGEST = 2.4
"""Largest absolute value of an input."""

ZERO_FRACTION = 0.25
"""Fraction of zeros among the outputs of a ReLU."""

TARGET_OFFSET = 0.005
"""Added to targets, so that no target equals an output."""


def _draw_between(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    low: float = -LARGEST,
    high: float = LARGEST,
    offset: float = 0.0,
) -> Array:
    """Draw numbers between ``low`` and ``high``, at 7 to 92 % of a bound.

    Half of them are negative if ``low`` is. Bounds are at most `LARGEST`. The fraction of the bound
    has two decimals; ``offset`` is added to it, so that numbers with different offsets differ.
    """
    parts = np.round(generator.uniform(0.07, 0.92, shape), 2) + offset
    negative = (generator.random(shape) < 0.5) & (low < 0)
    values: Array = parts * np.where(negative, max(low, -LARGEST), min(high, LARGEST))
    return values


def draw_update(task: Task, seed: int, n: int = ROWS) -> UpdateInputs:
    """Draw the read-only inputs of ``n`` random calls of an update step.

    Parameters
    ----------
    task : Task
        Two layers; only its sizes, activations and loss matter.
    seed : int
    n : int

    Returns
    -------
    UpdateInputs
        Without a rate; ``with_rate`` adds one for functions that take it. Values are in the
        range of their activation; some hidden units of a ReLU are 0.

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
    if sum(sizes) > MAX_ATOMS:
        raise NoDiagnosisError(
            format_text(
                "rules can be recovered for nets of up to {most} entries and inputs, and this one "
                "has {count}",
                most=MAX_ATOMS,
                count=sum(sizes),
            )
        )

    own, last = (ACTIVATIONS[layer.activation] for layer in (hidden, output))
    A1 = _draw_between(generator, (n, hidden.units), own.low, own.high)
    if own.kink is not None and own.low == 0:
        # A ReLU often gives exactly 0, and code may treat 0 in its own way.
        A1[generator.random(A1.shape) < ZERO_FRACTION] = 0.0
    found = UpdateInputs(
        _draw_between(generator, (n, outputs), last.low, last.high, TARGET_OFFSET),
        _draw_between(generator, (n, outputs), last.low, last.high),
        A1,
        _draw_between(generator, (n, features)),
        {key: _draw_between(generator, (n, *shape), -1.3, 1.3) for key, shape in shapes.items()},
    )
    for value in (found.y, found.y_hat, found.A1, found.X, *found.before.values()):
        value.flags.writeable = False
    return found


def with_rate(inputs: UpdateInputs, seed: int) -> UpdateInputs:
    """Return the inputs with a random learning rate between 0.01 and 0.09 for each call."""
    generator = np.random.default_rng(seed)
    rate = np.round(generator.uniform(0.01, 0.09, len(inputs.y)), 3)
    rate.flags.writeable = False
    return replace(inputs, rate=rate)


def draw_forward(task: Task, seed: int, n: int = 12) -> tuple[Array, dict[str, Array]]:
    """Draw ``n`` random inputs of a forward pass: ``X`` (n, features) and parameters (n, …).

    ``task`` gives the sizes of the net, and ``seed`` makes the draw repeatable. The values are so
    small that no activation saturates.
    """
    generator = np.random.default_rng(seed)
    shapes = parameter_shapes(task.X.shape[1], task.layers)
    X = _draw_between(generator, (n, task.X.shape[1]), -1.9, 1.9)
    return X, {
        key: _draw_between(generator, (n, *shape), -0.9, 0.9) for key, shape in shapes.items()
    }


# --- conversion to column vectors ------------------------------------------------------------


def to_columns(inputs: UpdateInputs) -> dict[str, Array]:
    """Return the inputs by name, with y, y_hat, A1 and X as column vectors (n, units, 1).

    Parameters are included, and the rate if there is one.
    """
    quantities = {"y": inputs.y, "y_hat": inputs.y_hat, "A1": inputs.A1, "X": inputs.X}
    columns = {name: value[:, :, None] for name, value in quantities.items()}
    rate = {} if inputs.rate is None else {"rate": inputs.rate}
    return {**inputs.before, **columns, **rate}


def from_columns(columns: Mapping[str, Array]) -> UpdateInputs:
    """Return the inputs from arrays by name; the inverse of `to_columns`."""
    y, y_hat, A1, X = (columns[name][:, :, 0] for name in ("y", "y_hat", "A1", "X"))
    before = {key: value for key, value in columns.items() if key[0] in "Wb"}
    return UpdateInputs(y, y_hat, A1, X, before, columns.get("rate"))


CALLS = 8
"""Number of calls that `vary_call` returns."""


def vary_call(columns: Mapping[str, Array], row: int, least: float = 0.6) -> dict[str, Array]:
    """Return call ``row`` and scaled copies of it, `CALLS` in total.

    ``columns`` has the inputs of all calls by name (calls, …). Every number of a copy is multiplied
    by a random factor between ``least`` and 1, so it keeps its sign. Arrays of zeros and ones
    (classes) stay as they are.
    """
    generator, found = np.random.default_rng(row), {}
    for name, value in columns.items():
        sizes = generator.uniform(least, 1.0, (CALLS, *value.shape[1:]))
        sizes[0] = 1.0
        sizes = np.ones_like(sizes) if np.isin(value, (0, 1)).all() else sizes
        found[name] = value[row : row + 1] * sizes
    return found
