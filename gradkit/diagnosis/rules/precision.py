"""The arithmetic that numbers come from, and what a rule may deviate by because of it."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from gradkit.records.task import Array


class Precision(Struct, frozen=True):
    """What counts as equal.

    A rule verifies to ``exact``, relative to what an entry `moved`, plus ``rounding``,
    relative to its largest value: that is what storing it loses.
    """

    exact: float
    rounding: float


DOUBLE = Precision(1e-9, 8 * float(np.finfo(np.float64).eps))

SINGLE = Precision(32 * float(np.finfo(np.float32).eps), DOUBLE.rounding)
"""For steps that went through float32 somewhere."""

STORED = Precision(SINGLE.exact, 2 * float(np.finfo(np.float32).eps))
"""For parameters that are float32 themselves."""


def moved(before: Array, after: Array) -> float:
    """What a deviation of an entry is held against: its largest change, or value if smaller.

    An overwritten entry loses its old value, beside which the new one may be tiny.
    """
    return float(min(np.abs(after - before).max(), np.abs(after).max()))
