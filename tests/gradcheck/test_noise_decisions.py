"""What is measured of f before anything is concluded, with numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import (
    EPS,
    EPS32,
    NEAR,
    POINTS,
    Measurements,
    _casts_to_float32,
    _draw_direction,
    entry_scales,
    is_float32,
    leaf_scales,
    measure,
    measure_reach,
    table_noise,
)
from gradkit.gradcheck.structure import unpack

pytestmark = pytest.mark.usefixtures("quietly")

SEEN = Measurements(1.0, 1e-6, 1e-6, EPS, True, False, np.ones(1), 1e-5)
ROUGH = np.array([1.0, -2.0, 1.0, 2.0, -1.0, 3.0, -3.0, 1.0, 2.0, -2.0, 1.0, -1.0])
"""No polynomial, at the twelve points of a table."""


class Line:
    """An f that is known along whatever line is drawn, and the distances that were asked."""

    def __init__(self, f, *points: float) -> None:
        self.f, self.points = f, [np.array([point]) for point in points]
        self.asked: list[list[float]] = []
        self.levels: set[float] = set()
        self.stray = lambda t: 0.0

    def at_point(self) -> float:
        """Return f at the point."""
        return float(self.f(0.0))

    def along(self, moves, steps, claimed=()):
        """Return f at distances."""
        self.asked.append(list(steps))
        return [np.array([one(step) for step in steps]) for one in (self.f, self.stray)]


def near(found, expected) -> bool:
    """Whether numbers are the same to a hundred-thousandth."""
    return bool(np.allclose(found, expected, rtol=1e-5, atol=0))


def table(spacing: float, count: int = 6) -> list[float]:
    """Return the distances of a table."""
    return [spacing * point for point in POINTS[1:count]]


def rough(sizes: dict[float, float], base: float = 1.0, other=lambda t: 0.0):
    """Make an f whose tables of some spacings are rough by so much."""
    places = {
        spacing * point: size * ROUGH[number]
        for spacing, size in sizes.items()
        for number, point in enumerate(POINTS)
        if number
    }
    return lambda t: base + places.get(t, other(t))


def sigma(size: float, count: int, terms: int = 4) -> float:
    """Return the noise of a rough table."""
    return size * table_noise(np.append(0.0, ROUGH[1:count]), terms)


def test_where_points_really_are_is_no_noise() -> None:
    """What a claim says of the way there is added to each value."""
    level = rough({NEAR: 1e-10})
    line = Line(level, 2.0)
    line.stray = lambda t: 1 - level(t)
    assert near(measure(line, [np.array([0.5])]).noise, EPS)


def test_one_narrow_leaf_makes_f_narrow() -> None:
    """Whatever the others are."""
    line = Line(lambda t: -4.0, 2.0, 3.0)
    line.points[1] = line.points[1].astype(np.float32)
    assert measure(line, [np.array([0.5])] * 2).eps == EPS32


# How much f changes.


def swung(f, seen: Measurements = SEEN, points=(2.0,)) -> tuple[float, float, int]:
    """Return reach, whole and how often f was asked."""
    line = Line(f, *points)
    found = measure_reach(line, seen, [])
    assert [pair[0] for pair in line.asked] == [0.01, 0.25][: len(line.asked)]
    assert all(pair[1] == -pair[0] for pair in line.asked)
    return found.reach, found.whole, len(line.asked)


def test_f_is_not_swung_where_the_claim_moves_it() -> None:
    """By a thousandth of its value over all parameters, and the value is above its noise."""

    def asked(seen: Measurements, count: int = 1) -> int:
        return swung(lambda t: seen.base, seen, (2.0,) * count)[2]

    assert swung(None, replace(SEEN, reach=2.0)) == (2.0, 1.0, 0)
    assert swung(None, replace(SEEN, reach=2.0, base=-3.0)) == (2.0, 2.0, 0)
    assert asked(replace(SEEN, reach=0.9e-3)) == 2
    assert asked(replace(SEEN, reach=1.1e-3)) == 0
    assert asked(replace(SEEN, reach=0.4e-3), 4) == 2
    assert asked(replace(SEEN, reach=0.6e-3), 4) == 0
    assert asked(replace(SEEN, reach=0.9e-2, base=-10.0)) == 2
    assert asked(replace(SEEN, reach=0.9e-4, base=-0.1)) == 2
    assert asked(replace(SEEN, reach=2.0, base=-0.9e-5)) == 2
    assert asked(replace(SEEN, reach=2.0, base=-1.1e-5)) == 0


def test_how_far_f_swings() -> None:
    """Its bend and its slope over a hundredth of the parameters, less what noise may do."""

    def values(above: float, below: float, further: float = 0.0):
        return lambda t: {0.01: above, -0.01: below}.get(t, 1 + further)

    assert near(swung(values(1.0003, 1.0001)), (3.96, 1, 1))
    assert near(swung(values(0.9997, 0.9999)), (3.96, 1, 1))
    assert near(swung(values(1.001, 0.999)), (0.0998, 0.0998, 1))
    assert near(swung(values(2.0, -5.0), replace(SEEN, eps=1e-3)), (49800, 1, 1))
    assert near(swung(values(-5.0, 2.0), replace(SEEN, eps=1e-3)), (49800, 1, 1))
    assert near(swung(values(1, 1, 1e-3)), (1.996e-3 / 0.0625, 1.996e-3 / 0.0625, 2))
    assert swung(values(1, 1)) == (1e-5, 1e-5, 2)
    assert swung(values(1 + 1.9e-6, 1 - 1.9e-6)) == (1e-5, 1e-5, 2)
    for odd in (values(np.nan, 1, 1), values(1, np.inf, 1), values(np.inf, np.inf, 1)):
        assert swung(odd) == (1e-5, 1e-5, 1)
    large = replace(SEEN, base=0.0, reach=5.0)
    assert swung(lambda t: 1e-4 * (t != 0), large) == (5, 0, 1)


def test_an_f_that_is_nothing_is_made_of_its_parameters() -> None:
    """The largest of them."""
    line = Line(lambda t: 0.0, 2.0, -3.0)
    line.levels = {0.0}
    assert measure_reach(line, replace(SEEN, base=0.0), []).whole == 3
    line.levels = {0.0, 1.0}
    assert measure_reach(line, replace(SEEN, base=0.0), []).whole == 0


# Tables.


@pytest.mark.parametrize(
    ("base", "claim", "spacing"),
    [
        (1.0, 0.5, 1e-7),
        (-1.0, 0.5, 1e-7),
        (1e-3, 0.5, 1e-9),
        (1e-10, 0.5, 1e-14),
        (1e7, 0.5, 1e7 * 1e3 * EPS),
        (1e7, 0.05, 1e-5),
        (0.0, 0.5, 1e-7),
        (1e-3, 0.0, 1e-7),
    ],
)
def test_how_near_the_points_of_a_table_are(base: float, claim: float, spacing: float) -> None:
    """By what f is beside what parameters do to it: scrambled by rounding, and smooth."""
    line = Line(lambda t: base + (0 if abs(t) > 1e-4 else base * t + t * t), 2.0)
    measure(line, [np.array([claim])])
    assert near(line.asked[0], table(spacing))


def test_a_table_of_close_points_is_one_of_a_parabola() -> None:
    """And of others of a cubic."""

    def noise(base: float, spacing: float) -> float:
        line = Line(lambda t: base * (1 + 1e-10 * (t / spacing) ** 3), 2.0)
        return measure(line, [np.array([0.5])]).noise

    assert noise(1.0, 1e-7) < 1e-12
    assert noise(1e-3, 1e-9) > 1e-12


def test_noise_above_thirty_roundings_is_looked_at_on_other_points() -> None:
    """Ten times as far apart, and a few roundings apart."""

    def asked(base: float, claim: float, size: float, count: int = 1, slope: float = 0.0) -> bool:
        level = rough({NEAR: size}, base)
        line = Line(lambda t: level(t) + slope * t, *[2.0] * count)
        measure(line, [np.array([claim])] * count)
        assert near(line.asked[0], table(NEAR))
        long = len(line.asked) > 1 and len(line.asked[1]) == 11
        if long:
            assert near(line.asked[1], table(10 * NEAR, 12))
            assert near(line.asked[2], table(16 * EPS))
        return long

    few, many = 4 * EPS, 5 * EPS
    assert few * sigma(1, 6) < 30 * EPS < many * sigma(1, 6)
    for size, long in ((few, False), (many, True)):
        assert asked(1.0, 0.5, size) is long
        assert asked(-8.0, 0.5, 8 * size) is long
        assert asked(1.0, 4.0, 8 * size) is long
        assert asked(1.0, 4.0, 16 * size, 4) is long
    # Values along a slope are rounded, and by another sum on another processor.
    for size, long in ((3 * EPS, False), (6 * EPS, True)):
        assert asked(0.0, 0.05, 8 * size, 1, 8 / (NEAR * POINTS[5])) is long


def test_a_table_of_equal_values_has_no_noise() -> None:
    """And one of infinite ones is not known."""
    assert table_noise(np.ones(6)) == 0
    assert np.isnan(table_noise(np.array([0.0, 1, 2, 3, 4, np.inf])))


def told(sizes: dict[float, float], other=lambda t: 0.0, claim: float = 0.5) -> Measurements:
    """Measure an f whose tables have these noises, the first of six points near."""
    counts = {10 * NEAR: 12}
    parts = {at: size / sigma(1, counts.get(at, 6)) for at, size in sizes.items()}
    if 16 * EPS in parts:
        parts[16 * EPS] = sizes[16 * EPS] / sigma(1, 6, 3)
    return measure(Line(rough(parts, 1.0, other), 2.0), [np.array([claim])])


def test_the_noise_of_a_rough_f() -> None:
    """The loudest where it is no louder further away, or not lost; else that of the closest."""
    line = told({NEAR: 1e-10, 10 * NEAR: 8.9e-10, 16 * EPS: 3e-11})
    assert near(line.noise, 8.9e-10)
    assert (near(line.fine, line.noise), line.lossy) == (True, False)
    lost = told({NEAR: 1e-10, 10 * NEAR: 8.9e-10, 16 * EPS: 2e-11})
    assert (near(lost.noise, 8.9e-10), lost.lossy) == (True, True)
    loud = told({NEAR: 1e-10, 10 * NEAR: 9.1e-10, 16 * EPS: 2e-11})
    assert (near(loud.noise, 2e-11), loud.lossy) == (True, True)
    even = told({NEAR: 1e-10, 10 * NEAR: 9.1e-10, 16 * EPS: 3e-11})
    assert (near(even.noise, 9.1e-10), even.lossy) == (True, False)
    near_by = told({NEAR: 1e-10, 10 * NEAR: 2e-10, 16 * EPS: 5e-10})
    assert near(near_by.noise, 5e-10)
    alone = told({NEAR: 1e-10, 10 * NEAR: 2e-11, 16 * EPS: 3e-11})
    assert near(alone.noise, 1e-10)
    silent = told({NEAR: 1e-10, 10 * NEAR: 9.1e-10})
    assert near(silent.noise, 1e-10)
    # Not above thirty roundings in the end.
    little = 3 * EPS * sigma(1, 6, 3)
    assert little < 30 * EPS
    gone = told({NEAR: 1e-10, 10 * NEAR: 9.1e-10, 16 * EPS: little})
    assert (near(gone.noise, little), gone.lossy) == (True, False)
    still = told({NEAR: 3 * EPS * sigma(1, 6)})
    assert near([still.noise, still.fine], 3 * EPS * sigma(1, 6))
    assert not still.lossy


def test_noise_is_no_less_than_a_rounding() -> None:
    """Of float64, or of float32 where an argument is."""
    line = Line(lambda t: -4.0, 2.0)
    assert near(measure(line, [np.array([0.5])]).noise, 4 * EPS)
    line.points = [np.array([2.0], np.float32)]
    narrow = measure(line, [np.array([0.5])])
    assert near([narrow.noise, narrow.fine, narrow.eps], [4 * EPS32, 4 * EPS32, EPS32])


@pytest.mark.parametrize(("levels", "tied"), [(4, True), (5, False)])
def test_points_that_f_does_not_tell_apart_are_taken_further_off(levels: int, tied: bool) -> None:
    """Where a table of six has four values or fewer."""
    values = [0, 1, 2, 3, 3, 3] if levels == 4 else [0, 1, 2, 3, 4, 4]
    places = dict(zip([NEAR * point for point in POINTS], values, strict=False))
    line = Line(lambda t: 1 + EPS * places.get(t, 0.0), 2.0)
    measure(line, [np.array([0.5])])
    assert (len(line.asked) > 1 and len(line.asked[1]) == 11) is tied
    if tied:
        assert near(line.asked[1], table(1e-3, 12))


def test_how_far_off_points_are_taken() -> None:
    """A tenth as far in float32, and close by where f is not finite; the louder table counts."""
    f = rough({1e-4: 1e-5, 1e-3: 1e-6}, 1.0)
    wide = Line(f, 2.0)
    found = measure(wide, [np.array([0.5])])
    assert near(wide.asked[1], table(1e-3, 12))
    assert near(found.noise, sigma(1e-6, 12))
    assert found.fine == EPS
    narrow = Line(f, 2.0)
    narrow.points = [np.array([2.0], np.float32)]
    found = measure(narrow, [np.array([0.5])])
    assert near(narrow.asked[1], table(1e-4, 12))
    assert near([found.noise, found.fine], sigma(1e-5, 12))
    edge = Line(lambda t: np.nan if t > 1e-8 else 1 + 1e-6 * ROUGH[round(t * 1e13) % 12], 2.0)
    found = measure(edge, [np.array([0.5])])
    assert near(edge.asked[1], table(1e-13, 12))
    assert 1e-7 < found.noise < 1e-5
    off = Line(lambda t: np.nan if t else 1.0, 2.0)
    assert measure(off, [np.array([0.5])]).noise == EPS
    # Six points of four values that are rough themselves.
    places = dict(zip([NEAR * point for point in POINTS], [0, 1, 0, 2, 3, 0], strict=False))
    few = measure(Line(lambda t: 1 + 1e-10 * places.get(t, 0.0), 2.0), [np.array([0.5])])
    assert near(few.noise, table_noise(1e-10 * np.array([0, 1, 0, 2, 3, 0]), 4))
    assert near(few.fine, few.noise)


def test_a_loud_f_is_asked_whether_it_casts_its_argument() -> None:
    """Where noise is above a billionth of its value, and it does have values."""

    def cast(size: float, base: float, hears: float = 0.0):
        places = {NEAR * point: size * ROUGH[n] for n, point in enumerate(POINTS) if n}
        f = lambda t: base + (hears if t == 1.0 else places.get(t, t))  # noqa: E731
        line = Line(f, 2.1)
        found = measure(line, [np.array([0.5])])
        assert (line.asked.count([1.0]) == 1) is (found.noise > 1e-9 * abs(base))
        return found.eps == EPS32

    def stairs(size: float, *values: int) -> int:
        places = dict(zip([NEAR * point for point in POINTS], values, strict=False))
        line = Line(lambda t: 1 + size * places.get(t, 0.0), 2.1)
        measure(line, [np.array([0.5])])
        return line.asked.count([1.0])

    assert stairs(1e-8, 0, 1, 1, 0, 1, 0) == 0
    assert stairs(1e-8, 0, 1, 2, 0, 1, 0) == 1
    assert stairs(1e-8, 0, 1, 2, 3, 4, 5) == 1
    one = 1 / sigma(1, 6)
    assert cast(1.1e-9 * one, 1.0)
    assert not cast(1.1e-9 * one, 1.0, 1e-9)


def test_a_random_f_is_known_to_what_it_differs() -> None:
    """From itself on eight calls, and to a rounding."""
    values = iter([1e6, *[1e6 + 1.2e-10] * 3] * 10)
    evaluator = Evaluator(lambda p: next(values), unpack(np.ones(2)))
    seen = measure(evaluator, [np.zeros(2)])
    assert near(seen.noise, EPS * 1e6)
    assert near(seen.fine, EPS * 1e6)
    for first, rest, steady, count in ((np.nan, 1.0, True, 1), (1.0, np.nan, False, 15)):
        every = iter([first, *[rest] * 20])
        evaluator = Evaluator(lambda p, every=every: next(every), unpack(np.ones(2)))
        seen = measure(evaluator, [np.zeros(2)])
        assert (seen.steady, evaluator.count, np.isnan(seen.noise)) == (steady, count, True)


# Scales and moves.


def test_scales_of_leaves() -> None:
    """Their largest; of leaves of zeros what moves f as others do, by the claim and the value."""
    points = [np.array([2.0, -1.0]), np.array([0.5]), np.zeros(1)]
    assert leaf_scales([], points, 1.0)[0].tolist() == [2, 0.5, 2]

    def scale(claim: float, base: float) -> list[float]:
        slopes = [np.array([1.0, 3.0]), np.array([1.0]), np.array([claim])]
        found, reach = leaf_scales(slopes, points, base)
        return [*found.tolist(), reach]

    assert near(scale(12, 1.0), [2, 2, 0.25, 3])  # 3 = |-1| · 3
    assert near(scale(12, -8.0), [2, 2, 8 / 12, 8])
    assert near(scale(12, 100.0), [2, 2, 2, 24])
    assert near(scale(0, 1.0), [2, 2, 2, 3])
    tiny, reach = leaf_scales([np.array([1.0]), np.array([40.0])], [np.ones(1), np.zeros(1)], 0.0)
    assert (tiny.tolist(), reach) == ([1, 1 / 40], 1)


def test_units_of_entries_are_mixed_by_a_thousand() -> None:
    """The largest slope times the largest entry, beside what one entry does by itself."""
    for ratio, mixed in ((900.0, False), (1100.0, True)):
        units = np.array([1.0, ratio])
        found = entry_scales(1 / units, units, 5000.0)
        assert found.tolist() == (units.tolist() if mixed else [5000, 5000])
    uneven = entry_scales(np.array([1.0, 1 / 2200, 0.25]), np.array([1.0, 1100.0, 0.0]), 5000.0)
    assert uneven.tolist() == [1, 1100, 4]
    assert entry_scales(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3.0).tolist() == [3, 3]


def test_two_long_numbers_tell_float32() -> None:
    """One may be long by chance."""
    long = np.array([0.1, 0.2], np.float32).astype(float)
    assert is_float32(np.append(long, 0.5))
    assert not is_float32(np.append(long[:1], 0.5))
    assert is_float32(np.append(long, [np.inf, np.nan]))


def test_a_move_of_every_entry() -> None:
    """By about its own size, and by the scale where a leaf is zero."""
    points = [np.array([2.0, 0.0]), np.zeros(2)]
    first, second = _draw_direction(points, np.array([2.0, 3.0]), np.random.default_rng(0))
    assert 1 <= abs(first[0]) <= 3
    assert first[1] == 0
    assert np.all((np.abs(second) >= 1.5) & (np.abs(second) <= 4.5))


def test_a_deaf_f_hears_nothing_below_float32() -> None:
    """Of points that float32 does not tell apart; where there are none it is not deaf."""

    def deaf(f, *points: np.ndarray) -> bool:
        evaluator = Evaluator(f, unpack(list(points)))
        return _casts_to_float32(evaluator, evaluator.at_point(), np.random.default_rng(0))

    def cast(parts) -> float:
        return float(sum(np.sum(part.astype(np.float32)) for part in parts))

    point = np.random.default_rng(1).normal(size=40)
    assert deaf(cast, point)
    assert not deaf(lambda parts: float(np.sum(parts[0])), point)
    assert deaf(cast, np.append(point, 0.0))
    assert deaf(cast, point, np.zeros(2))
    assert not deaf(cast, np.zeros(2))
