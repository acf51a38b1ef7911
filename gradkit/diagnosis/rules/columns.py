"""Inputs of an update step as the worker and the oracle hold them: columns by quantity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Array


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
