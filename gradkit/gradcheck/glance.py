"""What a step along a random direction shows, and all that was found in one parameter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.records import Direction, Entry
from gradkit.gradcheck.structure import Array


def length(gradient: Array, move: Array) -> float:
    """Return the root of the sum of squares of the entries' contributions, without overflow."""
    largest = float(np.max(np.abs(gradient), initial=0.0))
    if not largest > 0:
        return 0.0
    return float(np.linalg.norm(gradient / largest * move)) * largest


@dataclass(frozen=True, slots=True)
class Glance:
    """One central difference along a direction, held against the claim.

    ``room`` is how far the two may be apart, ``kinked`` whether the one-sided slopes differ.
    """

    claimed: float
    estimate: float
    room: float
    kinked: bool


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the survey of one parameter found."""

    directions: tuple[Direction, ...]
    moves: tuple[Array, ...]
    entry: Entry | None
    alone: bool
