"""Record the operations of an update on symbolic numbers, each with its line in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.rules.program import parse_roots, parse_steps, require
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.records.rule import Spot, Steps, Trace
from gradkit.records.submission import Bound, Cell, Lost, Place
from gradkit.records.task import Array, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic import in_order
from gradkit.runtime.symbolic.numbers import GIVEN
from gradkit.sandbox.observe import call_of
from gradkit.sandbox.process import StudentProcess

BINARY: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": add, "sub": sub, "mul": mul, "truediv": truediv, "power": np.power
}  # fmt: skip
"""The operations of a trace with two operands. All others are functions of numpy."""


def observe_trace(
    sitting: StudentProcess, task: Task, bound: Bound, arrays: Mapping[str, Array]
) -> Trace:
    """Call a bound update once, and record the operations of each of its lines.

    Parameters
    ----------
    sitting : StudentProcess
    task : Task
    bound : Bound
    arrays : mapping of arrays (calls, …)
        The inputs of several calls. The function is called with those of the first call, as
        symbolic numbers that record how values are computed. From this record, the values are
        computed for all calls, as if each of them took the same branches.

    Returns
    -------
    Trace
        Without operations if the process was lost. If the call raised an exception, it has
        ``failure``, and the operations before the exception.
    """
    first = {name: value[0] for name, value in arrays.items()}
    data = {"call": call_of(bound, task), "watched": True}
    reply = sitting.ask(Frame("symbolic", first, data))
    if isinstance(reply, Lost):
        return Trace(bound.place, {}, lost=reply)
    try:
        steps = _steps(reply, sitting, task, arrays)
        failure = sitting.failure(reply.data["failure"])
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError) as error:
        # This only happens if student code sends a reply in place of gradkit's own code.
        text = f"the trace was garbled: {type(error).__name__}: {error}"[:200]
        return Trace(bound.place, {}, lost=Lost("protocol", text))
    after = {}
    for key in bound.convention.keys:
        own = [step for entry, step in steps.after.items() if entry[0] == key]
        if own:
            after[key] = _frozen(steps.values[own].T.reshape(arrays[key].shape))
    return Trace(bound.place, after, failure, steps=steps)


def _cells(sitting: StudentProcess) -> tuple[Cell, ...]:
    """Return all cells of the section that a process runs."""
    section = sitting.section
    return (*section.own, *section.shared, *section.borrowed)


def _steps(reply: Frame, sitting: StudentProcess, task: Task, arrays: Mapping[str, Array]) -> Steps:
    """Decode the operations in a reply of the student's process, and compute their values.

    ``reply`` records one call on symbolic numbers; ``arrays`` has the inputs of several calls by
    name. Each operation gets a value for every call, and its lines in the text that ``sitting``
    runs: one for each function on the call stack, the innermost first. ``task`` says which new
    values of parameters the reply must have.

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
    """Return the place, columns and names of the text that an operation was run from.

    Text on several lines has no columns.

    Parameters
    ----------
    place : Place or None
        The place of the operation's first line; None if it is in no submitted cell.
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


def _frozen(values: NDArray[Any]) -> Array:
    """Return a read-only copy of values as float64."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy
