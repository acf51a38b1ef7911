"""Record the values that a student's statements assign and return during a call, line by line.

This uses `sys.settrace`, which reports the same events on every version of Python. Only frames of
the student's own cells are watched.
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
from gradkit.runtime.symbolic.values import MAX_DEPTH, Carrier, Leaf, Path, leaves, leaves_of, read

MAX_NUMBERS = 1_500_000
"""Most numbers in a recording, so that it fits into a frame's body."""

MAX_LINES = 5_000
"""Most lines of one call that are recorded."""

MAX_EVENTS = 2_000
"""Most values in a recording."""

Result = TypeVar("Result")
Read = Callable[[Any], NDArray[Any] | None]

IMMUTABLE = (float, np.float64, Carrier)
"""Types whose values cannot change, so that the same object has the same value."""

KINDS = ("given", "global", "assigned", "changed", "passed", "returned")
GIVEN, GLOBAL, ASSIGNED, CHANGED, PASSED, RETURNED = range(len(KINDS))
"""Kinds of events. ``given`` are arguments of the first call, ``passed`` those of inner calls;
``global`` values existed before the call."""

INLINED = frozenset({"<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>"})
"""Names of frames that are parts of expressions, so that their results are not recorded."""

Slot = tuple[int, Path]
"""A place that holds a value: the number of a frame (-1 for globals), and a path."""

Where = tuple[str, int]
"""A file, and a line in it."""

Content = tuple[tuple[int, ...], bytes]
"""Shape and bytes of an array, to compare values."""


def unwatched(before: Before) -> Before:
    """Return a function that calls another with tracing switched off."""

    def call_untraced(inputs: Arrays, parameters: Mapping[str, Any] | None) -> None:
        """Call the function without tracing, and restore the trace function afterwards."""
        watching = sys.gettrace()
        sys.settrace(None)
        try:
            before(inputs, parameters)
        finally:
            sys.settrace(watching)

    return call_untraced


@dataclass(slots=True, eq=False)
class Seen:
    """A value that a line has created: its slot, the kind of event, and the slot's prior value."""

    where: Where
    kind: int
    slot: Slot
    value: NDArray[Any]
    prior: Seen | None


