"""Have a function watched, and tell what it made in the student's own lines."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.rules.program import made_in, require, roots_in
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.records.observations import Bound, Convention, Lost
from gradkit.records.rule import Event, Kind, Spot, Steps, Trace
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Array, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic import in_order
from gradkit.runtime.symbolic.numbers import GIVEN
from gradkit.runtime.symbolic.recording import COLUMNS, KINDS
from gradkit.runtime.syntax import readable, walk, walk_statements
from gradkit.sandbox.observe import call_of, shapes_of
from gradkit.sandbox.process import StudentProcess

TWO: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": add, "sub": sub, "mul": mul, "truediv": truediv, "power": np.power
}  # fmt: skip

Path = tuple[str | int, ...]
Locate = Callable[[str, int, Path, bool], Place]


def observe_trace(
    sitting: StudentProcess,
    task: Task,
    bound: Bound,
    arrays: Mapping[str, Array],
    *,
    plain: bool = False,
) -> Trace:
    """Call a bound function once, watched line by line.

    Parameters
    ----------
    sitting : StudentProcess
    task : Task
    bound : Bound
        An update or a forward pass.
    arrays : mapping of arrays (calls, …)
        It is called with the first of each, with numbers that know how they were made. What it
        made is told for all, as if it took the same way with each.
    plain : bool
        With the numbers as they are instead, and told for the first alone.

    Returns
    -------
    Trace
        Without events where the worker was lost; ``failure`` where the call raised, with the
        events before that.
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
        # Only code that answers in the worker's place comes here.
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
    section = sitting.section
    return (*section.own, *section.shared, *section.borrowed)


def _steps(reply: Frame, sitting: StudentProcess, task: Task, arrays: Mapping[str, Array]) -> Steps:
    flat = [arrays[key].reshape(len(arrays[key]), -1) for key in in_order(arrays)]
    given = np.concatenate(flat, axis=1).T
    made = made_in(reply, len(given))
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
                values[number] = again(step.operation, *values[[*step.into]])
            else:
                atom = step.operation == GIVEN
                values[number] = given[int(step.figure)] if atom else step.figure
    by_step = tuple(spots.get(stack, ()) for stack in reply.arrays["steps"][:, 3].tolist())
    after = roots_in(reply, shape_of(task).entries, len(made))
    return Steps(tuple(made), _frozen(values), by_step, after)


def _spot(
    place: Place | None, lines: list[str], line: int, last: int, start: int, end: int
) -> Spot:
    if place is None:
        raise ValueError("lines do not fit")
    text = lines[line - 1 : last]
    if len(text) != 1 or not 0 <= start < end:
        return Spot(place, (), frozenset(re.findall(r"\w+", " ".join(text))))
    # Python counts bytes.
    encoded = text[0].encode()
    head, piece = (part.decode(errors="replace") for part in (encoded[:start], encoded[start:end]))
    names = frozenset(re.findall(r"\w+", piece))
    return Spot(place, (len(head), len(head) + len(piece)), names)


def again(operation: str, one: Array, other: Array) -> Array:
    """Do what a step did, with these."""
    if operation not in TWO:
        return np.asarray(getattr(np, operation)(one))
    return np.asarray(TWO[operation](one, other))


