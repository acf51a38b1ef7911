"""Ladders at several points at once are those at each of them."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.gradcheck.differences import plan_abreast, plan_ladder, read_abreast, read_ladder

POINTS = {"W": np.array([[[1.0, -2.0]], [[0.3, 40.0]], [[0.0, 0.0]]]), "b": np.array([[0.5]] * 3)}


def smooth(W, b):
    """Differentiable everywhere."""
    return np.sum(W**3, axis=(-2, -1)) + np.sin(b[..., 0])


def stairs(W, b):
    """Flat but for jumps."""
    return np.floor(W[..., 0, 0] * 1e4) + b[..., 0]


def corner(W, b):
    """A relu, whose corner is at the last point."""
    return np.maximum(W[..., 0, 1], 0) + b[..., 0] ** 2


@pytest.mark.parametrize("f", [smooth, stairs, corner])
def test_each_point_is_read_as_if_it_were_alone(f):
    """The same rows, and the same of what is made of them."""
    rows = plan_abreast(POINTS)
    together = read_abreast(rows, f(**rows.parameters))
    for number in range(3):
        plan = plan_ladder({name: value[number] for name, value in POINTS.items()})
        for name, stack in plan.parameters.items():
            assert rows.parameters[name][:, number].tobytes() == stack.tobytes()
        alone = read_ladder(plan, f(**plan.parameters))
        for name in POINTS:
            estimate, bound = (part[number] for part in together[name])
            np.testing.assert_allclose(estimate, alone.estimate[name], rtol=1e-12)
            known = alone.status[name] == "ok"
            # Where f is straight the bound is mere rounding, which differs from row to row.
            np.testing.assert_allclose(bound[known], alone.bound[name][known], rtol=1e-3)
            assert np.isinf(bound[~known]).all()


def test_a_corner_and_stairs_are_seen():
    """And nothing is seen where there is nothing."""
    rows = plan_abreast(POINTS)
    bounds = {f: read_abreast(rows, f(**rows.parameters))["W"][1] for f in (smooth, stairs, corner)}
    assert np.isfinite(bounds[smooth]).all()
    assert np.isinf(bounds[corner][2, 0, 1])
    assert bounds[stairs][0, 0, 0] > 1


def test_what_is_not_finite_is_not_known():
    """At that point; the others are read all the same."""
    rows = plan_abreast(POINTS)
    values = smooth(**rows.parameters)
    values[:, 1] = np.nan
    bound = read_abreast(rows, values)["W"][1]
    assert np.isinf(bound[1]).all()
    assert np.isfinite(bound[0]).all()
