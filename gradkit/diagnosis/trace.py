"""Trace a function line by line, and find the student's line for each computed value."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.rules.program import parse_roots, parse_steps, require
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.records.rule import Event, Kind, Spot, Steps, Trace
from gradkit.records.submission import Bound, Cell, Convention, Lost, Place
from gradkit.records.task import Array, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic import in_order
from gradkit.runtime.symbolic.numbers import GIVEN
from gradkit.runtime.symbolic.recording import COLUMNS, KINDS
from gradkit.runtime.syntax import readable, walk, walk_statements
from gradkit.sandbox.observe import call_of, shapes_of
from gradkit.sandbox.process import StudentProcess

BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": add, "sub": sub, "mul": mul, "truediv": truediv, "power": np.power
}  # fmt: skip
"""The operations of a trace with two operands. All others are functions of numpy."""

Path = tuple[str | int, ...]
"""Path to a value from a variable: ``("cache", "A", 0)`` is ``cache["A"][0]``."""

Locate = Callable[[str, int, Path, bool], Place]
"""Returns a place for a cell's id, a line of it, a path, and whether the value is a global."""


def observe_trace(
    sitting: StudentProcess,
    task: Task,
    bound: Bound,
    arrays: Mapping[str, Array],
    *,
    plain: bool = False,
) -> Trace:
    """Call a bound function once, and record the values that each of its lines computes.

    Parameters
    ----------
    sitting : StudentProcess
    task : Task
    bound : Bound
        An update or a forward pass.
    arrays : mapping of arrays (calls, …)
        The inputs of several calls. The function is called with those of the first call, as
        symbolic numbers that record how values are computed. From this record, the values are
        computed for all calls, as if each of them took the same branches.
    plain : bool
        Call the function with plain numbers instead. The trace then has only the first call.

    Returns
    -------
    Trace
        It has no events if the process was lost. If the call raised an exception, it has
        ``failure``, and the events before the exception.
    """
    first = {name: value[0] for name, value in arrays.items()}
    data = {"call": call_of(bound, task), "watched": True, "plain": plain}
    reply = sitting.ask(Frame("symbolic", first, data))
    if isinstance(reply, Lost):
        return Trace(bound.place, (), {}, lost=reply)
    try:
        steps = _steps(reply, sitting, task, arrays)
        numbers, failure = reply.arrays["values"], sitting.failure(reply.data["failure"])
        require(
            numbers.ndim == 1 and (plain or set(numbers) <= {*range(len(steps.made))}), "values"
        )
        values = numbers[None] if plain else steps.values[numbers.astype(int)].T
        made = np.full(len(numbers), -1) if plain else numbers.astype(int)
        events = tuple(_events(reply, values, made, sitting, task, bound))
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # This only happens if student code sends a reply in place of gradkit's own code.
        text = f"the trace was garbled: {type(error).__name__}: {error}"[:200]
        return Trace(bound.place, (), {}, lost=Lost("protocol", text))
    after = {}
    for key in bound.convention.keys:
        own = [step for entry, step in steps.after.items() if entry[0] == key]
        if own:
            after[key] = _frozen(steps.values[own].T.reshape(arrays[key].shape))
    cut = reply.data["cut"] is True
    return Trace(bound.place, events, after, cut, failure, steps=None if plain else steps)


def _cells(sitting: StudentProcess) -> tuple[Cell, ...]:
    """Return all cells of the section that a process runs."""
    section = sitting.section
    return (*section.own, *section.shared, *section.borrowed)


def _steps(reply: Frame, sitting: StudentProcess, task: Task, arrays: Mapping[str, Array]) -> Steps:
    """Decode the recorded operations of a reply, and compute their values for all calls.

    Raises
    ------
    ValueError, LookupError
        The parts of the reply do not fit together.
    """
    flat = [arrays[key].reshape(len(arrays[key]), -1) for key in in_order(arrays)]
    given = np.concatenate(flat, axis=1).T
    made = parse_steps(reply, len(given))
    stacks, files = reply.arrays["stacks"], reply.data["files"]
    require(stacks.dtype == np.int64 and stacks.shape[1:] == (6,), "stacks")
    spots: dict[int, tuple[Spot, ...]] = {}
    sources = {cell.id: cell.source.split("\n") for cell in _cells(sitting)}
    for stack, file, *where in stacks.tolist():
        require(file >= 0, "files")
        cell = str(files[file])
        spot = _spot(sitting.place([cell, where[0]]), sources.get(cell, []), *where)
        spots[stack] = (*spots.get(stack, ()), spot)
    values = np.empty((len(made), given.shape[1]))
    with np.errstate(all="ignore"):
        for number, step in enumerate(made):
            if step.into:
                values[number] = apply_operation(step.operation, *values[[*step.into]])
            else:
                is_input = step.operation == GIVEN
                values[number] = given[int(step.figure)] if is_input else step.figure
    by_step = tuple(spots.get(stack, ()) for stack in reply.arrays["steps"][:, 3].tolist())
    after = parse_roots(reply, shape_of(task).entries, len(made))
    return Steps(tuple(made), _frozen(values), by_step, after)


