"""The questions put to a student's functions: all inputs, no answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from numpy.typing import NDArray

from gradkit.records.task import Array, Parameters


class Batch(Struct, frozen=True):
    """Independent calls of one role.

    ``inputs`` maps quantities to arrays with a leading axis of ``len(labels)`` calls;
    ``labels`` name the calls for the reader ("random 3", "row 1").
    """

    name: str
    check: str
    role: str
    inputs: Mapping[str, NDArray[Any]]
    labels: tuple[str, ...]


class Run(Struct, frozen=True):
    """A training run from a named start.

    In numpy, forward and update in turn over the rows of ``X`` (examples, features) and
    ``y`` (examples, outputs); in torch, one call of train on all rows. ``rate`` is handed
    over; None where the update takes none and has the task's rates of its own.
    """

    name: str
    check: str
    start: str
    parameters: Parameters
    X: NDArray[Any]
    y: NDArray[Any]
    epochs: int
    rate: float | None


class Probes(Struct, frozen=True):
    """Every call that one task makes of one submission. ``seed`` draws them again."""

    task: str
    seed: int
    forward: tuple[Batch, ...]
    update: tuple[Batch, ...]
    runs: tuple[Run, ...]


Inputs = Mapping[str, Array]
