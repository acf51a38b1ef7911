"""Right and wrong gradients of functions that are hard on a gradient check."""

from __future__ import annotations

import os
from collections.abc import Callable

import hard_problems
import numpy as np
import pytest
import torch
from soak import SIZE

from gradkit.gradcheck import check_gradient

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("GRADKIT_SEED", "71"))
COUNT = 10 * SIZE
Make = Callable[[np.random.Generator], hard_problems.Problem]


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors are slower on many threads, and other tests run beside this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def problems(family: Make):
    """Draw problems of one family whose gradient is finite, each with a name that repeats it."""
    number = hard_problems.FAMILIES.index(family)
    for k in range(COUNT):
        rng = np.random.default_rng([SEED, k, number])
        one = family(rng)
        if all(np.isfinite(g).all() for g in one.gradient.values()):
            yield f"GRADKIT_SEED={SEED} [{k}, {number}] {one.name}", one, rng


def shown(one: hard_problems.Problem, name: str) -> bool:
    """Whether a parameter does something to f that is more than rounding."""
    steepest = {k: np.abs(g).max() * np.abs(one.params[k]).max() for k, g in one.gradient.items()}
    return steepest[name] > 1e-12 * (abs(one.f(one.params)) + 1e-3 * max(steepest.values()))


@pytest.mark.parametrize("family", hard_problems.FAMILIES)
def test_no_right_gradient_is_called_wrong(family: Make) -> None:
    """Of activations, pools, sorts, recurrences, norms, determinants, borders, scales, offsets."""
    for where, one, _ in problems(family):
        report = check_gradient(one.f, one.params, one.gradient)
        assert report.verdict != "disagree", f"{where}\n{report}"


@pytest.mark.parametrize("family", hard_problems.FAMILIES)
def test_no_wrong_gradient_is_called_right(family: Make) -> None:
    """Signs, factors, transposes, exchanged and forgotten entries, one off by 1e-5 of itself."""
    for where, one, rng in problems(family):
        for name, right in one.gradient.items():
            if not shown(one, name):
                continue
            large = np.flatnonzero(np.abs(right) >= 1e-3 * np.abs(right).max())
            zeroed, slightly = right.copy(), right.copy()
            zeroed.flat[rng.choice(large)] = 0
            slightly.flat[rng.choice(large)] *= 1 + 1e-5 * rng.choice([-1, 1])
            turned = np.ascontiguousarray(right.reshape(-1)[::-1].reshape(right.shape))
            wrong = [-right, 2 * right, right / 3, zeroed, slightly]
            if np.abs(turned - right).max() > 1e-2 * np.abs(right).max():
                wrong.append(turned)
            claim = wrong[int(rng.integers(len(wrong)))]
            report = check_gradient(one.f, one.params, one.gradient | {name: np.asarray(claim)})
            assert report.verdict != "agree", f"{where} {name} {claim}\n{report}"
