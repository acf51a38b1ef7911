"""Watch a student's function line by line: every number it makes, and where.

Runs in the student's process. Values are read through base types, so that nothing the student
has overloaded runs because it is watched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.call import Arrays, Before, Call, Returned, evaluate
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import describe_failure
from gradkit.runtime.trace.recording import KINDS, Recording
from gradkit.runtime.trace.tables import COLUMNS, aligned
from gradkit.runtime.trace.values import LEAVES

__all__ = ["COLUMNS", "KINDS", "trace"]

NUMBERS = 1_500_000
"""Numbers in a reply, which keeps it within a frame's body."""


def trace(
    find: Callable[[], tuple[Callable[..., Any], Before | None]],
    cells: frozenset[str],
    frame: Frame,
) -> Frame:
    """Call a function once per row of the frame's arrays, watched.

    Parameters
    ----------
    find : callable
        Gives the function, and what goes before each call of it, unwatched. What it raises
        counts as the student's.
    cells : frozenset of str
        File names of code to watch.
    frame : Frame
        As for `gradkit.runtime.child.batch`.

    Returns
    -------
    Frame
        Arrays: ``events``, int64 of shape (events, 9) with the columns `COLUMNS`; ``values``,
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
        function, before = find()
        before = _unwatched(before) if before is not None else None
        # Whatever a first call makes of the cells' other statements is made before watching.
        evaluate(function, call, {k: value[0] for k, value in frame.arrays.items()}, before)
        for index in range(n):
            inputs = {name: value[index] for name, value in frame.arrays.items()}
            recording = Recording(cells, NUMBERS // n)
            rows.append(recording.watch(partial(evaluate, function, call, inputs, before)))
            recordings.append(recording)
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": len(rows)}
    finally:
        sys.settrace(tracing)
    arrays, data = aligned(recordings)
    arrays |= _parameters(call, rows)
    faults = [[index, *fault] for index, row in enumerate(rows) for fault in row.faults][:LEAVES]
    return Frame("traced", arrays, {**data, "faults": faults, "failure": failure})


def _unwatched(before: Before) -> Before:
    def first(inputs: Arrays, parameters: Mapping[str, Any] | None) -> None:
        watching = sys.gettrace()
        sys.settrace(None)
        try:
            before(inputs, parameters)
        finally:
            sys.settrace(watching)

    return first


def _parameters(call: Call, rows: list[Returned]) -> dict[str, NDArray[Any]]:
    """What the calls left, with NaN where that was no number."""
    found = {}
    for name, shape in call["shapes"].items():
        gap = np.full(shape, np.nan)
        column = [row.arrays.get(name, gap) for row in rows]
        if column and all(value.dtype.kind in "fiu" for value in column):
            found[f"after/{name}"] = np.stack(column).astype(np.float64)
    return found
