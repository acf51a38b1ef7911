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
    call, watch, failure = frame.data["call"], _Watch(cells), None
    try:
        function, before = find()
        # Whatever a first call makes of other statements is made before watching.
        evaluate(function, call, frame.arrays, before)
        watch.watch(lambda: evaluate(function, call, frame.arrays, before))
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": 0}
    times = np.array([watch.most(frame.data["least"])], np.int64)
    return Frame("outcome", {"times": times}, {"faults": [], "failure": failure, "calls": 1})


class _Watch:
    """Counts what student functions return while something is done."""

    def __init__(self, cells: Collection[str]) -> None:
        self._cells = cells
        self._left = MOST
        self._returned: dict[CodeType, list[complex]] = {}

    def watch(self, action: Callable[[], object]) -> None:
        """Do something, watched."""
        profiling = sys.getprofile()
        sys.setprofile(self._see)
        try:
            action()
        finally:
            sys.setprofile(profiling)

    def most(self, least: int) -> int:
        """The most calls of one function with results that hardly differ, at least so many."""
        return max((_close(values, least) for values in self._returned.values()), default=0)

    def _see(self, frame: FrameType, event: str, returned: Any) -> None:
        if event != "return" or self._left <= 0:
            return
        code = frame.f_code
        if code.co_filename in self._cells or code.co_filename == "<string>":
            self._left -= 1
            value = _first_number(returned)
            if value is not None:
                self._returned.setdefault(code, []).append(value)


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