class Recording:
    """The values recorded during one watched call.

    Parameters
    ----------
    cells : frozenset of str
        File names of code to watch.
    read : callable
        Returns the array to record for a value, or None.

    Attributes
    ----------
    events : list of Seen
        The recorded values, in order.
    cut : bool
        Whether recording stopped early, at a limit or because of an error.
    """

    def __init__(self, cells: frozenset[str], read: Read = read) -> None:
        """Start without any recorded values; `watch` records."""
        self.events: list[Seen] = []
        self._steps = 0
        self.cut = False
        self._cells = cells
        self._frames: dict[int, int] = {}
        self._lines: dict[int, int] = {}
        self._stack: list[FrameType] = []
        self._count = 0
        self._room, self._read = MAX_NUMBERS, read
        # Values are kept alive, so that no new object gets the id of an old one.
        self._slots: dict[Slot, tuple[int, Content, Seen, Any]] = {}
        self._arrays: dict[int, tuple[Any, Content, Seen]] = {}

    def watch(self, action: Callable[[], Result]) -> Result:
        """Run an action with recording switched on, and return its result."""
        sys.settrace(self._on_call)
        try:
            return action()
        finally:
            sys.settrace(None)
            self._arrays.clear()
            self._slots.clear()
            self._stack.clear()

    # --- trace functions, called by the interpreter --------------------------------------

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Begin recording a new frame of a watched cell; return its trace function, or None."""
        if self.cut or frame.f_code.co_filename not in self._cells:
            return None
        return self._call_safely(self._begin_frame, frame, None)

    def _on_line_or_return(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Record the values at a line or at the return of a frame; return the next trace function.

        None ends the tracing of the frame.
        """
        if self.cut:
            return None
        if event == "line":
            return self._call_safely(self._finish_line, frame, None)
        if event == "return":
            return self._call_safely(self._end_frame, frame, argument)
        return self._on_line_or_return

    def _call_safely(
        self, step: Callable[[FrameType, Any], None], frame: FrameType, value: Any
    ) -> Any:
        """Call a recording step, stop recording if it raises, and return the next trace function.

        An exception of this class must not reach the student's statement.
        """
        try:
            step(frame, value)
        except Exception:
            self.cut = True
        self.cut = self.cut or self._steps > MAX_LINES
        return None if self.cut else self._on_line_or_return

    def _begin_frame(self, frame: FrameType, _: Any) -> None:
        """Assign a number to a new frame; record its arguments and the globals that it uses."""
        code = frame.f_code
        caller = self._stack[-1] if self._stack else None
        number = self._count
        self._count += 1
        self._frames[id(frame)] = number
        self._note_line(frame)
        where = (code.co_filename, code.co_firstlineno)
        for leaf in self._global_leaves(frame):
            if (-1, leaf[0]) not in self._slots:
                self._record_leaf(-1, leaf, GLOBAL, where)
        kind = GIVEN if caller is None else PASSED
        if caller is not None:
            where = (caller.f_code.co_filename, self._lines[id(caller)])
        for leaf in leaves_of(frame.f_locals):
            self._record_leaf(number, leaf, kind, where)
        self._stack.append(frame)

    def _finish_line(self, frame: FrameType, _: Any) -> None:
        """Record the values that the last line of a frame assigned, and note its next line."""
        self._record_new_values(frame)
        self._note_line(frame)

    def _note_line(self, frame: FrameType) -> None:
        """Store the line that a frame executes next, and count it."""
        self._steps += 1
        self._lines[id(frame)] = frame.f_lineno

    def _end_frame(self, frame: FrameType, returned: Any) -> None:
        """Record the values of a frame's last line and its returned value, and forget the frame."""
        self._record_new_values(frame)
        number = self._frames.pop(id(frame))
        line = self._lines.pop(id(frame))
        self._stack.remove(frame)
        code = frame.f_code
        self._steps += 1
        if returned is not None and code.co_name not in INLINED:
            for leaf in leaves(("return",), returned, MAX_DEPTH):
                self._record_leaf(number, leaf, RETURNED, (code.co_filename, line))

    # --- new values ----------------------------------------------------------------------

    def _record_new_values(self, frame: FrameType) -> None:
        """Record new values of a frame's variables and globals for the line just executed."""
        number = self._frames[id(frame)]
        where = (frame.f_code.co_filename, self._lines[id(frame)])
        for leaf in leaves_of(frame.f_locals):
            self._record_leaf(number, leaf, ASSIGNED, where)
        for leaf in self._global_leaves(frame):
            self._record_leaf(-1, leaf, ASSIGNED, where)

    def _global_leaves(self, frame: FrameType) -> Iterator[Leaf]:
        """Yield the arrays and numbers in the existing global values that a frame's code names."""
        names = frame.f_globals
        found = {}
        for name in frame.f_code.co_names:
            # `dict.get`, so that the namespace does not create a missing value.
            value = dict.get(names, name)
            if value is not None and not callable(value):
                found[name] = value
        yield from leaves_of(found)

    def _record_leaf(self, number: int, leaf: Leaf, kind: int, where: Where) -> None:
        """Record a value as an event if it is new or has changed in its slot.

        Parameters
        ----------
        number : int
            The number of the frame, -1 for a global.
        leaf : tuple
            Path, value, and id of the container.
        kind : int
            Kind of the event; it becomes ``changed`` if a known array was changed in place.
        where : tuple
            File and line of the event.

        Notes
        -----
        Recording is cut if there are too many events or numbers.
        """
        path, value, holder = leaf
        slot = (number, path)
        known = self._arrays.get(id(value))
        before = self._slots.get(slot)
        # In a copied dict, the same arrays are new values.
        same = before is not None and before[0] == holder and before[3] is value
        if same and issubclass(type(value), IMMUTABLE):
            return
        array = self._read(value)
        if array is None:
            return
        content: Content = (array.shape, array.tobytes())
        prior: Seen | None
        if same and known is not None:
            if known[1] == content:
                # A change since then has been recorded for another slot.
                self._slots[slot] = (holder, content, known[2], value)
                return
            kind, prior = (CHANGED if kind == ASSIGNED else kind), known[2]
        elif before is not None:
            if before[1] == content and not issubclass(type(value), np.ndarray):
                # An equal number is the same value, but an equal array may be a copy.
                self._slots[slot] = (holder, content, before[2], value)
                return
            prior = before[2]
        else:
            prior = known[2] if known is not None else None
        self._room -= array.size
        if len(self.events) >= MAX_EVENTS or self._room < 0:
            self.cut = True
            return
        seen = Seen(where, kind, slot, array, prior)
        self.events.append(seen)
        self._slots[slot] = (holder, content, seen, value)
        if issubclass(type(value), np.ndarray | list):
            self._arrays[id(value)] = (value, content, seen)


# --- encode a recording for a frame ----------------------------------------------------------

MAX_NAME_BYTES = 40_000
"""Most bytes of names in a reply, so that they fit into a frame's header."""

COLUMNS = ("cell", "line", "name", "shape", "offset", "kind", "prior", "frame")
"""Columns of an event. ``frame`` is the number of a called function, 0 for the watched one, and -1
for globals."""


def encode_events(recording: Recording) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return a recording's events as arrays, and as JSON the tables that they refer to.

    Returns
    -------
    arrays : dict
        ``events``: a row of `COLUMNS` for each; ``values``: the numbers of all values in order.
    tables : dict
        ``cells``, ``names`` (paths) and ``shapes``; ``cut``: whether there was more.
    """
    cells, names, shapes = dict[str, int](), dict[Path, int](), dict[tuple[int, ...], int]()
    rows, values, known = list[list[int]](), list[NDArray[Any]](), dict[int, int]()
    offset, room = 0, MAX_NAME_BYTES
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
