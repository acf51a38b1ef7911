"""Calling a function that is not ours: counted, guarded, and never trusted with our arrays.

Where it raises off the point it counts as not finite; what it raises at the point itself is the
caller's to see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.error import GRAIN
from gradkit.gradcheck.noise import Floats
from gradkit.gradcheck.structure import Array, Parameters, is_tensor, same

Call = Callable[[Any], Any]


class BudgetSpent(Exception):  # noqa: N818 - it is a signal, not a fault
    """The permitted evaluations, or seconds, have been used."""


def scalar(value: Any) -> float:
    """Return the value of f as a Python float.

    Raises
    ------
    TypeError
        When f returned something other than one real number.
    """
    if isinstance(value, (float, int)) and not isinstance(value, bool):
        return float(value)
    if is_tensor(value) and value.numel() == 1 and not value.is_complex():
        return float(value.item())
    array = np.asarray(value.detach().cpu().numpy() if is_tensor(value) else value)
    if array.size == 1 and array.dtype.kind in "fiu":
        return float(array.reshape(())[()])
    what = "a complex number" if array.dtype.kind == "c" and array.size == 1 else None
    if what is None and array.dtype.kind in "fiucb":
        what = f"{array.dtype} of shape {array.shape}"
    raise TypeError(
        f"f must return one real number; found {what or type(value).__name__}. "
        f"Reduce it, for example with .sum() or .mean()."
    )


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
        self.count = 0
        self.mutated: str | None = None
        self.noticed = 0
        self.raised = ""
        self.limit = float("inf") if budget is None else budget
        self.seconds = float("inf") if seconds is None else seconds
        self.started = time.monotonic()
        self.late = False
        self.progress = progress
        self.fresh = False
        self.levels: set[float] = set()
        self._kept: list[Any] = []
        self._arrays: list[Array] = [leaf.array for leaf in self.leaves]
        self._origin: list[Array] = [leaf.array.copy(order="K") for leaf in self.leaves]

    @property
    def shapes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Return name and shape of every leaf, in order."""
        return [(leaf.name, leaf.array.shape) for leaf in self.leaves]

    def _argument(self) -> tuple[Any, Sequence[Array]]:
        """Count a call, and return its argument: of copies where f does things to it."""
        elapsed = time.monotonic() - self.started
        self.late = self.late or elapsed > self.seconds
        if self.late or self.count >= self.limit:
            raise BudgetSpent
        self.count += 1
        if self.progress is not None:
            self.progress(self.count, elapsed)
        arrays = self._arrays
        if self.mutated is not None or self.fresh:
            arrays = [array.copy(order="K") for array in arrays]
        argument = self.parameters.build(arrays)
        if self.fresh:  # an address that is free again would be taken for an old argument
            self._kept.append((argument, arrays))
        return argument, arrays

    def value(self) -> float:
        """Return f at the present state of the arrays, NaN where it fails off its domain."""
        argument, _ = self._argument()
        try:
            result = self.f(argument)
        except Exception as problem:
            # f has worked at the point, so this is an edge of its domain.
            said = str(problem).partition("\n")[0].rstrip(".")
            self.raised = self.raised or type(problem).__name__ + (said and f" ({said})")
            return float("nan")
        value = result if type(result) is float else scalar(result)
        if len(self.levels) < 2:
            self.levels.add(value)
        return value

    def at_point(self) -> float:
        """Return f at the point itself, noticing whether f changed its argument."""
        argument, arrays = self._argument()
        value = scalar(self.f(argument))
        if len(self.levels) < 2:
            self.levels.add(value)
        kept = self.intact()
        first = self.count == 1
        if first and kept and not same(argument, arrays):
            self.mutated, self.noticed = "", self.count
        return value

    def intact(self) -> bool:
        """Check that the arrays are what they were; if not, restore them and protect them."""
        changed = [
            leaf.name
            for leaf, origin in zip(self.leaves, self._origin, strict=True)
            if not (leaf.array == origin).all()
            and not np.array_equal(leaf.array, origin, equal_nan=True)
        ]
        if not changed:
            return True
        self.mutated, self.noticed = changed[0], self.count
        for array, origin in zip(self._arrays, self._origin, strict=True):
            array[...] = origin
        return False

    def pairs(
        self, leaf: int, entries: Sequence[int] | NDArray[np.intp], steps: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Evaluate f on both sides of the point for single entries of one leaf.

        Parameters
        ----------
        leaf : int
            Position of the leaf.
        entries : sequence of int
            Positions in C order; one may come several times.
        steps : float64 array
            A distance for each.

        Returns
        -------
        above, below, ahead, behind : float64 arrays
            f at ``+ahead`` and ``-behind``, and these two distances as they were after rounding.
        """
        target = self.leaves[leaf]
        flat = target.flat
        where = np.asarray(entries, dtype=np.intp)
        if target.places is not None:
            where = target.places[where]
        here = flat[where]
        up, down = here + steps, here - steps
        if flat.dtype != np.float64:
            up, down = up.astype(flat.dtype), down.astype(flat.dtype)
        wide = here.astype(np.float64)
        above, below = np.empty(len(where)), np.empty(len(where))
        value = self.value
        rows = zip(where.tolist(), here.tolist(), up.tolist(), down.tolist(), strict=True)
        position = origin = None
        try:
            for number, (position, origin, high, low) in enumerate(rows):
                flat[position] = high
                above[number] = value()
                flat[position] = low
                below[number] = value()
                flat[position] = origin
        except BaseException:
            if position is not None:
                flat[position] = origin
            raise
        return above, below, up - wide, wide - down

    def along(
        self,
        directions: Sequence[Array | None],
        steps: Floats,
        claimed: Sequence[Array] = (),
    ) -> Floats:
        """Evaluate f at ``x + t u`` for each step t.

        The point reached is not quite the point meant, by rounding. Where a gradient is claimed,
        what it says that this difference does to f is taken off.

        Parameters
        ----------
        directions : sequence of float64 array or None
            u for each leaf, None where it does not move.
        steps : float64 array
            Signed distances.
        claimed : sequence of array, optional
            A gradient for each leaf.

        Returns
        -------
        values : float64 array
        """
        values, strayed = self.walk(directions, steps, claimed)
        return values + strayed

    def walk(
        self, directions: Sequence[Array | None], steps: Floats, claimed: Sequence[Array] = ()
    ) -> tuple[Floats, Floats]:
        """Return the values as f gave them, and what is to be added to each; see `along`."""
        values, strays = np.empty(len(steps)), np.zeros(len(steps))
        moving = [(i, move) for i, move in enumerate(directions) if move is not None]
        try:
            for number, step in enumerate(steps.tolist()):
                strayed = 0.0
                for i, direction in moving:
                    array, origin = self._arrays[i], self._origin[i]
                    meant = step * direction
                    if array.dtype == np.float64:
                        np.add(origin, meant, out=array)
                    else:
                        array[...] = origin + meant
                    if len(claimed):
                        meant -= array - origin.astype(np.float64, copy=False)
                        strayed += float(np.vdot(claimed[i], meant))
                values[number] = self.value()
                strays[number] = strayed if np.isfinite(strayed) else 0.0
        finally:
            for i, _ in moving:
                self._arrays[i][...] = self._origin[i]
        return values, strays

    def origin(self, leaf: int) -> Array:
        """Return the parameter itself."""
        return self._origin[leaf]


class EntryLines:
    """f as single entries move, one line for each; ``leaf`` and ``place`` say which they are."""

    def __init__(
        self, evaluator: Evaluator, leaf: NDArray[np.intp], place: NDArray[np.intp]
    ) -> None:
        self.evaluator, self.leaf, self.place = evaluator, leaf, place
        grains = [
            GRAIN * float(np.finfo(one.array.dtype).eps) * np.abs(one.array.astype(np.float64))
            for one in evaluator.leaves
        ]
        grains = [np.nan_to_num(grain.reshape(-1)) for grain in grains]
        parts = [grains[k][place[leaf == k]] for k in range(len(grains))]
        self.smallest: Floats = np.concatenate([*parts, np.zeros(0)])

    def pairs(self, rows: NDArray[np.intp], steps: Floats) -> tuple[Floats, ...]:
        """Return f above and below the point on some lines, and the distances really moved."""
        leaf, place = self.leaf[rows], self.place[rows]
        parts = [
            self.evaluator.pairs(int(k), place[leaf == k], steps[leaf == k])
            for k in np.unique(leaf)  # rows are in the order of leaves
        ]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


class DirectionLines:
    """f as parameters move along directions, each an array for every leaf or None."""

    def __init__(
        self,
        evaluator: Evaluator,
        directions: Sequence[Sequence[Array | None]],
        claimed: Sequence[Array],
    ) -> None:
        self.evaluator, self.directions, self.claimed = evaluator, directions, claimed
        self.smallest: Floats = np.array([self._grain(moves) for moves in directions])

    def _grain(self, moves: Sequence[Array | None]) -> float:
        """Return a step that is a rounding of the largest parameter that moves."""
        grain = 0.0
        for leaf, move in enumerate(moves):
            if move is not None:
                origin = self.evaluator.origin(leaf)
                with np.errstate(all="ignore"):
                    ways = np.abs(origin / move)
                way = float(np.max(ways, initial=0.0, where=np.isfinite(ways)))
                grain = max(grain, float(np.finfo(origin.dtype).eps) * way)
        return grain

    def pairs(self, rows: NDArray[np.intp], steps: Floats) -> tuple[Floats, ...]:
        """Return f above and below the point, and the distances moved."""
        values = np.array(
            [
                self.evaluator.along(self.directions[row], np.array([step, -step]), self.claimed)
                for row, step in zip(rows.tolist(), steps.tolist(), strict=True)
            ]
        ).reshape(-1, 2)
        return values[:, 0], values[:, 1], steps, steps


Lines = EntryLines | DirectionLines
