"""The lines of a check: what they are made of, what is refused, and how they run."""

from __future__ import annotations

import numpy as np

from gradkit.lines import locals_kept


def test_only_arrays_are_kept_of_local_variables() -> None:
    """A module, an iterator or a lock in one is not copied, which would stop the call."""

    def step(x):
        import os

        rows = iter(x)
        y = 2 * x
        n = len(x)
        return os, rows, n, y

    kept: dict[str, object] = {}
    with locals_kept({"step": ("os", "rows", "y", "n", "z")}, kept):
        step(np.arange(3.0))
    assert list(kept) == ["step/y"]
    assert np.array_equal(kept["step/y"], [0.0, 2.0, 4.0])
