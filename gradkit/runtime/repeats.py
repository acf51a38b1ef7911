"""Whether one call of a function calls another again and again, for results that hardly differ.

So does a gradient by finite differences, or by a complex step: one function, once or twice for
each parameter, each time a hair from where it was. Runs in the student's process, which can lie;
what comes out is a remark and costs nothing.
"""

from __future__ import annotations

import cmath
import sys
from collections.abc import Callable, Collection
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradkit.runtime.call import Before, evaluate
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import describe_failure

MOST = 2_000
"""Calls that are looked at."""

APART = 0.1
"""What results of one function differ by at most, relative, where they are taken for one value."""


def repeats(
    find: Callable[[], tuple[Callable[..., Any], Before | None]],
    cells: frozenset[str],
    frame: Frame,
) -> Frame:
    """Call a function once, and tell how often it calls another for results a hair apart.

    Parameters
    ----------
    find : callable
        Gives the function, and what goes before it. What it raises counts as the student's.
    cells : frozenset of str
        File names of code to watch.
    frame : Frame
        The arrays of one call; data ``call``, and ``least``: fewer calls are none.

    Returns
    -------
    Frame
        Arrays: ``times``, one int64. Data: ``failure`` as for a batch.
    """
    call, failure = frame.data["call"], None
    results: dict[CodeType, list[complex]] = {}
    try:
        function, before = find()
        # Whatever a first call makes of other statements is made before watching.
        evaluate(function, call, frame.arrays, before)
        _watch(lambda: evaluate(function, call, frame.arrays, before), cells, results)
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": 0}
    times = [_close(values, frame.data["least"]) for values in results.values()]
    most = np.array([max(times, default=0)], np.int64)
    return Frame("outcome", {"times": most}, {"faults": [], "failure": failure, "calls": 1})


def _watch(
    action: Callable[[], object], cells: Collection[str], results: dict[CodeType, list[complex]]
) -> None:
    """Do something, and add to the results what student functions return meanwhile."""
    left, watched = MOST, {*cells, "<string>"}

    def see(frame: FrameType, event: str, returned: Any) -> None:
        nonlocal left
        code = frame.f_code
        if event == "return" and left > 0 and code.co_filename in watched:
            left -= 1
            value = _first_number(returned)
            if value is not None:
                results.setdefault(code, []).append(value)

    profiling = sys.getprofile()
    sys.setprofile(see)
    try:
        action()
    finally:
        sys.setprofile(profiling)


def _first_number(value: Any) -> complex | None:
    """Return the first number in what a function gives, as an output or a loss comes first."""
    for _ in range(3):
        if type(value) in (tuple, list) and value:
            value = value[0]
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind in "fc":
        value = np.ndarray.view(value, np.ndarray).reshape(-1)[0]
    if type(value) not in (float, complex, np.float64, np.float32, np.complex128, np.longdouble):
        return None
    number = complex(value)
    return number if cmath.isfinite(number) else None


def _close(values: list[complex], least: int) -> int:
    """Return how many are next to their median, as far as hardly two are the same."""
    if len(values) < least:
        return 0
    middle = sorted(values, key=lambda value: value.real)[len(values) // 2]
    near = [value for value in values if abs(value - middle) <= APART * abs(middle)]
    return len(near) if len(set(near)) >= least else 0
