"""A straight line through the point, along one entry or along one direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import FLOAT64, Floats
from gradkit.gradcheck.structure import Array


class EntryLine:
    """f as one entry of one parameter moves."""

    def __init__(self, evaluator: Evaluator, leaf: int, entry: int) -> None:
        self.evaluator = evaluator
        self.leaf = leaf
        self.entry = entry
        here = evaluator.origin(leaf)
        self.smallest = 64 * float(np.finfo(here.dtype).eps) * abs(float(here.flat[entry]))

    def pairs(self, steps: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return f above and below the point, and the distances really moved."""
        return self.evaluator.pairs(self.leaf, [self.entry] * len(steps), steps)


class DirectionLine:
    """f as one or more parameters move along a direction.

    In parameters narrower than float64 the point reached is not the point meant. The claimed
    gradient says what that difference does to f, and it is taken off.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        directions: Sequence[Array | None],
        claimed: Sequence[Array],
    ) -> None:
        self.evaluator = evaluator
        self.directions = directions
        self.claimed = claimed
        self.smallest = 0.0
        self._narrow: list[int] = []
        for leaf, direction in enumerate(directions):
            if direction is None:
                continue
            origin = evaluator.origin(leaf)
            eps = float(np.finfo(origin.dtype).eps)
            with np.errstate(all="ignore"):
                ways = np.abs(origin / direction)
            way = float(np.max(ways, initial=0.0, where=np.isfinite(ways)))
            self.smallest = max(self.smallest, 64 * eps * way)
            if eps > FLOAT64:
                self._narrow.append(leaf)

    def values(self, steps: Floats) -> Floats:
        """Return f at signed distances."""
        values = self.evaluator.along(self.directions, steps)
        for leaf in self._narrow:
            origin, direction = self.evaluator.origin(leaf), self.directions[leaf]
            wide = origin.astype(np.float64)
            for number, step in enumerate(steps.tolist()):
                meant = step * direction
                moved = (origin + meant).astype(origin.dtype).astype(np.float64) - wide
                values[number] -= float(np.vdot(self.claimed[leaf], moved - meant))
        return values

    def pairs(self, steps: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return f above and below the point, and the distances moved."""
        signed = np.stack([steps, -steps], axis=1).reshape(-1)
        values = self.values(signed)
        return values[::2], values[1::2], steps, steps


Line = EntryLine | DirectionLine
