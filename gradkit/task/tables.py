"""Define the tables of an assignment file, and the errors on a table that does not fit."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, NoReturn, TypeVar, get_args

import msgspec

from gradkit.errors import GradkitError, did_you_mean
from gradkit.records.task import (
    Argument,
    Count,
    Equivalent,
    Imports,
    Layer,
    Positive,
    Preset,
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
"""The words that are accepted as values of some keys."""

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
    """``tasks.imports``: names of packages. A missing key, None, differs from an empty list."""

    allowed: list[str] | None = None
    forbidden: list[str] | None = None


class TaskTable(Table):
    """An entry of ``tasks``. The contents of ``checks`` and ``starts`` are checked later."""

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
"""Default time in seconds for all calls of a student's functions in a function task."""


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
    """The table ``marking``.

    ``deductions`` has a share of the check's points for a mistake's code, and ``tolerances`` the
    relative error that is accepted in a check. ``visibility`` is one word for all checks, or a
    table with a word for each named check.
    """

    step: Positive = 0.25
    hints: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3
    preset: Preset = "default"
    deductions: dict[str, Any] = {}
    tolerances: dict[str, Any] = {}
    visibility: Visibility | dict[str, Any] = "visible"


class AssignmentFile(Table):
    """The whole file; every entry of ``roles`` is a `RoleTable`.

    ``files`` is the default for tasks without this key. ``required`` are the ids of the tasks that
    count even if nothing was submitted for them, or ``"all"``.
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
    """Convert ``raw``, the value of ``key`` in the file, to a table.

    Raises
    ------
    AssignmentError
        Its keys or types do not fit the table.
    """
    try:
        return msgspec.convert(raw, table)
    except msgspec.ValidationError as error:
        raise AssignmentError(_explain(key, raw, str(error))) from None


def refuse(key: str, found: str, expected: str) -> NoReturn:
    """Raise an error with a key of the assignment file, its found value and the expected value.

    Raises
    ------
    AssignmentError
        Always.
    """
    raise AssignmentError(f"{key}: found {found}; expected {expected}")


def numbers_of(key: str, table: Mapping[str, Any], most: float, expected: str) -> dict[str, float]:
    """Return the values of the table at ``key`` as floats, if all are numbers from 0 to ``most``.

    Raises
    ------
    AssignmentError
        A value is not such a number; ``expected`` describes a right value.
    """
    for name, value in table.items():
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not 0 <= value <= most:
            refuse(f"{key}.{name}", repr(value), expected)
    return {name: float(value) for name, value in table.items()}


def among(key: str, name: Any, known: Collection[str], expected: str = "one of ") -> None:
    """Refuse a name at a key of the assignment file if it is not among the ``known`` names.

    Raises
    ------
    AssignmentError
        The message has ``expected`` before the list of known names.
    """
    if name not in known:
        refuse(key, repr(name), expected + ", ".join(known))


def _explain(key: str, raw: Any, message: str) -> str:
    """Return msgspec's error with the key, the found and the expected value, for teachers.

    ``raw`` is the converted value at ``key``, and ``message`` the text of the error. A misspelt key
    gets a suggestion.
    """
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
"""Largest number of points of a check: of more points not all digits would be shown."""

POINTS = f"points: a number from 0 to {MOST:,}"

SOLVERS = ("torch", "jax", "tensorflow", "sympy", "autograd")
"""Packages that compute derivatives, which students should derive by hand."""

FORBIDDEN: Mapping[str, tuple[str, ...]] = {"numpy": SOLVERS, "torch": ()}
"""Packages that are forbidden by default, by framework."""

ENDINGS = (".py", ".ipynb")


def files_of(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the file names at a key of the assignment file.

    Raises
    ------
    AssignmentError
        A name is not that of a script or a notebook.
    """
    for name in names:
        if not name.endswith(ENDINGS) or "/" in name or "\\" in name or name in ENDINGS:
            refuse(key, repr(name), "a file's name without folders, ending in .py or .ipynb")
    return tuple(names)


def imports_of(key: str, table: ImportsTable, framework: Framework) -> Imports:
    """Return the allowed and forbidden packages of a table, or the defaults.

    ``key`` is the key of the table. The framework is always allowed. By default the packages in
    `FORBIDDEN` are forbidden, unless they are allowed.

    Raises
    ------
    AssignmentError
        A name is not the name of a package or has dots, is both allowed and forbidden, or the
        task's own framework is forbidden.
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
