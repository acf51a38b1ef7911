"""How rough is f: noise from values along a line, precision from their bits."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.gradcheck import check_gradient
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.ladder import Ladder, read_slope
from gradkit.gradcheck.noise import POINTS, is_float32, measure, table_noise
from gradkit.gradcheck.structure import unpack

pytestmark = pytest.mark.usefixtures("quietly")

LINE = np.array(POINTS, dtype=float)


def test_a_polynomial_has_no_noise_and_noise_has_its_size() -> None:
    """Whatever smooth thing it lies on."""
    smooth = 3 + 2 * LINE - LINE**2
    assert table_noise(smooth) < 1e-12
    rng = np.random.default_rng(0)
    sizes = [table_noise(smooth + 1e-3 * rng.normal(size=LINE.size)) for _ in range(200)]
    assert np.sqrt(np.mean(np.square(sizes))) == pytest.approx(3e-3, rel=0.1)


def test_a_table_of_any_size_has_its_noise() -> None:
    """Squares of small values underflow; of what is not finite nothing is known."""
    values = np.random.default_rng(0).normal(size=LINE.size)
    for size in (1e-200, 1e200):
        assert table_noise(size * values) == pytest.approx(size * table_noise(values))
    assert table_noise(0 * values) == 0
    for odd in (np.nan, np.inf):
        assert np.isnan(table_noise(np.append(values[1:], odd)))


@pytest.mark.parametrize("period", [0.1, 0.5, 1, 1.5, 3])
def test_a_wave_between_even_points_is_seen(period: float) -> None:
    """At whole numbers, or tenths, one of such a period would look smooth."""
    wave = np.sin(2 * np.pi * LINE / period + 0.4)
    assert table_noise(wave) > 0.9
    whole = tuple(range(12))
    hidden = np.sin(2 * np.pi * np.array(whole) / 0.5 + 0.4)
    assert table_noise(hidden, points=whole) < 1e-9


def test_float32_is_recognised_by_its_bits() -> None:
    """Numbers that are short anyway prove nothing."""
    values = np.random.default_rng(1).normal(size=6)
    assert not is_float32(values)
    assert is_float32(values.astype(np.float32).astype(float))
    assert not is_float32(np.array([0.5, 3.0, 0.0, 1.0]))
    assert not is_float32(np.array([np.nan, np.nan]))


def ladder(f, x: float, steps: np.ndarray, sigma: float = 1e-15) -> Ladder:
    """Evaluate f on a ladder around x."""
    above = np.array([f(x + h) for h in steps])
    below = np.array([f(x - h) for h in steps])
    return Ladder(f(x), above, below, steps, steps, sigma)


STEPS = 4.0 ** np.arange(-13, 0)


@pytest.mark.parametrize("exponent", [-7, -5, -3])
def test_the_slope_beside_a_kink_is_sharp(exponent: int) -> None:
    """It is followed on the side where the point lies."""
    found = read_slope(ladder(lambda t: max(np.sin(t), 1e-3 * t), 10.0**exponent, STEPS))
    error = abs(found.estimate - np.cos(10.0**exponent))
    assert error <= found.bound < 1e-4


def test_a_ladder_of_few_steps_still_has_a_bound() -> None:
    """Wider, but it holds."""
    found = read_slope(ladder(np.exp, 1.0, STEPS[6:10]))
    assert abs(found.estimate - np.e) <= found.bound < 1e-2


@pytest.mark.parametrize(
    ("f", "low", "high"),
    [
        (lambda x: float(np.sum(np.sin(x))), 0, 1e-14),
        (lambda x: float(np.float32(np.sum(np.sin(x)))), 1e-8, 1e-6),
        (lambda x: round(float(np.sum(np.sin(x))), 6), 1e-7, 1e-5),
        (lambda x: float(np.sum(np.sin(x))) + 1e6 - 1e6, 1e-11, 1e-8),
    ],
)
def test_a_preflight_measures_the_noise(f, low: float, high: float) -> None:
    """Instead of assuming one rounding."""
    evaluator = Evaluator(f, unpack(np.array([0.3, 0.7, 1.1])))
    seen = measure(evaluator, [np.ones(3)])
    assert low <= seen.noise <= high
    assert seen.steady


@pytest.mark.parametrize(("claim", "scale"), [(2.0, 0.5), (1e-20, 1.0)])
def test_the_scale_of_a_parameter_of_zeros_is_no_larger_than_that_of_others(
    claim: float, scale: float
) -> None:
    """A claim of next to nothing suggests an enormous change, which is not believed."""
    params = {"w": np.array([1.0]), "b": np.zeros(1)}
    evaluator = Evaluator(lambda p: float(np.sin(p["w"][0] + p["b"][0])), unpack(params))
    seen = measure(evaluator, [np.array([1.0]), np.array([claim])])
    assert seen.scales[1] == pytest.approx(scale)


def test_a_forward_in_float32_is_known_behind_a_loss_in_float64() -> None:
    """No bits of the value tell, but f does not hear what float32 cannot hold."""
    x = np.random.default_rng(0).normal(size=12)

    def cast(v):
        return float(np.sum(np.sin(v.astype(np.float32) * 3).astype(float) ** 2))

    def noisy(v):
        return float(np.sum(np.sin(v * 3) ** 2)) + 1e-6 * np.sin(1e12 * np.sum(v))

    for f, narrow in ((cast, True), (noisy, False)):
        seen = measure(Evaluator(f, unpack(x)), [np.ones(12)])
        assert (seen.eps > 1e-10) is narrow
    right = 3 * np.sin(6 * x)
    assert check_gradient(cast, x, right).verdict == "agree"
    assert check_gradient(cast, x, -right).verdict == "disagree"


@pytest.mark.parametrize("seed", [0, 1, 11])
def test_points_that_f_does_not_tell_apart_say_nothing_of_its_noise(seed: int) -> None:
    """A perfect fit in float32 is 0 near by, and rounding further off."""
    rng = np.random.default_rng(seed)
    w, x = rng.normal(size=2).astype(np.float32), np.float32(rng.normal())
    y = w[0] * x + w[1]

    def f(p):
        v = p.astype(np.float32)
        return float((v[0] * x + v[1] - y) ** 2)

    point = unpack(w.astype(float))
    seen = measure(Evaluator(f, point), [np.zeros(2)])
    assert seen.base == 0
    assert seen.noise > 1e-17
