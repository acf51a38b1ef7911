"""Calling a function that is not ours: counted, guarded, and never trusted with our arrays.

Where it raises off the point it counts as not finite; what it raises at the point itself is the
caller's to see.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.error import GRAIN, Claims
from gradkit.gradcheck.noise import Floats, largest_of
from gradkit.gradcheck.structure import Array, Parameters, is_tensor

REPEATS = 2
"""Calls at the point, in which an f that spoils its argument is found out."""

Call = Callable[[Any], Any]
Result = TypeVar("Result")
Moves = Sequence[Array | None]
"""A direction: how far each leaf moves, None where it stays."""


class BudgetSpent(Exception):  # noqa: N818 - it is a signal, not a fault
    """The permitted evaluations, or seconds, have been used."""


def scalar(value: Any) -> float:
    """Return the value of f as a Python float.

    Raises
    ------
    TypeError
        When f returned something other than one real number.
    """
    if type(value) in (float, int):
        return float(value)
    if is_tensor(value):
        value = value.detach().cpu()
        if value.numel() == 1 and value.is_floating_point():
            return float(value)
    array = np.asarray(value)
    if array.size == 1 and array.dtype.kind in "fiu":
        return float(array.reshape(())[()])
    what = type(value).__name__
    if array.dtype.kind in "fiucb":
        what = f"{array.dtype} of shape {array.shape}"
    raise TypeError(
        f"f must return one real number; found {what}. "
        f"Reduce it, for example with .sum() or .mean()."
    )


def signature_of(call: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function, None where nobody can tell."""
    try:
        return list(inspect.signature(call).parameters.values())
    except (TypeError, ValueError):
        return None


def needs(call: Callable[..., Any]) -> int | None:
    """Return how many positional arguments a function needs, None where nobody can tell."""
    parameters = signature_of(call)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.default is p.empty and p.kind in plain for p in parameters)


class Evaluator:
    """Evaluates f around one point, moving one entry or one direction at a time.

    The arrays that f receives belong to the evaluator and are restored after each move. When f
    is found to change them, it is given copies instead.

    Parameters
    ----------
    f : callable
    parameters : Parameters
    budget : int, optional
        The number of calls after which `BudgetSpent` is raised.
    seconds : float, optional
        The time after which it is raised.
    progress : callable, optional
        Told the number of calls and the seconds before each.

    Raises
    ------
    TypeError
        When f cannot be called.

    Attributes
    ----------
    count, limit : int
        Number of calls so far, and permitted.
    mutated : str or None
        Name of a parameter that f was seen to change.
    noticed : int
        The call after which that was noticed.
    fresh : bool
        Whether f is given new arrays in each call.
    levels : set of float
        Up to two different values that f has given.
    late : bool
        Whether the permitted time has run out.
    raised : str
        The first exception that f raised off the point, empty if none.
    """

    def __init__(
        self,
        f: Call,
        parameters: Parameters,
        budget: int | None = None,
        seconds: float | None = None,
        progress: Callable[[int, float], None] | None = None,
    ) -> None:
        if not callable(f):
            raise TypeError(
                f"f must be a function of the parameters; found {type(f).__name__}. Pass the "
                f"function itself, not its value."
            )
        self.f = f
        self.parameters = parameters
        self.leaves = parameters.leaves
        self.count = self.noticed = 0
        self.mutated: str | None = None
        self.raised = ""
        self.limit = np.inf if budget is None else budget
        self.seconds = np.inf if seconds is None else seconds
        self.started = time.monotonic()
        self.progress = progress
        self.late = self.fresh = False
        self.levels: set[float] = set()
        self._kept: list[Any] = []
        self._arrays: list[Array] = [leaf.array for leaf in self.leaves]
        self.points: list[Array] = [leaf.array.copy(order="K") for leaf in self.leaves]

    def _argument(self) -> Any:
        """Count a call, and return its argument: of copies where f does things to it."""
        elapsed = time.monotonic() - self.started
        self.late = self.late or elapsed > self.seconds
        if self.late or self.count >= self.limit:
            raise BudgetSpent
        self.count += 1
        if self.progress is not None:
            self.progress(self.count, elapsed)
        if self.fresh:  # an address that is free again would be taken for an old argument
            self._kept.append(self.parameters.fresh())
            return self._kept[-1]
        if self.mutated is not None:
            return self.parameters.fresh()
        return self.parameters.build(self._arrays)

    def _heard(self, result: Any) -> float:
        """Return a value of f as a number, and keep the first that differ."""
        value = scalar(result)
        if len(self.levels) < 2:
            self.levels.add(value)
        return value

    def value(self) -> float:
        """Return f at the present state of the arrays, NaN where it fails off its domain."""
        argument = self._argument()
        try:
            result = self.f(argument)
        except Exception as problem:
            # f has worked at the point, so this is an edge of its domain.
            said = str(problem).partition("\n")[0].rstrip(".")
            self.raised = self.raised or type(problem).__name__ + (said and f" ({said})")
            return float("nan")
        return self._heard(result)

    def at_point(self) -> float:
        """Return f at the point itself, noticing whether f changed its argument."""
        value = self._heard(self.f(self._argument()))
        self.intact()
        return value

    def intact(self) -> None:
        """Check that the arrays are what they were; if not, restore them and protect them."""
        for leaf, point in zip(self.leaves, self.points, strict=True):
            if not np.array_equal(leaf.array, point, equal_nan=True):
                self.mutated = self.mutated or leaf.name
                self.noticed = self.count
                leaf.array[...] = point

    def settled(self, work: Callable[[], Result]) -> Result:
        """Return the result of some work, done again on copies where f spoilt its argument in it.

        At the point that is noticed before anything is made of it, off the point too late.
        """
        found = work()
        self.intact()
        return work() if self.noticed > REPEATS else found

    def pair(self, leaf: int, place: int, step: float) -> tuple[float, float, float, float]:
        """Evaluate f on both sides of the point for a single entry, by its place in C order.

        Returns
        -------
        above, below, ahead, behind : float
            f at ``+ahead`` and ``-behind``, and these two distances as they were after rounding.
        """
        entries = self._arrays[leaf].flat
        here = entries[place]
        try:
            entries[place] = here + step
            ahead, above = float(entries[place]) - float(here), self.value()
            entries[place] = here - step
            behind, below = float(here) - float(entries[place]), self.value()
        finally:
            entries[place] = here
        return above, below, ahead, behind

    def along(
        self, moves: Moves, steps: Sequence[float], claimed: Sequence[Array] = ()
    ) -> tuple[Floats, Floats]:
        """Evaluate f at ``x + t u`` for each step t.

        The point reached is not quite the point meant, by rounding. Where a gradient is claimed,
        what it says that this difference does to f is to be added to each value.

        Parameters
        ----------
        moves : sequence of float64 array or None
            u for each leaf, None where it does not move.
        steps : sequence of float
            Signed distances.
        claimed : sequence of array, optional
            A gradient for each leaf.

        Returns
        -------
        values, strays : float64 arrays
            The values as f gave them, and what is to be added.
        """
        values, strays = np.zeros((2, len(steps)))
        slopes = claimed or [np.zeros(0)] * len(moves)
        every = zip(self._arrays, self.points, moves, slopes, strict=True)
        moving = [(array, point, move, g) for array, point, move, g in every if move is not None]
        try:
            for number, step in enumerate(steps):
                for array, point, move, g in moving:
                    meant = step * move
                    array[...] = point + meant
                    if len(claimed):
                        meant -= array - point.astype(np.float64, copy=False)
                        strays[number] += float(np.vdot(g, meant))
                values[number] = self.value()
        finally:
            for array, point, _, _ in moving:
                array[...] = point
        return values, np.where(np.isfinite(strays), strays, 0.0)


