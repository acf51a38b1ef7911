"""The shape of an assignment file: its tables, and what is said where one does not fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args

import msgspec

from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.mistake import Preset
from gradkit.records.task import (
    Argument,
    Count,
    Equivalent,
    Imports,
    Layer,
    Positive,
    RatePolicy,
    Rates,
    Visibility,
)

Schema = Literal["gradkit/assignment/v1"]
Framework = Literal["numpy", "torch"]

CHOICES = {
    "schema": get_args(Schema),
    "kind": ("net", "functions"),
    "framework": get_args(Framework),
    "policy": get_args(RatePolicy),
    "preset": get_args(Preset),
    "visibility": get_args(Visibility),
    "required": ("all", "a list of tasks"),
}
"""What the keys may say that take one of a few words."""

Names = Annotated[list[str], msgspec.Meta(min_length=1)]


class AssignmentError(GradkitError):
    """The assignment file cannot be used; the text says where and why."""


class Table(msgspec.Struct, forbid_unknown_fields=True):
    """A TOML table in which a misspelt key is an error."""


class RoleTable(Table):
    """``roles.NAME``."""

    names: Names
    signature: str
    returns: str
    arguments: tuple[Argument, ...] = ()
    shared: bool = False


class ImportsTable(Table):
    """``tasks.imports``: names of packages. What is left out is told from an empty list."""

    allowed: list[str] | None = None
    forbidden: list[str] | None = None


class TaskTable(Table):
    """An entry of ``tasks``; ``checks`` and ``starts`` hold what their builders look at."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    framework: Framework
    words: Names
    data: str
    features: Names
    targets: Names
    layers: Annotated[tuple[Layer, ...], msgspec.Meta(min_length=1)]
    loss: str
    rates: Rates
    epochs: Count
    deadline: Positive
    roles: Names
    checks: dict[str, Any]
    starts: Annotated[dict[str, Any], msgspec.Meta(min_length=1)]
    optional: list[str] = []
    files: list[str] = []
    imports: ImportsTable = msgspec.field(default_factory=ImportsTable)
    equivalent: tuple[Equivalent, ...] = ()
    kind: Literal["net"] = "net"


EXAMPLES = "examples.json.gz"
"""Name of the file of examples beside an assignment file, see `gradkit.task.examples`."""

DEADLINE = 30.0
"""Seconds for everything that a student's functions are asked in a task that does not say."""


class CheckTable(Table):
    """An entry of ``checks`` of a function task."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    points: Any
    call: str | Names
    compare: Names
    gradient: dict[str, str] = {}
    untouched: list[str] = []
    conventions: list[dict[str, str]] = []
    tolerance: Any = 0.0


class FunctionTaskTable(Table):
    """An entry of ``tasks`` of kind ``functions``."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    kind: Literal["functions"]
    solution: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+\.py$")]
    inputs: dict[str, Any]
    checks: Annotated[list[CheckTable], msgspec.Meta(min_length=1)]
    sizes: dict[str, Any] = {}
    hard: list[dict[str, Any]] = []
    given: dict[str, str] = {}
    names: dict[str, list[str]] = {}
    equivalent: tuple[Equivalent, ...] = ()
    shared: list[str] = []
    words: list[str] = []
    deadline: Positive = DEADLINE
    files: list[str] = []
    imports: ImportsTable = msgspec.field(default_factory=ImportsTable)


class MarkingTable(Table):
    """``marking``; every entry of ``deductions`` is a mistake's share of its check's points.

    Every entry of ``tolerances`` is a relative error that is let pass in a check.
    ``visibility`` is one word for all checks, or a word for each that it names.
    """

    step: Positive = 0.25
    hints: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3
    preset: Preset = "default"
    deductions: dict[str, Any] = {}
    tolerances: dict[str, Any] = {}
    visibility: Visibility | dict[str, Any] = "visible"


class AssignmentFile(Table):
    """The whole file; every entry of ``roles`` is a `RoleTable`.

    ``files`` holds for every task that names none of its own. ``required`` are the ids of the tasks
    that count, handed in or not, or ``"all"``.
    """

    schema: Schema
    id: str
    title: str
    tasks: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1)]
    roles: dict[str, Any] = {}
    marking: MarkingTable = msgspec.field(default_factory=MarkingTable)
    gradkit: str = ""
    files: list[str] = []
    required: Literal["all"] | list[str] = []


T = TypeVar("T")


