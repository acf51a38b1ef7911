"""What an assignment asks for: tasks, roles, layers, checks. Values, read from a file.

Parameters have one canonical form throughout gradkit: ``W1`` has shape (in, out),
``b1`` has shape (out, 1), a layer computes ``activation(W.T @ A + b)`` on columns.
Students may use any layout; the worker translates at its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from gradkit.records.check import Check, Imports
from gradkit.records.functions import FunctionTask
from gradkit.records.mistake import Preset

Array = NDArray[np.float64]
Parameters = Mapping[str, Array]
Framework = Literal["numpy", "torch"]
Form = Literal["correct", "published"]
Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]


QUANTITIES = {
    "dimensions": "dim",
    "parameters": "parameters",
    "target": "y",
    "output": "y_hat",
    "hidden": "A1",
    "input": "X",
    "rate": "rate",
    "model": "model",
    "epochs": "epochs",
}
"""The quantity that an argument of each kind is handed: a dict of parameters, a list of sizes."""


class Argument(Struct, frozen=True):
    """One argument of a role, with every name it is accepted under; ``kind`` is of `QUANTITIES`."""

    name: str
    kind: str
    aliases: tuple[str, ...]
    required: bool = True


class Role(Struct, frozen=True):
    """A function or class that a submission is asked for.

    ``shared`` roles mean the same in every task of a file, so that one definition
    may serve several sections.
    """

    name: str
    aliases: tuple[str, ...]
    signature: str
    returns: str
    arguments: tuple[Argument, ...]
    required: bool = True
    shared: bool = False


class Layer(Struct, frozen=True):
    """A dense layer: its number of units and the name of its activation."""

    units: int
    activation: str


class Rates(Struct, frozen=True):
    """Learning rates. ``policy`` is ``exact``, or ``free``: any one rate per kind."""

    weight: float
    bias: float
    policy: Literal["exact", "free"] = "exact"


class Start(Struct, frozen=True):
    """Named initial parameters of a training run, in canonical form."""

    name: str
    parameters: Parameters


class Task(Struct, frozen=True):
    """One exercise in one framework.

    ``X`` has shape (examples, features), ``y`` (examples, outputs). ``layers`` leaves the
    input out: its width is ``X.shape[1]``. ``words`` are what a heading or a file name
    says when it means this task (besides the framework). ``deadline`` is in seconds of
    wall time for everything the student's code does for this task. ``files`` are the names of
    those that speak for it, where there are several.
    """

    id: str
    title: str
    framework: Framework
    words: tuple[str, ...]
    columns: tuple[str, ...]
    X: Array
    y: Array
    layers: tuple[Layer, ...]
    loss: str
    rates: Rates
    epochs: int
    starts: tuple[Start, ...]
    roles: tuple[Role, ...]
    checks: tuple[Check, ...]
    deadline: float
    files: tuple[str, ...] = ()
    imports: Imports = Imports()  # noqa: RUF009  (frozen, and empty)


class Assignment(Struct, frozen=True):
    """A set of tasks as read from one file: nets, and functions.

    ``step`` is what a total is rounded to. ``preset`` says which of the catalogue's
    deductions count, and ``deductions`` are the file's own, shares by mistake, which go
    before those. ``visibility`` says, by check, when students may see what it found; a check
    that is not in it is visible. ``gradkit`` is the version that it is to be graded with,
    empty where that is left open. ``required`` are the ids of the tasks that count, handed in or
    not; empty where those count that were handed in.
    """

    id: str
    title: str
    tasks: tuple[Task, ...]
    step: float
    hints: int
    path: str
    digest: str
    preset: Preset = "default"
    deductions: Mapping[str, float] = field(default_factory=dict)
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    gradkit: str = ""
    functions: tuple[FunctionTask, ...] = ()
    required: tuple[str, ...] = ()
