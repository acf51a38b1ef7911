"""Finite differences without a claim: estimates, bounds and states."""

from __future__ import annotations

import numpy as np
import pytest
import random_nets

from gradkit.gradcheck import finite_difference


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.sample(12)
@pytest.mark.parametrize("family", ["plain", "scales", "saturation", "float32"])
def test_bounds_hold_on_random_nets(family: str) -> None:
    """And are useful: most entries are known well enough."""
    number = random_nets.FAMILIES.index(family)
    missed = known = total = 0
    for k in range(6):
        net = random_nets.random_net(np.random.default_rng([7, k, number]), family)
        with np.errstate(all="ignore"):
            truth = net.gradient(net.params, np.longdouble)
            found = finite_difference(net, net.params)
        for name, right in truth.items():
            error = np.abs(found.estimate[name] - right.astype(float))
            missed += int(np.sum(error > found.bound[name] * (1 + 1e-9)))
            known += int(np.sum(found.status[name] == "ok"))
            total += right.size
    assert missed <= 0.01 * total
    assert known >= 0.75 * total


def test_the_result_has_the_structure_of_the_parameters() -> None:
    """Arrays of the same shapes, read-only."""
    params = {"a": np.ones((2, 3)), "b": [2.0, np.array(3.0)]}
    found = finite_difference(lambda p: p["a"].sum() * p["b"][0] + p["b"][1] ** 2, params)
    assert found.estimate["a"].shape == (2, 3)
    assert not found.estimate["a"].flags.writeable
    assert float(found.estimate["b"][0]) == pytest.approx(6)
    assert float(found.estimate["b"][1]) == pytest.approx(6)
    assert found.evaluations > 0


@pytest.mark.parametrize(
    ("f", "x", "state"),
    [
        (abs, 0.0, "kink"),
        (lambda x: float(np.sqrt(x)), 0.0, "non-finite"),
        (lambda x: float("nan"), 1.0, "non-finite"),
        (lambda x: 3.0, 1.0, "ok"),
        (lambda x: x**3, 0.0, "ok"),
    ],
)
def test_each_entry_says_what_it_is_worth(f, x: float, state: str) -> None:
    """``ok``, or the reason why not."""
    assert str(finite_difference(f, x).status) == state


def test_stairs_are_climbed() -> None:
    """The slope of a rounded line is that of the line."""
    found = finite_difference(lambda x: round(3 * x, 3), 1.0)
    assert abs(float(found.estimate) - 3) <= float(found.bound) < 0.5


def test_a_function_that_spoils_its_argument_is_given_copies() -> None:
    """From the first call, or from the one where it shows."""

    def spoils(x):
        x *= 2
        return float(x.sum())

    assert finite_difference(spoils, np.ones(2)).estimate == pytest.approx([2, 2])
    calls = []

    def later(x):
        calls.append(0)
        value = float((x**2).sum())
        if len(calls) > 12:
            x += 1
        return value

    assert finite_difference(later, np.ones(2)).estimate == pytest.approx([2, 2])


def test_one_array_may_hold_entries_of_all_units() -> None:
    """From 1e-8 to 1e8: each has a ladder on its own scale."""
    units = 10.0 ** np.arange(-8, 9, 2)
    x = np.random.default_rng(0).uniform(0.5, 2, 9)
    found = finite_difference(lambda v: np.sum(np.sin(v / units)), x * units)
    right = np.cos(x) / units
    assert set(found.status) == {"ok"}
    assert np.all(np.abs(found.estimate - right) <= found.bound + 1e-14 * np.abs(right))
    assert np.all(found.bound <= 1e-9 * np.abs(right))
