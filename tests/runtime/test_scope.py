"""What can be named in a place of the student's text."""

from __future__ import annotations

import numpy as np

from gradkit.runtime.repair.scope import scope_of


def test_what_fits_keeps_the_shape_of_one_of_the_two() -> None:
    """A row of numbers may lie along another axis, or one of size 1; what fits nowhere does not."""
    local = {"b": np.ones(3), "full": np.ones((2, 3, 4)), "other": np.ones(5)}
    scope = scope_of(local)
    assert scope.fitting((2, 3, 4)) == ["full", "b[:, None]"]
    assert scope.values["b[:, None]"].shape == (3, 1)
    assert scope.fitting((2, 3, 1)) == ["full", "b[:, None]", "b", "other"]
    assert scope.fitting((4,)) == ["full"]


def test_lengths_are_numbers_of_their_own() -> None:
    """One that a name holds already is not named twice."""
    assert "len(caches)" in scope_of({"caches": [0.5, 1.5, 2.5], "m": 7}).numbers
    assert "len(caches)" not in scope_of({"caches": [0.5, 1.5, 2.5], "m": 3}).numbers
    assert "len(caches)" not in scope_of({"caches": [], "m": 3}).numbers


def test_entries_that_loops_count_come_before_others() -> None:
    """There are few of them, and they are what a loop is about."""
    local = {"i": 1, "x": np.array([0.5, 1.5]), "held": {"k": 2.5}}
    numbers = scope_of(local, ["i"]).numbers
    assert numbers.index("x[i]") < numbers.index("held['k']")
