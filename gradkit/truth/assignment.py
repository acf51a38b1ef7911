"""Read an assignment file: TOML beside its CSVs, in; `Assignment`, out.

The shape of the file is checked by msgspec against the `…Table` classes below, what the
shape cannot say (a start that does not fit the layers) by `_build`. Either way a wrong
file is refused with the file, the key, what was found and what was expected.
"""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import msgspec
import numpy as np

from gradkit.records.task import (
    Argument,
    Array,
    Assignment,
    Check,
    Framework,
    Layer,
    Rates,
    Role,
    Start,
    Task,
)
from gradkit.truth.network import ACTIVATIONS, LOSSES, parameter_shapes

DEFAULT = Path(__file__).parent.parent / "assignments" / "backpropagation" / "assignment.toml"

KINDS = (
    "dimensions",
    "parameters",
    "target",
    "output",
    "hidden",
    "input",
    "rate",
    "model",
    "epochs",
)
CHECKS: dict[Framework, tuple[str, ...]] = {
    "numpy": ("interface", "forward", "update", "gradient", "trajectory"),
    "torch": ("model", "forward", "gradient", "trajectory"),
}

Positive = Annotated[float, msgspec.Meta(gt=0)]
Points = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Names = Annotated[list[str], msgspec.Meta(min_length=1)]


class AssignmentError(ValueError):
    """The assignment file cannot be used; the text says where and why."""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """A TOML table in which a misspelt key is an error."""


class ArgumentTable(_Table):
    """An entry of ``roles.NAME.arguments``."""

    name: str
    kind: str
    aliases: list[str] = []
    required: bool = True


class RoleTable(_Table):
    """``roles.NAME``."""

    names: Names
    signature: str
    returns: str
    arguments: list[ArgumentTable] = []
    shared: bool = False


class LayerTable(_Table):
    """An entry of ``tasks.layers``."""

    units: Count
    activation: str


class RatesTable(_Table):
    """``tasks.rates``."""

    weight: Positive
    bias: Positive
    policy: Literal["exact", "free"] = "exact"


class TaskTable(_Table):
    """An entry of ``tasks``."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    framework: Framework
    words: Names
    data: str
    features: Names
    targets: Names
    layers: Annotated[list[LayerTable], msgspec.Meta(min_length=1)]
    loss: str
    rates: RatesTable
    epochs: Count
    deadline: Positive
    roles: Names
    checks: dict[str, Points]
    starts: Annotated[dict[str, dict[str, list[list[float]]]], msgspec.Meta(min_length=1)]
    optional: list[str] = []


class MarkingTable(_Table):
    """``marking``."""

    step: Positive = 0.25
    hints: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3


class AssignmentFile(_Table):
    """The whole file."""

    schema: Literal["gradkit/assignment/v1"]
    id: str
    title: str
    roles: dict[str, RoleTable]
    tasks: Annotated[list[TaskTable], msgspec.Meta(min_length=1)]
    marking: MarkingTable = msgspec.field(default_factory=MarkingTable)


def read_assignment(path: Path | str | None = None) -> Assignment:
    """Read an assignment.

    Parameters
    ----------
    path : path or None
        A TOML file. None reads the assignment that comes with gradkit.

    Returns
    -------
    Assignment
        With read-only arrays, and a digest over the file and its CSVs.

    Raises
    ------
    AssignmentError
        The file is missing, is not TOML, or says something that cannot be graded.
    """
    file = Path(path) if path is not None else DEFAULT
    try:
        text = file.read_bytes()
        raw = tomllib.loads(text.decode())
    except OSError as error:
        raise AssignmentError(
            f"{file}: cannot be read ({error.strerror}). Name a TOML file."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AssignmentError(f"{file}: is not a TOML file: {error}") from None
    try:
        table = msgspec.convert(raw, AssignmentFile)
    except msgspec.ValidationError as error:
        raise AssignmentError(_explain(file, raw, str(error))) from None
    return _build(file, text, table)


def _explain(file: Path, raw: Any, message: str) -> str:
    """Put msgspec's sentence into ours: file, key, found, expected."""
    what, _, path = message.partition(" - at `")
    key = path.rstrip("`").removeprefix("$").removeprefix(".")
    found: Any = raw
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", key):
        try:
            found = found[int(index)] if index else found[name]
        except (KeyError, IndexError, TypeError):
            return f"{file}: {key or 'the file'}: {what}"
    shown = "" if isinstance(found, dict | list) else f"found {found!r}; "
    return f"{file}: {key or 'the file'}: {shown}{what[:1].lower()}{what[1:]}"


