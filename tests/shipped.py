"""The exercises that gradkit ships, with their assignment files read once."""

from __future__ import annotations

from functools import cache

from gradkit.records.task import Assignment
from gradkit.task.assignment import exercises, read_assignment


@cache
def assignment(name: str) -> Assignment:
    """Return the assignment of a shipped exercise."""
    return read_assignment(exercises()[name])


FUNCTION_EXERCISES = [name for name in exercises() if assignment(name).functions]
"""The names of the shipped exercises that have tasks of functions."""