def _spot(
    place: Place | None, lines: list[str], line: int, last: int, start: int, end: int
) -> Spot:
    """Return the part of the student's text that an operation was run from.

    Parameters
    ----------
    place : Place or None
        The place of the operation's first line.
    lines : list of str
        The lines of its cell.
    line, last : int
        Its first and last line, from 1.
    start, end : int
        Its columns in bytes. They are only used if it is on a single line.

    Raises
    ------
    ValueError
        There is no such line.
    """
    if place is None:
        raise ValueError("lines do not fit")
    text = lines[line - 1 : last]
    if len(text) != 1 or not 0 <= start < end:
        return Spot(place, (), frozenset(re.findall(r"\w+", " ".join(text))))
    # Python counts columns in bytes.
    encoded = text[0].encode()
    head, piece = (part.decode(errors="replace") for part in (encoded[:start], encoded[start:end]))
    names = frozenset(re.findall(r"\w+", piece))
    return Spot(place, (len(head), len(head) + len(piece)), names)


def apply_operation(operation: str, left: Array, right: Array) -> Array:
    """Apply a recorded operation to operands; one with a single operand ignores ``right``."""
    if operation not in BINARY:
        return np.asarray(getattr(np, operation)(left))
    return np.asarray(BINARY[operation](left, right))


def _events(
    reply: Frame,
    values: NDArray[Any],
    numbers: NDArray[Any],
    sitting: StudentProcess,
    task: Task,
    bound: Bound,
) -> Iterator[Event]:
    """Yield the events of a reply: values that were given, computed, passed or returned.

    Parameters
    ----------
    reply : Frame
        Its rows of events refer to its tables of cells, names and shapes.
    values : array (calls, numbers)
        The numbers of all events in order.
    numbers : array (numbers,)
        The recorded operation that computed each number, or -1.
    sitting : StudentProcess
    task : Task
    bound : Bound

    Raises
    ------
    ValueError, LookupError
        The parts of the reply do not fit together.
    """
    locate = _locator(sitting)
    cells, shapes = reply.data["cells"], reply.data["shapes"]
    paths: list[Path] = [tuple(path) for path in reply.data["names"]]
    require(all(paths), "names")
    canonical = {key: name for name, key in bound.convention.keys.items()}
    parameters = [canonical.get(str(path[-1]), "") for path in paths]
    names = [_as_code(path) for path in paths]
    rows = reply.arrays["events"]
    require(rows.dtype == np.int64 and rows.shape[1:] == (len(COLUMNS),), "events")
    for number, row in enumerate(rows.tolist()):
        cell, line, name, shape, offset, kind, prior, frame = row
        require(min(cell, name, shape, offset, kind) >= 0 and -1 <= prior < number, "events")
        end = offset + int(np.prod(shapes[shape]))
        part = values[:, offset:end].reshape(len(values), *shapes[shape])
        made = numbers[offset:end].reshape(1, *shapes[shape])
        is_global = KINDS[kind] == "global"
        shown: Kind = "given" if is_global else KINDS[kind]  # type: ignore[assignment]
        yield Event(
            locate(str(cells[cell]), line, paths[name], is_global),
            names[name],
            shown,
            _frozen(_in_out(part, task, bound.convention)),
            parameters[name],
            prior if prior >= 0 else None,
            frame,
            tuple(_in_out(made, task, bound.convention).reshape(-1).tolist()),
        )


def _in_out(values: NDArray[Any], task: Task, convention: Convention) -> NDArray[Any]:
    """Return values with weight matrices as (in, out), as the task has them.

    ``values`` has a leading axis over calls. It is transposed if the student stores weights as
    (out, in), and if it has the shape of such a matrix.
    """
    weights = [s for key, s in shapes_of(task).items() if key[0] == "W"]
    if convention.weights == "out_in" and values.shape[:0:-1] in weights:
        return np.swapaxes(values, 1, 2)
    return values


