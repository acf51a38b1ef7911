"""Have a function watched, and tell what it made in the student's own lines."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.loop_targets import Rounds, canonical, rounds_of
from gradkit.records.observations import Bound, Convention, Lost
from gradkit.records.rule import Event, Kind, Trace
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Array, Batch, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.syntax import parse, walk, walk_statements
from gradkit.runtime.trace import COLUMNS, KINDS
from gradkit.sandbox.observe import call_of, shapes_of
from gradkit.sandbox.process import StudentProcess

Path = tuple[str | int, ...]
Locate = Callable[[str, int, Path, bool], Place]
Over = Callable[[str, int, Path], tuple[Place | None, ...]]


def observe_trace(sitting: StudentProcess, task: Task, bound: Bound, batch: Batch) -> Trace:
    """Call a bound function once per row of ``batch``, watched line by line.

    Parameters
    ----------
    sitting : StudentProcess
    task : Task
    bound : Bound
        An update, whose new parameters are told as well, or a forward pass.
    batch : Batch
        A handful of calls: with fewer than three, values tell little.

    Returns
    -------
    Trace
        Without events where the worker was lost; ``failure`` where a call raised, with the
        events of the calls before it.
    """
    data = {"call": call_of(bound, task), "n": len(batch.labels)}
    reply = sitting.ask("trace", data, batch.inputs)
    if isinstance(reply, Lost):
        return Trace(bound.place, (), (), {}, lost=reply)
    try:
        return _read(reply, sitting, task, bound, len(batch.labels))
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # Only code that answers in the worker's place comes here.
        text = f"the trace was garbled: {type(error).__name__}: {error}"[:200]
        return Trace(bound.place, (), (), {}, lost=Lost("protocol", text))


def _read(reply: Frame, sitting: StudentProcess, task: Task, bound: Bound, n: int) -> Trace:
    """The reply as a record; what does not fit together raises."""
    arrays, data = reply.arrays, reply.data
    values, rows, calls = arrays["values"], arrays["events"], arrays["calls"]
    _require(values.dtype == np.float64 and values.ndim == 2, "values")
    _require(rows.dtype == np.int64 and rows.shape[1:] == (len(COLUMNS),), "events")
    _require(calls.dtype == np.int64 and calls.shape == values.shape[:1], "calls")
    _require(set(calls.tolist()) <= set(range(n)), "calls")
    after = {}
    for key, shape in shapes_of(task).items():
        found = arrays.get(f"after/{key}")
        if found is not None and key in bound.convention.keys:
            _require(found.dtype == np.float64 and found.shape[1:] == shape, f"after/{key}")
            after[key] = _frozen(found[calls])
    over = _looper(sitting, bound.convention)
    events = tuple(_events(reply, task, bound, _locator(sitting), over))
    kept, failure = tuple(calls.tolist()), sitting.failure(data["failure"])
    return Trace(bound.place, events, kept, after, data["cut"] is True, failure)


def _require(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError(f"{what} do not fit")


def _events(reply: Frame, task: Task, bound: Bound, locate: Locate, over: Over) -> Iterator[Event]:
    """The rows of the reply, each of which points into its tables."""
    cells, shapes = reply.data["cells"], reply.data["shapes"]
    paths: list[Path] = [tuple(path) for path in reply.data["names"]]
    _require(all(paths), "names")
    parameters = [_parameter(path, bound.convention) for path in paths]
    names = [_written(path) for path in paths]
    values = reply.arrays["values"]
    for number, row in enumerate(reply.arrays["events"].tolist()):
        cell, line, name, shape, offset, kind, prior, frame, run = row
        _require(min(cell, name, shape, offset, kind) >= 0 and -1 <= prior < number, "events")
        size = int(np.prod(shapes[shape]))
        part = values[:, offset : offset + size].reshape(len(values), *shapes[shape])
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
            run,
            over(str(cells[cell]), line, paths[name]) if parameters[name] else (),
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


def _parameter(path: Path, convention: Convention) -> str:
    ours = {key: name for name, key in convention.keys.items()}
    return ours.get(str(path[-1]), "")


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
    section = sitting.section
    cells = {cell.id: cell for cell in (*section.own, *section.shared, *section.borrowed)}
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


def _looper(sitting: StudentProcess, convention: Convention) -> Over:
    """Where the loops end that choose what a line writes to, see `Event`."""
    section = sitting.section
    cells = {cell.id: cell for cell in (*section.own, *section.shared, *section.borrowed)}
    parsed: dict[str, tuple[list[ast.stmt], Rounds]] = {}

    def over(cell: str, line: int, path: Path) -> tuple[Place | None, ...]:
        if cell not in parsed:
            statements = _statements(cells[cell]) if cell in cells else []
            parsed[cell] = statements, rounds_of(parse(cells[cell].source)) if statements else {}
        statements, rounds = parsed[cell]
        if not rounds:
            return ()
        root, lines, texts = rounds.get(_line_of(line, path, statements), ("", (), 0))
        if not lines:
            return ()
        steps = [step for step in path[1:] if not str(step).startswith(".")]
        keys = max(texts, len(steps) if root == path[0] else 0)
        weight = _parameter(path, convention).startswith("W")
        turned = convention.weights == "out_in" if weight else convention.biases == "row"
        found = canonical(lines, keys, turned=turned)
        return tuple(None if end is None else sitting.place([cell, end]) for end in found)

    return over


def _statements(cell: Cell) -> list[ast.stmt]:
    try:
        tree = parse(cell.source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [node for node in walk_statements(tree) if isinstance(node, ast.stmt)]


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
        and any(isinstance(target, ast.Name) and target.id == path[0] for target in node.targets)
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