class EntryLines:
    """f as single entries move, one line for each claim."""

    def __init__(self, evaluator: Evaluator, claims: Claims) -> None:
        self.evaluator, self.claims = evaluator, claims
        eps = np.array([np.finfo(point.dtype).eps for point in evaluator.points])
        self.smallest: Floats = (
            GRAIN * eps[claims.leaf] * np.nan_to_num(np.abs(claims.here), posinf=0.0)
        )

    def pairs(self, rows: NDArray[np.intp], steps: Floats) -> Floats:
        """Return f above and below the point on some lines, and the distances really moved."""
        leaves, places = self.claims.leaf[rows].tolist(), self.claims.place[rows].tolist()
        found = map(self.evaluator.pair, leaves, places, steps.tolist())
        return np.array([*found], dtype=np.float64).reshape(-1, 4).T


class DirectionLines:
    """f as parameters move along directions."""

    def __init__(
        self, evaluator: Evaluator, directions: Sequence[Moves], claimed: Sequence[Array]
    ) -> None:
        self.evaluator, self.directions, self.claimed = evaluator, directions, claimed
        self.smallest: Floats = np.array([self._grain(moves) for moves in directions])

    def _grain(self, moves: Moves) -> float:
        """Return a step that is a rounding of the largest parameter that moves."""
        grain = 0.0
        for point, move in zip(self.evaluator.points, moves, strict=True):
            if move is not None:
                with np.errstate(all="ignore"):
                    grain = max(grain, float(np.finfo(point.dtype).eps) * largest_of(point / move))
        return grain

    def pairs(self, rows: NDArray[np.intp], steps: Floats) -> Floats:
        """Return f above and below the point, and the distances moved."""
        found = []
        for row, step in zip(rows.tolist(), steps.tolist(), strict=True):
            values, strays = self.evaluator.along(self.directions[row], (step, -step), self.claimed)
            found.append([*(values + strays), step, step])
        return np.array(found, dtype=np.float64).reshape(-1, 4).T


Lines = EntryLines | DirectionLines