def _frozen(values: NDArray[Any]) -> Array:
    """Return a read-only copy of values as float64."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def _as_code(path: Path) -> str:
    """Return a path as Python code: ``cache['A'][0]``, ``self.W1``."""
    text = str(path[0])
    for step in path[1:]:
        is_attribute = isinstance(step, str) and step.startswith(".")
        text += str(step) if is_attribute else f"[{step!r}]"
    return text


# --- the line to show to the student ---------------------------------------------------------


def _locator(sitting: StudentProcess) -> Locate:
    """Return a function that finds the line to show for a value.

    This is the line that ran, except in three cases. For a global, it is the line that sets it. For
    a statement of several lines, it is the first one. For one of several values in a statement,
    such as an entry of a dictionary, it is the line of that entry.
    """
    cells = {cell.id: cell for cell in _cells(sitting)}
    parsed: dict[str, list[ast.stmt]] = {}
    found: dict[tuple[str, int, Path, bool], Place] = {}

    def statements(cell: str) -> list[ast.stmt]:
        """Return the statements of a cell, by its id; [] if there is no such cell."""
        if cell not in parsed:
            parsed[cell] = _statements(cells[cell]) if cell in cells else []
        return parsed[cell]

    def locate(cell: str, line: int, path: Path, is_global: bool) -> Place:
        """Return the place to show for a value, see `Locate`."""
        key = (cell, line, path, is_global)
        if key not in found:
            where = _definition_of_global(path, cells, statements) if is_global else None
            if where is None:
                where = (cell, _line_of(line, path, statements(cell)))
            place = sitting.place(list(where))
            if place is None:
                raise ValueError("lines do not fit")
            found[key] = place
        return found[key]

    return locate


def _statements(cell: Cell) -> list[ast.stmt]:
    """Return all statements of a cell, also those inside other statements."""
    nodes = walk_statements(readable(cell.source))
    return [node for node in nodes if isinstance(node, ast.stmt)]


def _definition_of_global(
    path: Path, cells: Mapping[str, Cell], statements: Callable[[str], list[ast.stmt]]
) -> tuple[str, int] | None:
    """Return the cell and the line that assign a global, such as a learning rate.

    The result is None if the section assigns it in no line or in several.
    """
    found = [
        (cell, node.lineno)
        for cell in cells
        for node in statements(cell)
        if node.col_offset == 0
        and isinstance(node, ast.Assign)
        and any(
            isinstance(part, ast.Name) and part.id == path[0]
            for target in node.targets
            for part in (getattr(target, "elts", None) or [target])
        )
    ]
    return found[0] if len(found) == 1 else None


def _line_of(line: int, path: Path, statements: list[ast.stmt]) -> int:
    """Return the first line of the innermost statement around a line.

    If the statement computes several values, return the line of the value at ``path``. In the head
    of a loop or of another compound statement, return the line itself.
    """
    containing = [node for node in statements if node.lineno <= line <= (node.end_lineno or 0)]
    if not containing:
        return line
    statement = max(containing, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
    if isinstance(getattr(statement, "body", None), list):
        return line
    parts = [*_parts(statement, path)]
    return parts[0].lineno if len(parts) == 1 else statement.lineno


def _parts(statement: ast.stmt, path: Path) -> Iterator[ast.expr]:
    """Yield the expressions in a statement that compute the value at ``path``.

    These are values of a dictionary, keyword arguments, and elements of a returned or assigned
    tuple.
    """
    for node in walk(statement):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == path[-1]:
                    yield value
        elif isinstance(node, ast.keyword) and node.arg == path[-1]:
            yield node.value
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            if len(path) == 2 and isinstance(path[1], int) and path[1] < len(node.value.elts):
                yield node.value.elts[path[1]]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
            yield from _assigned_parts(node, node.value, path)


def _assigned_parts(node: ast.Assign, values: ast.Tuple, path: Path) -> Iterator[ast.expr]:
    """Yield the elements of an assigned tuple that go to the variable at ``path``."""
    for target in node.targets:
        if isinstance(target, ast.Tuple) and len(target.elts) == len(values.elts):
            for name, value in zip(target.elts, values.elts, strict=True):
                if len(path) == 1 and isinstance(name, ast.Name) and name.id == path[0]:
                    yield value
