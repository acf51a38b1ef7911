"""The sizes of a net of two layers, and its entries."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from gradkit.records.rule import Entry
from gradkit.records.task import Layer, Task
from gradkit.task.network import parameter_shapes


class Shape(Struct, frozen=True):
    """The sizes of a net, and what its layers apply."""

    features: int
    hidden: int
    outputs: int
    activation: str
    last: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of all parameters."""
        return _entries(self)


def shape_of(task: Task) -> Shape:
    """The sizes of a task's net."""
    hidden, output = task.layers[0], task.layers[-1]
    return Shape(task.X.shape[1], hidden.units, output.units, hidden.activation, output.activation)


@lru_cache(maxsize=64)
def _entries(shape: Shape) -> tuple[Entry, ...]:
    layers = (Layer(shape.hidden, ""), Layer(shape.outputs, ""))
    return tuple(
        (key, (i, j))
        for key, (rows, columns) in parameter_shapes(shape.features, layers).items()
        for i in range(rows)
        for j in range(columns)
    )
