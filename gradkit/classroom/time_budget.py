"""How long a submission may take before it has to make way for the others."""

from __future__ import annotations

from collections import deque

FIRST = 2.0
"""Seconds that are given before anything has been measured."""

LEAST = 0.08
FACTOR = 6.0
"""Seconds at least, and how many times the usual."""

MEMORY = 25


class Pace:
    """The usual time of the submissions before this one, by framework."""

    def __init__(self) -> None:
        self._taken: dict[str, deque[float]] = {}

    def limit(self, framework: str) -> float:
        """Seconds that a section's code is given in all."""
        taken = sorted(self._taken.get(framework, ()))
        return max(LEAST, FACTOR * taken[len(taken) // 2]) if taken else FIRST

    def note(self, framework: str, seconds: float) -> None:
        """What a section that came to its end has taken."""
        self._taken.setdefault(framework, deque(maxlen=MEMORY)).append(seconds)
