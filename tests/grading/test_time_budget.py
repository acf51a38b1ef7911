"""How long a submission may take: some times as long as those before it."""

from __future__ import annotations

import pytest

from gradkit.grading.settings import FIRST_LIMIT, LIMIT_FACTOR, MAX_TIMES, MIN_LIMIT, TimeBudget


def test_the_first_are_given_a_guess() -> None:
    """Until something has been measured, and for each framework by itself."""
    pace = TimeBudget()
    assert pace.limit("numpy") == FIRST_LIMIT
    pace.note("numpy", 1.0)
    assert pace.limit("torch") == FIRST_LIMIT
    assert pace.limit("numpy") == LIMIT_FACTOR


def test_the_usual_time_is_the_middle_one() -> None:
    """A single slow one does not make the others wait."""
    pace = TimeBudget()
    for seconds in (0.1, 0.1, 0.1, 0.2, 9.0):
        pace.note("numpy", seconds)
    assert pace.limit("numpy") == pytest.approx(LIMIT_FACTOR * 0.1)


def test_nobody_is_hurried_beyond_reason() -> None:
    """On a fast machine a moment of somebody else's may be longer than the usual time."""
    pace = TimeBudget()
    pace.note("numpy", 1e-4)
    assert pace.limit("numpy") == MIN_LIMIT


def test_what_is_long_past_does_not_count() -> None:
    """The machine may have become slower since."""
    pace = TimeBudget()
    for _ in range(MAX_TIMES):
        pace.note("numpy", 0.1)
    for _ in range(MAX_TIMES // 2 + 1):
        pace.note("numpy", 1.0)
    assert pace.limit("numpy") == LIMIT_FACTOR