def _build(file: Path, text: bytes, table: AssignmentFile) -> Assignment:
    digest = hashlib.sha256(text)
    roles = {name: _role(file, name, role) for name, role in table.roles.items()}
    tasks: list[Task] = []
    for index, entry in enumerate(table.tasks):
        here = f"tasks[{index}]"
        if entry.id in {task.id for task in tasks}:
            _refuse(file, f"{here}.id", repr(entry.id), "an id that no other task has")
        tasks.append(_task(file, here, entry, roles, digest))
    return Assignment(
        id=table.id,
        title=table.title,
        tasks=tuple(tasks),
        step=table.marking.step,
        hints=table.marking.hints,
        path=str(file),
        digest=digest.hexdigest(),
    )


def _role(file: Path, name: str, table: RoleTable) -> Role:
    for argument in table.arguments:
        if argument.kind not in KINDS:
            where = f"roles.{name}.arguments.{argument.name}.kind"
            _refuse(file, where, repr(argument.kind), _one_of(KINDS))
    arguments = tuple(
        Argument(a.name, a.kind, tuple(a.aliases), a.required) for a in table.arguments
    )
    return Role(
        name, tuple(table.names), table.signature, table.returns, arguments, shared=table.shared
    )


def _task(file: Path, here: str, table: TaskTable, roles: dict[str, Role], digest: Any) -> Task:
    for key, name, known in [
        *((f"{here}.roles", name, tuple(roles)) for name in table.roles),
        *((f"{here}.optional", name, tuple(table.roles)) for name in table.optional),
        *((f"{here}.checks", name, CHECKS[table.framework]) for name in table.checks),
        *((f"{here}.layers", layer.activation, tuple(ACTIVATIONS)) for layer in table.layers),
        (f"{here}.loss", table.loss, tuple(LOSSES)),
    ]:
        if name not in known:
            _refuse(file, key, repr(name), _one_of(known))
    X, y = _data(file, here, table, digest)
    if table.layers[-1].units != y.shape[1]:
        found = f"{table.layers[-1].units} units in the last layer"
        _refuse(file, f"{here}.layers", found, f"{y.shape[1]}, one for each target")
    layers = tuple(Layer(layer.units, layer.activation) for layer in table.layers)
    return Task(
        id=table.id,
        title=table.title,
        framework=table.framework,
        words=tuple(table.words),
        columns=(*table.features, *table.targets),
        X=X,
        y=y,
        layers=layers,
        loss=table.loss,
        rates=Rates(table.rates.weight, table.rates.bias, table.rates.policy),
        epochs=table.epochs,
        starts=tuple(
            _start(file, f"{here}.starts.{name}", name, start, X.shape[1], layers)
            for name, start in table.starts.items()
        ),
        roles=tuple(
            replace(roles[name], required=name not in table.optional) for name in table.roles
        ),
        checks=tuple(Check(name, points) for name, points in table.checks.items()),
        deadline=table.deadline,
    )


def _data(file: Path, here: str, table: TaskTable, digest: Any) -> tuple[Array, Array]:
    """Read a task's CSV: X (examples, features) and y (examples, targets), read-only."""
    source = file.parent / table.data
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        _refuse(file, f"{here}.data", f"{source} ({error.strerror})", "a CSV file")
    digest.update(text.encode())
    rows = list(csv.DictReader(text.splitlines()))
    header = rows[0].keys() if rows else ()
    for key, columns in ((f"{here}.features", table.features), (f"{here}.targets", table.targets)):
        for column in columns:
            if column not in header:
                _refuse(file, key, repr(column), f"a column of {source}: {', '.join(header)}")
    try:
        values = np.array(
            [[float(row[c]) for c in (*table.features, *table.targets)] for row in rows]
        )
    except (TypeError, ValueError) as error:
        _refuse(file, f"{here}.data", f"{source}: {error}", "numbers only")
    values.flags.writeable = False
    return values[:, : len(table.features)], values[:, len(table.features) :]


def _start(
    file: Path,
    here: str,
    name: str,
    table: dict[str, list[list[float]]],
    features: int,
    layers: tuple[Layer, ...],
) -> Start:
    shapes = parameter_shapes(features, layers)
    if set(table) != set(shapes):
        _refuse(file, here, ", ".join(table), ", ".join(shapes))
    parameters = {}
    for key, shape in shapes.items():
        try:
            value = np.array(table[key], dtype=np.float64)
        except ValueError:
            _refuse(file, f"{here}.{key}", "rows of different lengths", f"shape {shape}")
        if value.shape != shape:
            _refuse(file, f"{here}.{key}", f"shape {value.shape}", f"shape {shape}")
        value.flags.writeable = False
        parameters[key] = value
    return Start(name, parameters)


def _one_of(names: Sequence[str]) -> str:
    return "one of " + ", ".join(names)


def _refuse(file: Path, key: str, found: str, expected: str) -> NoReturn:
    raise AssignmentError(f"{file}: {key}: found {found}; expected {expected}")
