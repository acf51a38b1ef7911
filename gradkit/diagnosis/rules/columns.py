"""Inputs of an update step as the worker and the oracle hold them: columns by quantity."""

from __future__ import annotations

from collections.abc import Mapping

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
