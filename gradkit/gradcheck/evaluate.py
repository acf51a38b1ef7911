"""Call the function that is checked: count calls, limit them, and protect the caller's arrays.

An exception away from the point counts as a value that is not finite; one at the point is passed
on.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.constants import STACKED_NUMBERS
from gradkit.gradcheck.noise import Array, Floats
from gradkit.gradcheck.structure import Parameters, to_numpy

Rows = NDArray[np.intp]


class BudgetSpent(Exception):  # noqa: N818 - it is a signal, not a fault
    """The permitted evaluations, or seconds, have been used."""


def scalar(value: Any) -> float:
    """Return the value of f as a Python float.

    Raises
    ------
    TypeError
        f returned something other than one real number.
    """
    if isinstance(value, float):
        return float(value)
    array = to_numpy(value, "", "the value of f")
    if array.size != 1:
        raise TypeError(
            f"f must return one real number; found {array.dtype} of shape {array.shape}. "
            f"Reduce it, for example with .sum() or .mean()."
        )
    return float(array.reshape(())[()])


def signature_of(call: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function, None if they cannot be determined."""
    try:
        return list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None


def count_required(call: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a function requires, None if this is unknown."""
    parameters = signature_of(call)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.default is p.empty and p.kind in plain for p in parameters)


class Evaluator:
    """Evaluates f around one point, moving one entry or one direction at a time.

    The arrays that f receives belong to the evaluator, and are set anew before each call: f may
    change them.

    Parameters
    ----------
    f : callable
    parameters : Parameters
    budget : int, optional
        The number of calls after which `BudgetSpent` is raised.
    seconds : float, optional
        The time after which it is raised.
    progress : callable, optional
        Called before each call of f, with the number of calls and the seconds so far.

    Raises
    ------
    TypeError
        When f cannot be called.

    Attributes
    ----------
    count : int
        Number of calls so far.
    points : list of array
        Each leaf at the point.
    notes : list of str
        What the reader ought to know about how f was called.
    levels : set of float
        Up to two different values that f has given.
    all_at_once : bool
        Whether all entries are checked together, along directions.
    raised : str
        The first exception that f raised off the point, empty if none.
    """

    def __init__(
        self,
        f: Callable[[Any], Any],
        parameters: Parameters,
        budget: int | None = None,
        seconds: float | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> None:
        """Start counting, and copy the parameters for f.

        Raises
        ------
        TypeError
            f cannot be called.
        """
        if not callable(f):
            raise TypeError(
                f"f must be a function of the parameters; found {type(f).__name__}. Pass the "
                f"function itself, not its value."
            )
        self.f, self.parameters, self.leaves = f, parameters, parameters.leaves
        self.limit = np.inf if budget is None else budget
        self.seconds = np.inf if seconds is None else seconds
        self.progress, self.started = progress, time.monotonic()
        self.count, self.raised, self.all_at_once = 0, "", False
        self.notes: list[str] = []
        self.levels: set[float] = set()
        self.points = [leaf.array for leaf in self.leaves]
        self.renew()

    def renew(self) -> None:
        """Use new arrays for the argument of f from now on."""
        self._arrays = [point.copy(order="K") for point in self.points]

    def reset(self) -> None:
        """Set the arrays that f is given to the point."""
        for array, point in zip(self._arrays, self.points, strict=True):
            array[...] = point

    def value(self, *, at_point: bool = False) -> float:
        """Return f at the current arrays; NaN if it raises an exception away from the point.

        Raises
        ------
        BudgetSpent
            The calls or the seconds are used up.
        TypeError
            f returned something other than one real number.
        """
        self._spend(1)
        argument = self.argument(self._arrays)
        try:
            result = self.f(argument)
        except Exception as problem:
            if at_point:
                problem.add_note("f was called at params; integers and half precision as float64.")
                raise
            # f has worked at the point, so this is an edge of its domain.
            message = str(problem).partition("\n")[0].rstrip(".")
            self.raised = self.raised or type(problem).__name__ + (message and f" ({message})")
            return float("nan")
        value = scalar(result)
        self._add_levels([value])
        return value

    def argument(self, arrays: Sequence[Array]) -> Any:
        """Arrange one array for each leaf in the structure of the parameters, as f expects."""
        return self.parameters.build(arrays)

    def _spend(self, points: int) -> None:
        """Count the evaluations of f at some points; raise BudgetSpent if they are not allowed."""
        passed = time.monotonic() - self.started
        if passed > self.seconds:
            self.note(
                f"stopped after {self.seconds:.3g} seconds. Pass seconds=None for no limit"
                + ("." if self.all_at_once else ", or entries='directions' to look at all at once.")
            )
        if passed > self.seconds or self.count + points > self.limit:
            raise BudgetSpent
        self.count += points
        if self.progress is not None:
            self.progress(self.count, passed)

    def _add_levels(self, values: Iterable[float]) -> None:
        """Store different values of f until two are known."""
        for value in values:
            if len(self.levels) >= 2:
                break
            self.levels.add(value)

    def at_point(self) -> float:
        """Return f at the point, and add a note if f changed its argument."""
        self.reset()
        value = self.value(at_point=True)
        for leaf, array in zip(self.leaves, self._arrays, strict=True):
            if not np.array_equal(leaf.array, array, equal_nan=True):
                name = f" {leaf.name!r}" if leaf.name else ""
                self.note(
                    f"f changes its argument{name} in place. f gets a fresh copy for every "
                    f"evaluation, so the result is valid."
                )
        return value

    def note(self, said: str) -> None:
        """Add a note unless it is there already."""
        self.notes += [said] if said not in self.notes else []

    def pair(self, leaf: int, place: int, step: float) -> Sequence[float]:
        """Evaluate f above and below the point for one entry, at ``place`` in C order of a leaf.

        Returns
        -------
        above, below, ahead, behind : float
            f at ``+ahead`` and ``-behind``, and these two distances after rounding.
        """
        here = self.points[leaf].flat[place]
        values, moved = [], []
        for there in (here + step, here - step):
            self.reset()
            self._arrays[leaf].flat[place] = there
            moved.append(abs(float(self._arrays[leaf].flat[place]) - float(here)))
            values.append(self.value())
        return *values, *moved

    def pairs(self, leaves: Rows, places: Rows, steps: Floats) -> Floats:
        """Call `pair` for several entries; return its four numbers for each, shape (entries, 4).

        ``leaves``, ``places`` and ``steps`` have the same length: the number of the leaf, the flat
        index in the leaf, and the step of each entry.
        """
        entries = zip(leaves.tolist(), places.tolist(), steps.tolist(), strict=True)
        return np.array([self.pair(*one) for one in entries], dtype=np.float64).reshape(-1, 4)

    def along(
        self, moves: Sequence[Floats], steps: Sequence[float], claimed: Sequence[Array] = ()
    ) -> tuple[Floats, Floats]:
        """Evaluate f at ``x + t u`` for each step t.

        Because of rounding, f is evaluated at a slightly different point. If a gradient is claimed,
        the effect of this difference by the claim is returned too.

        Parameters
        ----------
        moves : sequence of float64 array
            u for each leaf.
        steps : sequence of float
            Signed distances t.
        claimed : sequence of array, optional
            A gradient for each leaf.

        Returns
        -------
        values, strays : float64 arrays
            The values of f, and the corrections to be added to them.
        """
        values, strays = np.zeros((2, len(steps)))
        slopes = claimed or [np.zeros(())] * len(moves)
        for number, step in enumerate(steps):
            self.reset()
            every = zip(self._arrays, self.points, moves, slopes, strict=True)
            for array, point, move, slope in every:
                planned = step * move
                array[...] = point + planned
                planned -= array - point.astype(np.float64, copy=False)
                strays[number] += float(np.sum(slope * planned))
            values[number] = self.value()
        return values, np.where(np.isfinite(strays), strays, 0.0)


class StackedEvaluator(Evaluator):
    """Evaluates an f that takes several points in one call.

    The arrays that f receives have one more axis in front, for the points, and f returns one number
    for each of them.
    """

    def argument(self, arrays: Sequence[Array]) -> Any:
        """Arrange one array for each leaf as a stack of one point, which f expects."""
        return self.parameters.build([array[None] for array in arrays])

    def pairs(self, leaves: Rows, places: Rows, steps: Floats) -> Floats:
        """Evaluate f like `Evaluator.pairs`, but for many entries in each call of f.

        A call gets at most `STACKED_NUMBERS` numbers.
        """
        size = 2 * sum(point.size for point in self.points)
        parts = range(0, len(steps), max(1, STACKED_NUMBERS // size))
        every = [slice(start, start + parts.step) for start in parts]
        found = [self._pairs(leaves[one], places[one], steps[one]) for one in every]
        return np.concatenate([np.zeros((0, 4)), *found])

    def _pairs(self, leaves: Rows, places: Rows, steps: Floats) -> Floats:
        """Evaluate f like `Evaluator.pairs`, for all entries in one call of f."""
        count = len(steps)
        stacks = [np.repeat(point[None], 2 * count, axis=0) for point in self.points]
        moved = np.zeros((count, 2))
        for leaf in set(leaves.tolist()):
            rows = np.flatnonzero(leaves == leaf)
            flat = stacks[leaf].reshape(2 * count, -1)
            here = flat[0, places[rows]]
            for side, way in enumerate((steps[rows], -steps[rows])):
                flat[2 * rows + side, places[rows]] = here + way
                there = flat[2 * rows + side, places[rows]].astype(np.float64)
                moved[rows, side] = np.abs(there - here)
        return np.concatenate([self._values(stacks, 2 * count).reshape(-1, 2), moved], axis=1)

    def along(
        self, moves: Sequence[Floats], steps: Sequence[float], claimed: Sequence[Array] = ()
    ) -> tuple[Floats, Floats]:
        """Evaluate f like `Evaluator.along`, for all steps in one call of f."""
        stacks, strays = [], np.zeros(len(steps))
        slopes = claimed or [np.zeros(())] * len(moves)
        for point, move, slope in zip(self.points, moves, slopes, strict=True):
            planned = np.multiply.outer(np.asarray(steps, dtype=np.float64), move)
            stack = (point + planned).astype(point.dtype)
            planned -= stack - point.astype(np.float64, copy=False)
            strays += (slope * planned).reshape(len(steps), -1).sum(axis=1)
            stacks.append(stack)
        values = self._values(stacks, len(steps))
        return values, np.where(np.isfinite(strays), strays, 0.0)

    def _values(self, stacks: Sequence[Array], points: int) -> Floats:
        """Return f at several points, one by one if it raises an exception for all together.

        Raises
        ------
        TypeError
            f returned another number of values.
        """
        self._spend(points)
        argument = self.parameters.build([stack.copy() for stack in stacks])
        try:
            result = self.f(argument)
        except Exception:  # the points that raise it are found one by one
            self.count -= points
            return np.array([self._value_at([stack[k] for stack in stacks]) for k in range(points)])
        values = to_numpy(result, "", "the value of f")
        if values.shape != (points,):
            raise TypeError(
                f"a vectorized f must return one number for each of the {points} points, an array "
                f"of shape ({points},); found {values.dtype} of shape {values.shape}."
            )
        self._add_levels(values.tolist())
        return values.astype(np.float64)

    def _value_at(self, arrays: Sequence[Array]) -> float:
        """Return f at one point."""
        for array, here in zip(self._arrays, arrays, strict=True):
            array[...] = here
        return self.value()