def convert(key: str, raw: Any, table: type[T]) -> T:
    """Read ``raw``, which stands at ``key`` of the file, as ``table``.

    Raises
    ------
    AssignmentError
        It does not have the table's shape.
    """
    try:
        return msgspec.convert(raw, table)
    except msgspec.ValidationError as error:
        raise AssignmentError(_explain(key, raw, str(error))) from None


def refuse(key: str, found: str, expected: str) -> NoReturn:
    """Say what stands at ``key`` and what should.

    Raises
    ------
    AssignmentError
    """
    raise AssignmentError(f"{key}: found {found}; expected {expected}")


def numbers_of(key: str, table: Mapping[str, Any], most: float, expected: str) -> dict[str, float]:
    """Return the numbers from 0 to ``most`` that stand in the table at ``key``.

    Raises
    ------
    AssignmentError
        One is none; ``expected`` says what it should be.
    """
    for name, value in table.items():
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not 0 <= value <= most:
            refuse(f"{key}.{name}", repr(value), expected)
    return {name: float(value) for name, value in table.items()}


def among(key: str, name: Any, known: Collection[str], expected: str = "one of ") -> None:
    """Refuse a name at ``key`` that is none of the known ones.

    Raises
    ------
    AssignmentError
        ``expected`` says what there should be, in front of all that are known.
    """
    if name not in known:
        refuse(key, repr(name), expected + ", ".join(known))


def _explain(key: str, raw: Any, message: str) -> str:
    """Put msgspec's sentence into ours: key, found, expected."""
    what, _, path = message.partition(" - at `")
    path = path.rstrip("`").removeprefix("$").removeprefix(".")
    found: Any = raw
    for name, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        found = found[int(index)] if index else found[name]
    whole = ".".join(filter(None, (key, path))) or "the file"
    wanted = what[:1].lower() + what[1:].replace(" field ", " key ")
    if wanted.startswith("invalid enum value"):
        wanted = f"expected one of {', '.join(CHOICES[path.rpartition('.')[2]])}"
    if unknown := re.search(r"unknown key `(.*)`$", wanted):
        keys = [key for each in Table.__subclasses__() for key in each.__struct_fields__]
        if near := did_you_mean(unknown[1], keys):
            wanted += f".{near}"
    shown = "" if isinstance(found, dict | list) else f"found {found!r}; "
    return f"{whole}: {shown}{wanted}"


MOST = 10_000
"""Points of a check; with more, what is shown of them would not be what was added up."""

POINTS = f"points: a number from 0 to {MOST:,}"

SOLVERS = ("torch", "jax", "tensorflow", "sympy", "autograd")
"""Packages that take derivatives for whoever should take them by hand."""

FORBIDDEN: Mapping[str, tuple[str, ...]] = {"numpy": SOLVERS, "torch": ()}
"""What is forbidden in a task that does not say."""

ENDINGS = (".py", ".ipynb")


def files_of(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of files that stand at ``key``.

    Raises
    ------
    AssignmentError
        One is no name of a script or a notebook.
    """
    for name in names:
        if not name.endswith(ENDINGS) or "/" in name or "\\" in name or name in ENDINGS:
            refuse(key, repr(name), "a file's name without folders, ending in .py or .ipynb")
    return tuple(names)


def imports_of(key: str, table: ImportsTable, framework: Framework) -> Imports:
    """Return the packages that stand at ``key``, or what holds where nothing is said.

    Raises
    ------
    AssignmentError
        A name has dots or is none, stands on both sides, or is the task's own framework.
    """
    for side, names in (("allowed", table.allowed or []), ("forbidden", table.forbidden or [])):
        for name in names:
            if not name.isidentifier():
                expected = "a package's name without dots, as in `import torch`"
                refuse(f"{key}.{side}", repr(name), expected)
    if table.allowed == []:
        refuse(f"{key}.allowed", "no package", "at least one, or no such key: then all are")
    allowed = tuple(table.allowed or ())
    if table.forbidden is None:
        forbidden = tuple(name for name in FORBIDDEN[framework] if name not in allowed)
    else:
        forbidden = tuple(table.forbidden)
    for name in forbidden:
        if name in allowed:
            refuse(f"{key}.forbidden", repr(name), "packages that are not allowed as well")
        if name == framework:
            refuse(f"{key}.forbidden", repr(name), "packages other than the task's framework")
    return Imports((*allowed, framework) if allowed else (), forbidden)
