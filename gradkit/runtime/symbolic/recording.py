"""What a call does, line by line: every number that a student's statements make.

By `sys.settrace`, which tells the same on every Python. Only frames of the student's own cells
are looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.call import Arrays, Before
from gradkit.runtime.symbolic.values import DEPTH, Carrier, Leaf, Path, leaves, leaves_of, read

NUMBERS = 1_500_000
"""Numbers in a recording, which keeps it within a frame's body."""

STEPS = 5_000
"""Lines of one call after which nothing more is recorded."""

EVENTS = 2_000

Result = TypeVar("Result")
Read = Callable[[Any], NDArray[Any] | None]

FIXED = (float, np.float64, Carrier)
"""What stays as it is while it is the same object."""

KINDS = ("given", "global", "assigned", "changed", "passed", "returned")
GIVEN, GLOBAL, ASSIGNED, CHANGED, PASSED, RETURNED = range(len(KINDS))
"""``given`` are the arguments of the first call, ``global`` what was there outside of it."""

INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>"})
"""Frames that are parts of expressions (from Python 3.12 on, comprehensions are none)."""

Slot = tuple[int, Path]
Where = tuple[str, int]
"""A file, and a line of it."""

Content = tuple[tuple[int, ...], bytes]


def unwatched(before: Before) -> Before:
    """Return the same, watched by nobody."""

    def first(inputs: Arrays, parameters: Mapping[str, Any] | None) -> None:
        watching = sys.gettrace()
        sys.settrace(None)
        try:
            before(inputs, parameters)
        finally:
            sys.settrace(watching)

    return first


@dataclass(slots=True, eq=False)
class Seen:
    """One value made by one line."""

    where: Where
    kind: int
    slot: Slot
    value: NDArray[Any]
    prior: Seen | None


class Recording:
    """One watched call.

    Parameters
    ----------
    cells : frozenset of str
        File names of code to watch.
    read : callable
        What is recorded of a value.
    """

    def __init__(self, cells: frozenset[str], read: Read = read) -> None:
        self.events: list[Seen] = []
        self._steps = 0
        self.cut = False
        self._cells = cells
        self._frames: dict[int, int] = {}
        self._lines: dict[int, int] = {}
        self._stack: list[FrameType] = []
        self._count = 0
        self._room, self._read = NUMBERS, read
        # Values are kept, so that the id of none is given to another.
        self._slots: dict[Slot, tuple[int, Content, Seen, Any]] = {}
        self._arrays: dict[int, tuple[Any, Content, Seen]] = {}

    def watch(self, action: Callable[[], Result]) -> Result:
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
        self.cut = self.cut or self._steps > STEPS
        return None if self.cut else self._inside

    def _begin(self, frame: FrameType, _: Any) -> None:
        code = frame.f_code
        caller = self._stack[-1] if self._stack else None
        number = self._count
        self._count += 1
        self._frames[id(frame)] = number
        self._at(frame)
        where = (code.co_filename, code.co_firstlineno)
        for leaf in self._globals(frame):
            if (-1, leaf[0]) not in self._slots:
                self._look(-1, leaf, GLOBAL, where)
        kind = GIVEN if caller is None else PASSED
        if caller is not None:
            where = (caller.f_code.co_filename, self._lines[id(caller)])
        for leaf in leaves_of(frame.f_locals):
            self._look(number, leaf, kind, where)
        self._stack.append(frame)

    def _line(self, frame: FrameType, _: Any) -> None:
        self._settle(frame)
        self._at(frame)

    def _at(self, frame: FrameType) -> None:
        self._steps += 1
        self._lines[id(frame)] = frame.f_lineno

    def _end(self, frame: FrameType, returned: Any) -> None:
        self._settle(frame)
        number = self._frames.pop(id(frame))
        line = self._lines.pop(id(frame))
        self._stack.remove(frame)
        code = frame.f_code
        self._steps += 1
        if returned is not None and code.co_name not in INLINED:
            for leaf in leaves(("return",), returned, DEPTH):
                self._look(number, leaf, RETURNED, (code.co_filename, line))

    # --- what has changed ----------------------------------------------------------------

    def _settle(self, frame: FrameType) -> None:
        """Put down to the line that has just been executed whatever is new since."""
        number = self._frames[id(frame)]
        where = (frame.f_code.co_filename, self._lines[id(frame)])
        for leaf in leaves_of(frame.f_locals):
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
        yield from leaves_of(found)

    def _look(self, number: int, leaf: Leaf, kind: int, where: Where) -> None:
        path, value, holder = leaf
        slot = (number, path)
        known = self._arrays.get(id(value))
        before = self._slots.get(slot)
        # A dict copied with the same arrays in it holds them anew.
        same = before is not None and before[0] == holder and before[3] is value
        if same and issubclass(type(value), FIXED):
            return
        array = self._read(value)
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
        seen = Seen(where, kind, slot, array, prior)
        self.events.append(seen)
        self._slots[slot] = (holder, content, seen, value)
        if issubclass(type(value), np.ndarray | list):
            self._arrays[id(value)] = (value, content, seen)


# --- as arrays and tables that fit into a frame ----------------------------------------------

NAMES = 40_000
"""Bytes of names in a reply, which keeps it within a frame's header."""

COLUMNS = ("cell", "line", "name", "shape", "offset", "kind", "prior", "frame")
"""``frame`` numbers the functions that were run, 0 the watched one; −1 is outside of them."""


def told(recording: Recording) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the events as rows of numbers, and tables of what they point at."""
    cells, names, shapes = dict[str, int](), dict[Path, int](), dict[tuple[int, ...], int]()
    rows, values, known = list[list[int]](), list[NDArray[Any]](), dict[int, int]()
    offset, room = 0, NAMES
    for seen in recording.events:
        (cell, line), (frame, path) = seen.where, seen.slot
        room -= 0 if path in names else len(json.dumps(list(path))) + 16
        if room < 0:
            recording.cut = True
            break
        known[id(seen)] = len(rows)
        rows.append(
            [
                cells.setdefault(cell, len(cells)),
                line,
                names.setdefault(path, len(names)),
                shapes.setdefault(seen.value.shape, len(shapes)),
                offset,
                seen.kind,
                -1 if seen.prior is None else known.get(id(seen.prior), -1),
                frame,
            ]
        )
        values.append(seen.value.ravel())
        offset += seen.value.size
    arrays = {
        "events": np.array(rows, dtype=np.int64).reshape(-1, len(COLUMNS)),
        "values": np.concatenate(values or [np.zeros(0, dtype=int)]),
    }
    tables = {"cells": list(cells), "names": [*map(list, names)], "shapes": [*map(list, shapes)]}
    return arrays, {**tables, "cut": recording.cut}