def _events(
    reply: Frame,
    values: NDArray[Any],
    numbers: NDArray[Any],
    sitting: StudentProcess,
    task: Task,
    bound: Bound,
) -> Iterator[Event]:
    """The rows of the reply, each of which points into its tables."""
    locate = _locator(sitting)
    cells, shapes = reply.data["cells"], reply.data["shapes"]
    paths: list[Path] = [tuple(path) for path in reply.data["names"]]
    require(all(paths), "names")
    ours = {key: name for name, key in bound.convention.keys.items()}
    parameters = [ours.get(str(path[-1]), "") for path in paths]
    names = [_written(path) for path in paths]
    rows = reply.arrays["events"]
    require(rows.dtype == np.int64 and rows.shape[1:] == (len(COLUMNS),), "events")
    for number, row in enumerate(rows.tolist()):
        cell, line, name, shape, offset, kind, prior, frame = row
        require(min(cell, name, shape, offset, kind) >= 0 and -1 <= prior < number, "events")
        end = offset + int(np.prod(shapes[shape]))
        part = values[:, offset:end].reshape(len(values), *shapes[shape])
        made = numbers[offset:end].reshape(1, *shapes[shape])
        outside = KINDS[kind] == "global"
        told: Kind = "given" if outside else KINDS[kind]  # type: ignore[assignment]
        yield Event(
            locate(str(cells[cell]), line, paths[name], outside),
            names[name],
            told,
            _frozen(_turned(part, task, bound.convention)),
            parameters[name],
            prior if prior >= 0 else None,
            frame,
            tuple(_turned(made, task, bound.convention).reshape(-1).tolist()),
        )


def _turned(values: NDArray[Any], task: Task, convention: Convention) -> NDArray[Any]:
    """Matrices laid out as (out, in) the other way round."""
    weights = [s for key, s in shapes_of(task).items() if key[0] == "W"]
    if convention.weights == "out_in" and values.shape[:0:-1] in weights:
        return np.swapaxes(values, 1, 2)
    return values


def _frozen(values: NDArray[Any]) -> Array:
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def _written(path: Path) -> str:
    """A path as Python: ``cache['A'][0]``, ``self.W1``."""
    text = str(path[0])
    for step in path[1:]:
        attribute = isinstance(step, str) and step.startswith(".")
        text += str(step) if attribute else f"[{step!r}]"
    return text


# --- the line that a reader looks for --------------------------------------------------------


def _locator(sitting: StudentProcess) -> Locate:
    """Places of lines, mended where the statement says more than the line that ran."""
    cells = {cell.id: cell for cell in _cells(sitting)}
    parsed: dict[str, list[ast.stmt]] = {}
    made: dict[tuple[str, int, Path, bool], Place] = {}

    def statements(cell: str) -> list[ast.stmt]:
        if cell not in parsed:
            parsed[cell] = _statements(cells[cell]) if cell in cells else []
        return parsed[cell]

    def locate(cell: str, line: int, path: Path, outside: bool) -> Place:
        key = (cell, line, path, outside)
        if key not in made:
            where = _global_of(path, cells, statements) if outside else None
            if where is None:
                where = (cell, _line_of(line, path, statements(cell)))
            place = sitting.place(list(where))
            if place is None:
                raise ValueError("lines do not fit")
            made[key] = place
        return made[key]

    return locate


def _statements(cell: Cell) -> list[ast.stmt]:
    nodes = walk_statements(readable(cell.source))
    return [node for node in nodes if isinstance(node, ast.stmt)]


def _global_of(
    path: Path, cells: Mapping[str, Cell], statements: Callable[[str], list[ast.stmt]]
) -> tuple[str, int] | None:
    """Where a global number such as a learning rate is set, if that is at one place."""
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
    """The first line of the statement or, of a statement that makes several values, its part's."""
    around = [node for node in statements if node.lineno <= line <= (node.end_lineno or 0)]
    if not around:
        return line
    statement = max(around, key=lambda node: (node.lineno, -(node.end_lineno or 0)))
    if isinstance(getattr(statement, "body", None), list):
        return line
    parts = [*_parts(statement, path)]
    return parts[0].lineno if len(parts) == 1 else statement.lineno


def _parts(statement: ast.stmt, path: Path) -> Iterator[ast.expr]:
    """What, in a display of several values, stands for the one at ``path``."""
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
            yield from _of_pair(node, node.value, path)


def _of_pair(node: ast.Assign, values: ast.Tuple, path: Path) -> Iterator[ast.expr]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and len(target.elts) == len(values.elts):
            for name, value in zip(target.elts, values.elts, strict=True):
                if len(path) == 1 and isinstance(name, ast.Name) and name.id == path[0]:
                    yield value
