"""Read an assignment file, TOML beside its CSVs, into an `Assignment`.

The tables check keys and types, `_build` checks conditions between values, such as a start that
does not fit the layers. Errors name the file, the key, the value found and the value
expected.
"""

from __future__ import annotations

import csv
import hashlib
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import numpy as np
from msgspec.structs import replace

from gradkit.errors import did_you_mean
from gradkit.records.task import (
    FRAMEWORKS,
    QUANTITIES,
    Array,
    Assignment,
    Check,
    FunctionTask,
    Layer,
    Role,
    Start,
    Task,
    Visibility,
)
from gradkit.task.network import ACTIVATIONS, LOSSES, parameter_shapes
from gradkit.task.tables import (
    EXAMPLES,
    MOST,
    POINTS,
    AssignmentError,
    AssignmentFile,
    FunctionTaskTable,
    RoleTable,
    TaskTable,
    among,
    convert,
    files_of,
    imports_of,
    numbers_of,
    refuse,
)
from gradkit.text import DRAWN
from gradkit.writing import read_file, read_text_file

SHIPPED = Path(__file__).parent.parent / "assignments"
FIRST = "backpropagation"
DEFAULT = SHIPPED / FIRST / "assignment.toml"

BESIDE = Path(__file__).parents[2] / "reference"
"""Folder of the model solutions in a checkout. An installed gradkit has none."""


def exercises() -> dict[str, Path]:
    """Return the assignment files that come with gradkit, by exercise; `FIRST` is the first."""
    files = {file.parent.name: file for file in sorted(SHIPPED.glob("*/assignment.toml"))}
    return {FIRST: files.pop(FIRST), **files}


NAMES = SHIPPED / "names.txt"
"""List of the functions that only one of the shipped exercises asks for."""


def characteristic_names() -> tuple[str, ...]:
    """Read the names of functions that only one of the shipped exercises asks for.

    They show whether a submission may belong to one of them, without reading all exercises.
    """
    return tuple(NAMES.read_text(encoding="utf-8").split())


def find_reference(assignment: Path | None, named: Path | None) -> Path | None:
    """Return the folder of model solutions: `named`, or ``reference/`` beside the assignment file.

    ``assignment`` is the file; None stands for the first exercise of gradkit. The model solutions
    of gradkit's own exercises are in ``reference/`` of a checkout; exercises other than the first
    have a subfolder there. None is returned if this folder does not exist; a folder that is `named`
    is not checked.
    """
    if named is not None:
        return named
    folder = SHIPPED / FIRST if assignment is None else assignment.resolve().parent
    if folder.parent == SHIPPED:
        beside = BESIDE if folder.name == FIRST else BESIDE / folder.name
    else:
        beside = folder / "reference"
    return beside if beside.is_dir() else None


__all__ = ["AssignmentError", "packed_with", "read_assignment", "read_gallery", "solutions_of"]

BELOW_ONE = float(np.nextafter(1, 0))
"""The largest number below 1."""

CHECKS: dict[str, dict[str, str]] = {
    "numpy": {
        "interface": "",
        "forward": "forward",
        "update": "update",
        "gradient": "update",
        "trajectory": "update",
    },
    "torch": {"model": "model", "forward": "model", "gradient": "train", "trajectory": "train"},
}
"""The checks of each framework, with the role that a check calls, if it is a single one."""


@cache
def read_gallery() -> tuple[Assignment, ...]:
    """Read all exercises that come with gradkit, except the first."""
    return tuple(read_assignment(file) for name, file in exercises().items() if name != FIRST)


def gallery_functions() -> tuple[FunctionTask, ...]:
    """Return the function tasks of all exercises that come with gradkit, except the first."""
    return tuple(task for exercise in read_gallery() for task in exercise.functions)


