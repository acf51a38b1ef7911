"""Claims that are narrower than f: a right one is given its rounding, and a wrong one no more."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gradkit.gradcheck import check_gradient, entries

pytestmark = pytest.mark.sample(9)

WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "doubled": lambda right: 2 * right,
    "halved": lambda right: right / 2,
    "turned": lambda right: -right,
    "in another order": lambda right: np.random.default_rng(0).permutation(right),
    "without a quarter": lambda right: right * (np.arange(len(right)) >= len(right) // 4),
}


def large(seed: int):
    """Return a point, functions of four thousand numbers, and their gradients."""
    rng = np.random.default_rng([seed, 4000])
    x, a = rng.normal(size=4000), rng.uniform(1, 2, 4000)
    return x, functions(a)


def bfloat16(array: np.ndarray) -> torch.Tensor:
    """Return the nearest numbers that half precision of eight bits holds."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(torch.bfloat16)


def functions(a: np.ndarray):
    """Return functions with these weights, and their gradients."""
    return [
        (lambda p: float(a @ np.sin(p)), lambda p: a * np.cos(p)),
        (lambda p: float(a @ np.exp(p / 2)), lambda p: a * np.exp(p / 2) / 2),
        (lambda p: float(a @ (p * p)), lambda p: 2 * a * p),
    ]


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(24)
@pytest.mark.parametrize("seed", range(8))
def test_a_small_gradient_in_half_precision_is_given_its_rounding(seed: int) -> None:
    """What bends of all entries alone would excuse of single ones is open: none moves all."""
    rng = np.random.default_rng([seed, 60])
    x, a = rng.normal(size=60), rng.uniform(1, 2, 60)
    for f, slope in functions(a):
        for at in (x, bfloat16(x).double().numpy()):
            assert check_gradient(f, x, bfloat16(slope(at))).verdict == "agree"
        for off in WRONG.values():
            assert check_gradient(f, x, bfloat16(off(slope(x)))).verdict != "agree"


def test_a_large_gradient_in_half_precision_is_given_its_rounding() -> None:
    """Along directions too; a factor is seen through it."""
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=4000), rng.uniform(1, 2, 4000)
    claim = (a * np.cos(x)).astype(np.float16)

    def f(p):
        return float(a @ np.sin(p))

    assert check_gradient(f, x, claim).verdict == "agree"
    assert check_gradient(f, x, 2 * claim).verdict == "disagree"


@pytest.mark.sample(72)
@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_large_gradients_in_narrow_types(kind: str, seed: int) -> None:
    """Directions in which the terms of a claim cancel hide nothing, whatever noise f shows."""
    x, several = large(seed)
    told: Counter[str] = Counter()
    for f, slope in several:
        right = slope(x).astype(kind)
        elsewhere = slope(x.astype(kind).astype(float)).astype(kind)
        assert check_gradient(f, x, right, seed=seed).verdict == "agree"
        assert check_gradient(f, x, elsewhere, seed=seed).verdict == "agree"
        told.update(check_gradient(f, x, off(right), seed=seed).verdict for off in WRONG.values())
    assert told["agree"] == 0
    # A first direction in which half precision hides nearly all is left open.
    assert told["inconclusive"] <= (8 if kind == "float16" else 0)


@pytest.mark.parametrize("seed", range(4))
def test_noise_over_a_first_step_is_no_bend(seed: int) -> None:
    """Where the points that noise is measured on do not show it, a rounding is no excuse."""
    x, several = large(seed)
    f, slope = several[0]
    rng = np.random.default_rng(seed)

    def noisy(p):
        return f(p) + (1e-11 * rng.uniform(-1, 1) if 0 < np.max(np.abs(p - x)) < 3e-9 else 0.0)

    right = slope(x).astype(np.float16)
    assert check_gradient(noisy, x, right, seed=seed).verdict == "agree"
    assert check_gradient(noisy, x, 2 * right, seed=seed).verdict != "agree"


def test_a_minimum_of_thousands_in_half_precision_accuses_nobody() -> None:
    """What is claimed there is rounding alone, of a point at which f bends."""
    rng = np.random.default_rng(0)
    x, a = rng.normal(size=4000), rng.uniform(1, 2, 4000)
    claim = (2 * a * (x.astype(np.float16).astype(float) - x)).astype(np.float16)
    assert check_gradient(lambda p: float(a @ (p - x) ** 2), x, claim).verdict != "disagree"


def test_a_bend_that_shows_excuses_no_half_of_a_gradient(monkeypatch) -> None:
    """Though all entries moved together would change it by as much."""
    x = np.random.default_rng(0).normal(size=4000)

    def f(p):
        return float(np.sum(p * p)) + 1e-10 * (zlib.crc32(p.tobytes()) / 2**31 - 1)

    right, half = (2 * x).astype(np.float16), x.astype(np.float16)
    assert check_gradient(f, x, right).verdict == "agree"
    assert check_gradient(f, x, half).verdict == "inconclusive"
    monkeypatch.setattr(entries, "TENTH", np.inf)
    assert check_gradient(f, x, half).verdict == "agree"
