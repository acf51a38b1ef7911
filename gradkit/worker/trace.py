"""Watch a student's function line by line: every number it makes, and where.

Runs in the student's process, by `sys.settrace`, which tells the same on every Python. Only
frames of the student's own cells are looked at. Values are read through base types, so
that nothing the student has overloaded runs because it is watched.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.worker.call import Call, Returned, describe_failure, evaluate
from gradkit.worker.frames import Frame

STEPS = 5_000
"""Lines of one call after which nothing more is recorded."""

EVENTS = 2_000
LARGEST = 4_096
"""Numbers in one array that is looked at."""

NUMBERS = 1_500_000
"""Numbers in a reply, which keeps it within a frame's body."""

NAMES = 40_000
"""Bytes of names in a reply, which keeps it within a frame's header."""

LEAVES = 256
DEPTH = 3
TEXT = 60

FIXED = (float, np.float64)
"""What stays as it is while it is the same object."""

KINDS = ("given", "global", "assigned", "changed", "passed", "returned")
GIVEN, GLOBAL, ASSIGNED, CHANGED, PASSED, RETURNED = range(len(KINDS))
"""``given`` are the arguments of the first call, ``global`` what was there outside of it."""

COLUMNS = ("cell", "line", "name", "shape", "offset", "kind", "prior", "inner")
"""``inner`` is 1 in functions that the watched one calls."""

INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>"})
"""Frames that are parts of expressions (from Python 3.12 on, comprehensions are none)."""

Path = tuple[str | int, ...]
Slot = tuple[int, Path]
Leaf = tuple[Path, Any, int]
"""The way to a value, the value, and the id of what holds it (0 for a name)."""

Content = tuple[tuple[int, ...], bytes]