def read_assignment(path: Path | str | None = None) -> Assignment:
    """Read an assignment.

    Parameters
    ----------
    path : path or None
        A TOML file. None reads the first exercise that comes with gradkit.

    Returns
    -------
    Assignment
        With read-only arrays, and a digest over the file and its CSVs.

    Raises
    ------
    AssignmentError
        The file is missing, is not TOML, or contains something that cannot be graded.
    """
    file = DEFAULT if path is None else Path(path)
    try:
        text = read_file(file)
        table = tomllib.loads(text.decode())
    except OSError as error:
        raise AssignmentError(
            f"{file}: cannot be read ({error.strerror}). Name a TOML file, or an exercise that "
            f"`gradkit list` shows.{did_you_mean(str(file), exercises())}"
        ) from None
    except ValueError as error:  # of tomllib's own kind, or over its encoding or a long number
        raise AssignmentError(f"{file}: is not a TOML file: {error}") from None
    except RecursionError:
        raise AssignmentError(
            f"{file}: is nested too deeply to be read; nothing in an assignment is more than five "
            "levels deep. Take the nested value out."
        ) from None
    try:
        return _build(file, text, convert("", table, AssignmentFile))
    except AssignmentError as error:
        raise AssignmentError(f"{file}: {error}") from None


def packed_with(path: Path) -> dict[str, bytes]:
    """Read an assignment file and the files beside it, by their paths from its folder.

    These are the files that it names, and a file of examples.

    Raises
    ------
    AssignmentError
        A file is outside the folder, so that the folder alone is not enough.
    """
    found = {path.name: path.read_bytes()}
    for task in tomllib.loads(found[path.name].decode())["tasks"]:
        for name in filter(None, (task.get("data"), *task.get("given", {}).values())):
            part = PurePosixPath(name)
            if part.is_absolute() or ".." in part.parts:
                raise AssignmentError(
                    f"{path}: {part} lies outside its folder. Move it beside the assignment "
                    "file, because students get one folder."
                )
            found[str(part)] = (path.parent / part).read_bytes()
    if (examples := path.parent / EXAMPLES).is_file():
        found[EXAMPLES] = examples.read_bytes()
    return found


