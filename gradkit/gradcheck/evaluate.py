"""Call the function that is checked: count calls, limit them, and protect the caller's arrays.

An exception away from the point counts as a value that is not finite; one at the point is passed
on.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradkit.gradcheck.noise import Array, Floats
from gradkit.gradcheck.structure import Parameters, to_numpy


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
        passed = time.monotonic() - self.started
        if passed > self.seconds:
            self.note(
                f"stopped after {self.seconds:.3g} seconds. Pass seconds=None for no limit"
                + ("." if self.all_at_once else ", or entries='directions' to look at all at once.")
            )
        if passed > self.seconds or self.count >= self.limit:
            raise BudgetSpent
        self.count += 1
        if self.progress is not None:
            self.progress(self.count, passed)
        argument = self.parameters.build(self._arrays)
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
        if len(self.levels) < 2:
            self.levels.add(value)
        return value

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