def trace(find: Callable[[], Callable[..., Any]], cells: frozenset[str], frame: Frame) -> Frame:
    """Call a function once per row of the frame's arrays, watched.

    Parameters
    ----------
    find : callable
        Gives the function; what it raises counts as the student's.
    cells : frozenset of str
        File names of code to watch.
    frame : Frame
        As for `gradkit.worker.child.batch`.

    Returns
    -------
    Frame
        Arrays: ``events``, int64 of shape (events, 8) with the columns `COLUMNS`; ``values``,
        float64 of shape (kept calls, numbers), in which an event's begin at its offset;
        ``calls``, the rows that are kept: the largest group that took one way through the
        code; ``after/…``, the parameters of all rows. Data: tables of ``cells``, ``names``
        (paths) and ``shapes`` that the events point into; ``cut``, whether there was more;
        ``faults`` and ``failure`` as for a batch.
    """
    call, n = frame.data["call"], frame.data["n"]
    rows: list[Returned] = []
    recordings: list[Recording] = []
    failure = None
    tracing = sys.gettrace()
    try:
        function = find()
        # Whatever a first call makes of the cells' other statements is made before watching.
        evaluate(function, call, {name: value[0] for name, value in frame.arrays.items()})
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            recording = Recording(cells, NUMBERS // n)
            rows.append(recording.watch(lambda inputs=inputs: evaluate(function, call, inputs)))  # type: ignore[misc]
            recordings.append(recording)
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": len(rows)}
    finally:
        sys.settrace(tracing)
    arrays, data = _aligned(recordings)
    arrays |= _parameters(call, rows)
    faults = [[index, *fault] for index, row in enumerate(rows) for fault in row.faults][:LEAVES]
    return Frame("traced", arrays, {**data, "faults": faults, "failure": failure})


def _parameters(call: Call, rows: list[Returned]) -> dict[str, NDArray[Any]]:
    """What the calls left, with NaN where that was no number."""
    found = {}
    for name, shape in call["shapes"].items():
        gap = np.full(shape, np.nan)
        column = [row.arrays.get(name, gap) for row in rows]
        if column and all(value.dtype.kind in "fiu" for value in column):
            found[f"after/{name}"] = np.stack(column).astype(np.float64)
    return found


class Seen:
    """One value made by one line. ``step`` counts what was executed, so that calls compare."""

    __slots__ = ("cell", "kind", "line", "path", "prior", "slot", "step", "value")

    def __init__(
        self,
        step: int,
        where: tuple[str, int],
        kind: int,
        slot: Slot,
        value: NDArray[Any],
        prior: Seen | None,
    ) -> None:
        self.step = step
        self.cell, self.line = where
        self.kind, self.slot, self.path = kind, slot, slot[1]
        self.value, self.prior = value, prior

    def key(self) -> tuple[Any, ...]:
        """What the same event of another call has in common with this one."""
        return self.step, self.kind, self.slot, self.value.shape


class Recording:
    """One watched call.

    Parameters
    ----------
    cells : frozenset of str
        File names of code to watch.
    room : int
        Numbers that may be recorded.
    """

    def __init__(self, cells: frozenset[str], room: int) -> None:
        self.events: list[Seen] = []
        self.steps: list[tuple[str, int, str, int]] = []
        self.cut = False
        self._cells = cells
        self._frames: dict[int, int] = {}
        self._lines: dict[int, int] = {}
        self._stack: list[FrameType] = []
        self._count = 0
        self._room = room
        # Values are kept, so that the id of none is given to another.
        self._slots: dict[Slot, tuple[int, Content, Seen, Any]] = {}
        self._arrays: dict[int, tuple[Any, Content, Seen]] = {}

    def watch(self, action: Callable[[], Returned]) -> Returned:
        """Do something, watched."""
        sys.settrace(self._enter)
        try:
            return action()
        finally:
            sys.settrace(None)
            self._arrays.clear()
            self._slots.clear()
            self._stack.clear()

    # --- what the interpreter calls ------------------------------------------------------

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if self.cut or frame.f_code.co_filename not in self._cells:
            return None
        return self._safely(self._begin, frame, None)

    def _inside(self, frame: FrameType, event: str, argument: Any) -> Any:
        if self.cut:
            return None
        if event == "line":
            return self._safely(self._line, frame, None)
        if event == "return":
            return self._safely(self._end, frame, argument)
        return self._inside

    def _safely(self, step: Callable[[FrameType, Any], None], frame: FrameType, value: Any) -> Any:
        """An exception in here would come out of the student's statement."""
        try:
            step(frame, value)
        except Exception:
            self.cut = True
        self.cut = self.cut or len(self.steps) > STEPS
        return None if self.cut else self._inside

    def _begin(self, frame: FrameType, _: Any) -> None:
        code = frame.f_code
        caller = self._stack[-1] if self._stack else None
        number = self._count
        self._count += 1
        self._frames[id(frame)], self._lines[id(frame)] = number, frame.f_lineno
        self.steps.append(("call", number, code.co_filename, frame.f_lineno))
        where = (code.co_filename, code.co_firstlineno)
        for leaf in self._globals(frame):
            if (-1, leaf[0]) not in self._slots:
                self._look(-1, leaf, GLOBAL, where)
        kind = GIVEN if caller is None else PASSED
        if caller is not None:
            where = (caller.f_code.co_filename, self._lines[id(caller)])
        for leaf in _leaves_of(frame.f_locals):
            self._look(number, leaf, kind, where)
        self._stack.append(frame)

    def _line(self, frame: FrameType, _: Any) -> None:
        self._settle(frame)
        self._lines[id(frame)] = frame.f_lineno
        code = frame.f_code.co_filename
        self.steps.append(("line", self._frames[id(frame)], code, frame.f_lineno))

    def _end(self, frame: FrameType, returned: Any) -> None:
        self._settle(frame)
        number = self._frames.pop(id(frame))
        line = self._lines.pop(id(frame))
        self._stack.remove(frame)
        code = frame.f_code
        self.steps.append(("return", number, code.co_filename, line))
        if returned is not None and code.co_name not in INLINED:
            for leaf in _leaves(("return",), returned, DEPTH):
                self._look(number, leaf, RETURNED, (code.co_filename, line))

    # --- what has changed ----------------------------------------------------------------

    def _settle(self, frame: FrameType) -> None:
        """Put down to the line that has just been executed whatever is new since."""
        number = self._frames[id(frame)]
        where = (frame.f_code.co_filename, self._lines[id(frame)])
        for leaf in _leaves_of(frame.f_locals):
            self._look(number, leaf, ASSIGNED, where)
        for leaf in self._globals(frame):
            self._look(-1, leaf, ASSIGNED, where)

    def _globals(self, frame: FrameType) -> Iterator[Leaf]:
        names = frame.f_globals
        found = {}
        for name in frame.f_code.co_names:
            # The namespace makes missing names; looking must not.
            value = dict.get(names, name)
            if value is not None and not callable(value):
                found[name] = value
        yield from _leaves_of(found)

    def _look(self, number: int, leaf: Leaf, kind: int, where: tuple[str, int]) -> None:
        path, value, holder = leaf
        slot = (number, path)
        known = self._arrays.get(id(value))
        before = self._slots.get(slot)
        # A dict copied with the same arrays in it holds them anew.
        same = before is not None and before[0] == holder and before[3] is value
        if same and type(value) in FIXED:
            return
        array = _read(value)
        if array is None:
            return
        content: Content = (array.shape, array.tobytes())
        prior: Seen | None
        if same and known is not None:
            if known[1] == content:
                # Changed meanwhile, maybe, but by a line that has been written down.
                self._slots[slot] = (holder, content, known[2], value)
                return
            kind, prior = (CHANGED if kind == ASSIGNED else kind), known[2]
        elif before is not None:
            if before[1] == content and not issubclass(type(value), np.ndarray):
                # A number that is made anew is the same number; an array may be a copy.
                self._slots[slot] = (holder, content, before[2], value)
                return
            prior = before[2]
        else:
            prior = known[2] if known is not None else None
        self._room -= array.size
        if len(self.events) >= EVENTS or self._room < 0:
            self.cut = True
            return
        seen = Seen(len(self.steps), where, kind, slot, array, prior)
        self.events.append(seen)
        self._slots[slot] = (holder, content, seen, value)
        if issubclass(type(value), np.ndarray | list):
            self._arrays[id(value)] = (value, content, seen)


# --- reading values ------------------------------------------------------------------------


def _leaves_of(names: Mapping[str, Any]) -> Iterator[Leaf]:
    for name, value in list(names.items()):
        # The hidden iterator of a comprehension is ".0".
        if not name.startswith((".", "__")):
            yield from _leaves((name[:TEXT],), value, DEPTH)


def _leaves(path: Path, value: Any, depth: int, holder: int = 0) -> Iterator[Leaf]:
    """Arrays and numbers in a value, each with the way to it."""
    kind = type(value)
    if issubclass(kind, np.ndarray | np.number | float):
        yield path, value, holder
    elif not depth:
        return
    elif issubclass(kind, dict):
        for key, item in list(dict.items(value))[:LEAVES]:
            if type(key) is int or (type(key) is str and key.isprintable()):
                step = key[:TEXT] if isinstance(key, str) else key
                yield from _leaves((*path, step), item, depth - 1, id(value))
    elif issubclass(kind, list | tuple):
        if kind is list and _read(value) is not None:
            yield path, value, holder
            return
        items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        for index, item in zip(range(LEAVES), items, strict=False):
            yield from _leaves((*path, index), item, depth - 1, id(value))
    elif depth == DEPTH and not issubclass(kind, type):
        # An object of the student's own class keeps its arrays as attributes.
        for name, item in list(_attributes(value).items())[:LEAVES]:
            if type(name) is str and name.isidentifier():
                yield from _leaves((*path, f".{name[:TEXT]}"), item, depth - 1, id(value))


def _attributes(value: Any) -> dict[Any, Any]:
    if type(value).__module__.partition(".")[0] in ("builtins", "numpy", "pandas", "torch"):
        return {}
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:
        return {}
    return found if type(found) is dict else {}


def _read(value: Any) -> NDArray[Any] | None:
    """A copy as a base array of numbers, or None. A table of plain numbers counts as an array."""
    kind = type(value)
    if issubclass(kind, np.ndarray):
        view = np.ndarray.view(value, np.ndarray)
        if view.dtype.kind not in "fiu" or not 0 < view.size <= LARGEST:
            return None
        return np.array(view, dtype=np.float64)
    if issubclass(kind, float | np.number):
        plain = float.__float__(value) if issubclass(kind, float) else _number(value)
        return None if plain is None else np.array(plain)
    if kind is list and 0 < len(value) <= LEAVES:
        return _table(value)
    return None


def _number(value: np.number[Any]) -> float | None:
    kinds = np.floating | np.integer
    if type(value).__module__ != "numpy" or not issubclass(type(value), kinds):
        return None
    return None if issubclass(type(value), np.timedelta64) else float(value)


def _table(value: list[Any]) -> NDArray[Any] | None:
    rows = value if all(type(row) is list for row in value) else [value]
    width = len(rows[0])
    numbers = (int, float, np.float64)
    if not width or any(len(row) != width for row in rows) or width * len(rows) > LARGEST:
        return None
    if not all(type(item) in numbers for row in rows for item in row):
        return None
    try:
        table = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return table if rows is value else table[0]


# --- several calls side by side --------------------------------------------------------------


def _aligned(recordings: list[Recording]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Events that happened in all of the calls that took the way most calls took.

    An event that some of them lack, because the value happened to stay the same, is
    filled in with what its name held.
    """
    ways: dict[tuple[Any, ...], list[int]] = {}
    for index, recording in enumerate(recordings):
        ways.setdefault(tuple(recording.steps), []).append(index)
    kept = max(ways.values(), key=len, default=[])
    chosen = [recordings[index] for index in kept]
    merged: dict[tuple[Any, ...], Seen] = {}
    for recording in chosen:
        for seen in recording.events:
            merged.setdefault(seen.key(), seen)
    tables = _Tables()
    cut = any(recording.cut for recording in chosen)
    held: list[dict[Slot, Seen]] = [{} for _ in chosen]
    made = [{seen.key(): seen for seen in recording.events} for recording in chosen]
    columns: list[NDArray[Any]] = []
    # Within a step the first call's order stands.
    for key, seen in sorted(merged.items(), key=lambda item: item[0][0]):
        for known, mine in zip(held, made, strict=True):
            if key in mine:
                known[seen.slot] = mine[key]
        values = [known.get(seen.slot) for known in held]
        if any(value is None or value.value.shape != seen.value.shape for value in values):
            continue
        if not tables.add(key, seen):
            cut = True
            break
        columns.append(np.stack([value.value.ravel() for value in values if value is not None]))
    total = np.concatenate(columns, axis=1) if columns else np.zeros((len(chosen), 0))
    arrays: dict[str, NDArray[Any]] = {"values": total, "calls": np.array(kept, dtype=np.int64)}
    arrays["events"] = np.array(tables.rows, dtype=np.int64).reshape(-1, len(COLUMNS))
    return arrays, {**tables.data(), "cut": cut}


class _Tables:
    """Events as rows of numbers, with what they point at told once."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self._cells: dict[str, int] = {}
        self._names: dict[Path, int] = {}
        self._shapes: dict[tuple[int, ...], int] = {}
        self._keys: dict[tuple[Any, ...], int] = {}
        self._room = NAMES
        self._offset = 0

    def add(self, key: tuple[Any, ...], seen: Seen) -> bool:
        """Add an event; False where the names grow too long."""
        if seen.path not in self._names:
            self._room -= len(json.dumps(list(seen.path))) + 16
            if self._room < 0:
                return False
        prior = -1 if seen.prior is None else self._keys.get(seen.prior.key(), -1)
        self._keys[key] = len(self.rows)
        self.rows.append(
            [
                self._cells.setdefault(seen.cell, len(self._cells)),
                seen.line,
                self._names.setdefault(seen.path, len(self._names)),
                self._shapes.setdefault(seen.value.shape, len(self._shapes)),
                self._offset,
                seen.kind,
                prior,
                int(seen.slot[0] > 0),
            ]
        )
        self._offset += seen.value.size
        return True

    def data(self) -> dict[str, Any]:
        return {
            "cells": list(self._cells),
            "names": [list(path) for path in self._names],
            "shapes": [list(shape) for shape in self._shapes],
        }