def solutions_of(assignment: Assignment, folder: Path) -> dict[str, bytes]:
    """Read the model solutions of an assignment in a folder, by their paths from it."""
    found = sorted(folder.rglob("*.py") if assignment.functions else folder.glob("*.py"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _build(file: Path, text: bytes, table: AssignmentFile) -> Assignment:
    """Build the assignment of a parsed file.

    ``file`` is its path, ``table`` the parsed content, and ``text`` the content itself, for the
    digest.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    digest = hashlib.sha256(text)
    roles = {
        name: _role(name, convert(f"roles.{name}", role, RoleTable))
        for name, role in table.roles.items()
    }
    tolerances = _tolerances(table.marking.tolerances)
    tasks: list[Task] = []
    functions: list[FunctionTask] = []
    ids: dict[str, None] = {}
    files = list(files_of("files", table.files))
    for index, raw in enumerate(table.tasks):
        here = f"tasks[{index}]"
        task: Task | FunctionTask
        if raw.get("kind", "net") == "functions":
            from gradkit.task.functions import function_task

            entry = convert(here, raw, FunctionTaskTable)
            entry.files = entry.files or files
            functions.append(task := function_task(file, here, entry, digest))
        else:
            net = convert(here, raw, TaskTable)
            net.files = net.files or files
            tasks.append(task := _task(file, here, net, roles, tolerances, digest))
        if task.id in ids:
            refuse(f"{here}.id", repr(task.id), "an id that no other task has")
        ids[task.id] = None
        if 0 < (worth := sum(check.points for check in task.checks)) < table.marking.step:
            expected = f"at most {worth:g}, the points of {task.id}"
            refuse("marking.step", f"{table.marking.step:g}", expected)
    required = tuple(ids) if table.required == "all" else tuple(table.required)
    for task_id in required:
        among("required", task_id, ids, "the id of a task, one of ")
    return Assignment(
        id=table.id,
        title=table.title,
        tasks=tuple(tasks),
        step=table.marking.step,
        hints=table.marking.hints,
        path=str(file),
        digest=digest.hexdigest(),
        preset=table.marking.preset,
        deductions=_deductions(table.marking.deductions),
        visibility=_visibility(table.marking.visibility, [*tasks, *functions]),
        gradkit=table.gradkit,
        functions=tuple(functions),
        required=required,
    )


def _deductions(table: dict[str, Any]) -> dict[str, float]:
    """Return the deductions that the file sets, as shares of a check's points.

    ``table`` has a share from 0 to 1 for each code of a mistake. A code of an older version of
    gradkit is replaced by the present code in the result.

    Raises
    ------
    AssignmentError
        A key is not the code of a mistake, a value is not from 0 to 1, or two keys are codes of
        one mistake.
    """
    if not table:
        return {}
    # Imported here because few assignments set deductions, and the catalogue loads slowly.
    from gradkit.diagnosis.catalogue import all_codes, current_code, mistake_codes

    codes = mistake_codes()
    known = [name for code in codes for name in all_codes(code)]
    found: dict[str, float] = {}
    wanted = "a share: a number from 0 to 1"
    for code, share in numbers_of("marking.deductions", table, 1, wanted).items():
        current = current_code(code)
        if current not in codes:
            near = get_close_matches(code, known, cutoff=0.5)
            like = f", one of {', '.join(near)}" if near else ""
            listed = "; `gradkit explain --costs` lists them all"
            refuse("marking.deductions", repr(code), f"a mistake's code{like}{listed}")
        if current in found:
            raise AssignmentError(
                f"marking.deductions: two lines are about {current}, by its current and by a "
                "former code. Remove one of them."
            )
        found[current] = share
    return found


def _visibility(
    setting: Visibility | dict[str, Any], tasks: Sequence[Task | FunctionTask]
) -> dict[str, Visibility]:
    """Return the visibility of each check for students, by the name of the check.

    ``setting`` is one word for all checks, or a word for each named check. Checks that are not
    named are visible. ``tasks`` have the checks.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    checks = tuple(dict.fromkeys(check.name for task in tasks for check in task.checks))
    if not isinstance(setting, dict):
        return dict.fromkeys(checks, setting)
    for check, word in setting.items():
        among("marking.visibility", check, checks, "a check, one of ")
        among(f"marking.visibility.{check}", word, get_args(Visibility))
    return {check: setting.get(check, "visible") for check in checks}


def _role(name: str, table: RoleTable) -> Role:
    """Return the role that a table of the file describes; its arguments must be of known kinds."""
    for argument in table.arguments:
        among(f"roles.{name}.arguments.{argument.name}.kind", argument.kind, QUANTITIES)
    names, arguments = tuple(table.names), table.arguments
    return Role(name, names, table.signature, table.returns, arguments, shared=table.shared)


def _tolerances(table: dict[str, Any]) -> dict[str, float]:
    """Return the relative errors that are accepted, by check, from a table of the file.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    known = tuple(dict.fromkeys(name for names in CHECKS.values() for name in names))
    for check in table:
        among("marking.tolerances", check, known)
    wanted = "a relative error: a number from 0 to below 1"
    return numbers_of("marking.tolerances", table, BELOW_ONE, wanted)


def _task(
    file: Path,
    here: str,
    table: TaskTable,
    roles: dict[str, Role],
    tolerances: dict[str, float],
    digest: Any,
) -> Task:
    """Build a net task from its table in the assignment file.

    ``file`` is the assignment file, ``here`` the key of the table, such as ``tasks[0]``, and
    ``table`` its content. ``roles`` are all roles of the file by name, and ``tolerances`` the
    accepted relative errors by check. ``digest`` is a hash, to which the task's data are added.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    for key, name, known in [
        *((f"{here}.roles", name, roles) for name in table.roles),
        *((f"{here}.optional", name, table.roles) for name in table.optional),
        *((f"{here}.checks", name, CHECKS[table.framework]) for name in table.checks),
        *((f"{here}.layers", layer.activation, ACTIVATIONS) for layer in table.layers),
        (f"{here}.loss", table.loss, LOSSES),
    ]:
        among(key, name, known)
    for check in table.checks:
        role = CHECKS[table.framework][check]
        if role and role not in table.roles:
            refuse(f"{here}.roles", ", ".join(table.roles), f"{role}, which {check} looks at")
    points = numbers_of(f"{here}.checks", table.checks, MOST, POINTS)
    X, y = _data(file, here, table, digest)
    if table.layers[-1].units != y.shape[1]:
        found = f"{table.layers[-1].units} units in the last layer"
        refuse(f"{here}.layers", found, f"{y.shape[1]}, one for each target")
    return Task(
        id=table.id,
        title=table.title,
        framework=FRAMEWORKS[table.framework],
        words=tuple(table.words),
        columns=(*table.features, *table.targets),
        X=X,
        y=y,
        layers=table.layers,
        loss=table.loss,
        rates=table.rates,
        epochs=table.epochs,
        starts=tuple(
            _start(f"{here}.starts.{name}", name, start, X.shape[1], table.layers)
            for name, start in table.starts.items()
        ),
        roles=tuple(
            replace(roles[name], required=name not in table.optional) for name in table.roles
        ),
        checks=tuple(
            Check(name, worth, tolerances.get(name, 0.0)) for name, worth in points.items()
        ),
        deadline=table.deadline,
        files=files_of(f"{here}.files", table.files),
        imports=imports_of(f"{here}.imports", table.imports, table.framework),
        equivalent=table.equivalent,
    )


def _data(file: Path, here: str, table: TaskTable, digest: Any) -> tuple[Array, Array]:
    """Read a task's CSV: X (examples, features) and y (examples, targets), read-only.

    ``file`` is the assignment file, ``here`` the key of the task's table, and ``table`` its
    content, with the path and the columns of the CSV. ``digest`` is a hash, to which the text of
    the CSV is added.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    source = file.parent / table.data
    try:
        text = read_text_file(source, "utf-8-sig")
    except OSError as error:
        refuse(f"{here}.data", f"{source} ({error.strerror})", "a CSV file")
    digest.update(text.encode())
    rows = list(csv.DictReader(text.splitlines()))
    header = rows[0].keys() if rows else ()
    for key, columns in ((f"{here}.features", table.features), (f"{here}.targets", table.targets)):
        for column in columns:
            among(key, column, header, f"a column of {source}: ")
    try:
        values = np.array(
            [[float(row[c]) for c in (*table.features, *table.targets)] for row in rows]
        )
    except (TypeError, ValueError) as error:
        refuse(f"{here}.data", f"{source}: {error}", "numbers only")
    if not np.isfinite(values).all():
        refuse(f"{here}.data", f"{source}: nan or inf", "finite numbers only")
    values.flags.writeable = False
    return values[:, : len(table.features)], values[:, len(table.features) :]


def _start(here: str, name: str, table: Any, features: int, layers: tuple[Layer, ...]) -> Start:
    """Build a start, the parameters from which training begins, from its table.

    ``table`` has the arrays, which must have the shapes of ``layers``; ``here`` is its key in the
    file, ``name`` its name, and ``features`` the number of inputs of the net.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    if name == DRAWN:
        refuse(here, repr(name), "another name: gradkit uses this name for a random start")
    shapes = parameter_shapes(features, layers)
    if not isinstance(table, dict) or set(table) != set(shapes):
        found = ", ".join(table) if isinstance(table, dict) else repr(table)
        refuse(here, found or "nothing", ", ".join(shapes))
    parameters = {}
    for key, shape in shapes.items():
        try:
            value = np.array(table[key], dtype=np.float64)
        except (TypeError, ValueError):
            refuse(f"{here}.{key}", repr(table[key]), f"numbers in shape {shape}")
        if value.shape != shape or not np.isfinite(value).all():
            found = f"shape {value.shape}" if value.shape != shape else repr(table[key])
            refuse(f"{here}.{key}", found, f"finite numbers in shape {shape}")
        value.flags.writeable = False
        parameters[key] = value
    return Start(name, parameters)
