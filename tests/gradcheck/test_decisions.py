"""The numbers on which verdicts turn, each on both sides of its line."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from deciding import AGREE, DISAGREE, UNKNOWN, near

from gradkit.gradcheck import check_gradient, finite_difference
from gradkit.gradcheck.check import PROGRESS_DELAY
from gradkit.gradcheck.check import progress_callback as progress_shown
from gradkit.gradcheck.directions import Survey, _matching_places, ramp
from gradkit.gradcheck.entries import EntryCheck, one_by_one, worst_verdict
from gradkit.gradcheck.error import (
    Claims,
    Options,
    allowed_resolution,
    claim_error,
    first_step,
    join_claims,
    leaf_claims,
    select_claims,
    visible_slope,
)
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import Examination, _jumps
from gradkit.gradcheck.ladder import (
    Ladder,
    Reading,
    Side,
    best_estimate,
    bound_truncation,
    differences,
    extrapolate,
    read_slope,
)
from gradkit.gradcheck.noise import (
    EPS,
    POINTS,
    Measurements,
    entry_scales,
    largest_of,
    leaf_scales,
    measure,
    table_noise,
)
from gradkit.gradcheck.patterns import common_factor, describe_leaf
from gradkit.gradcheck.records import Direction
from gradkit.gradcheck.structure import align, is_static, rounding_unit, unpack

pytestmark = pytest.mark.usefixtures("quietly")

SEEN = Measurements(1.0, 1e-12, 1e-13, EPS, True, False, np.ones(1), 2.0)


def claims(claimed, largest, scale, eps=EPS) -> Claims:
    """Lay out claims with every number given."""
    row = np.atleast_1d(np.asarray(claimed, dtype=float))
    zeros = np.zeros(len(row), dtype=np.intp)
    full = [np.full(len(row), float(one)) for one in (scale, largest, eps)]
    weight = np.abs(np.nan_to_num(row))
    return Claims(row, zeros, np.arange(len(row)), row, *full, weight, *np.zeros((3, len(row))))


# Where to begin.


def test_a_first_step_shows_the_slope_and_bends_little() -> None:
    """Noise over 1e-8 of the slope; 0.3 of the balance; 1/16 of the scale: the shortest of all."""
    one = np.ones(1)
    assert near(first_step(1e9 * one, one, 1e-12, 0 * one), 1e-13)
    assert near(first_step(one, one, 1e-12, 0 * one), 0.3e-4)
    assert near(first_step(1e-30 * one, one, 1e-12, 0 * one), 1 / 16)
    assert near(first_step(1e-30 * one, 4 * one, 1e-12, 0 * one), 1 / 4)
    assert near(first_step(one, one, 1e-12, 30e-7 * one), 1e-5)
    assert near(first_step(one, 4 * one, 1e-12, 0 * one), 1.2 * np.cbrt(1e-12 / 4))
    assert near(first_step(2 * one, 4 * one, 1e-12, 0 * one), 1e-12 / 2e-8)
    assert near(first_step(64 * one, 4 * one, 1e-18, 0 * one), 1e-18 / 64e-8)
    assert near(visible_slope(one, one, 2.0), 1.0)
    assert near(visible_slope(0 * one, 4 * one, 2.0), 1e-4 * 2 / 4)


def test_a_claim_is_known_to_its_rounding() -> None:
    """Of its own terms, of its array's where it is narrow, of the point, and to what f shows."""
    rows, none = np.arange(1), np.zeros(1)
    deaf = replace(SEEN, fine=0.0, reach=0.0)
    assert near(claim_error(claims(2, 5, 1), rows, none, deaf), 600 * EPS)
    assert near(claim_error(claims(2, 5, 1, 1e-7), rows, none, deaf), 300 * 1e-7 * 7)
    assert near(claim_error(claims(2, 5, 1, 1e-2), rows, none, deaf), 0.03 * 7)
    assert near(claim_error(claims(0, 5, 1), rows, none + 3, deaf), 15 * EPS)
    assert near(claim_error(claims(0, 5, 2), rows, none, replace(SEEN, reach=0.0)), 8e-13)
    assert near(claim_error(claims(0, 5, 2), rows, none, replace(deaf, whole=0.5)), 225 * EPS)


def test_the_coarsest_resolution_that_will_do() -> None:
    """Of large and small entries of a precise f, of noisy ones, and of arrays that do nothing."""
    rows, none = np.arange(1), np.zeros(1)
    exact = replace(SEEN, noise=1e-30, fine=0.0, reach=1.0)
    assert near(allowed_resolution(claims(1, 1, 1), exact, rows, none), 0.9e-5)
    assert near(allowed_resolution(claims(7.1e-4, 1, 1), exact, rows, none), 0.9e-5 * 7.1e-4)
    assert near(allowed_resolution(claims(6.9e-4, 1, 1), exact, rows, none), 1e-6)
    assert near(
        allowed_resolution(claims(7.1e-4 * 5, 5, 1), exact, rows, none), 0.9e-5 * 7.1e-4 * 5
    )
    assert near(allowed_resolution(claims(6.9e-4 * 5, 5, 1), exact, rows, none), 5e-6)
    rough = replace(SEEN, noise=1e-6, reach=1.0)
    assert near(allowed_resolution(claims(1, 1, 1), rough, rows, none), 300 * 1e-4)
    assert near(allowed_resolution(claims(1, 1, 1), rough, rows, none + 1e-3), 0.034)
    assert near(
        allowed_resolution(claims(2, 2, 4), rough, rows, none), 300 * 2 * (1e-6 / 8) ** (2 / 3)
    )
    loud = replace(SEEN, noise=1e-2, reach=1.0)
    assert near(allowed_resolution(claims(1, 1, 1), loud, rows, none), 0.1)
    assert near(allowed_resolution(claims(1e-2, 1, 1), loud, rows, none), 3e-2)
    assert near(allowed_resolution(claims(0, 1, 1), loud, rows, none), 6e-4)
    still = replace(loud, reach=4.0)
    assert near(allowed_resolution(claims(1e-7, 2e-7, 2), still, rows, none), 6e-5)
    assert near(allowed_resolution(claims(0, 0, 2), still, rows, none + 1e-9), 6e-5)
    assert allowed_resolution(claims(1e-7, 3e-6, 2), still, rows, none) < 1e-6
    # Rounding that hides all of an array makes it nothing too, unless the claim itself is rough.
    hidden = allowed_resolution(claims(0, 1e-3, 1), still, rows, none + 2.1e-4)
    plain = allowed_resolution(claims(0, 1e-3, 1), still, rows, none + 1.9e-4)
    narrow = allowed_resolution(claims(0, 1e-3, 1, 1e-5), still, rows, none + 2.1e-4)
    assert hidden > 10 * plain
    assert near(narrow, plain)


def test_an_array_is_held_to_its_own_size_however_small_it_is() -> None:
    """Of a precise f, less what a slope may do to f and be rounding; no rounding is held to it."""
    rows, none = np.arange(1), np.zeros(1)
    exact = replace(SEEN, noise=1e-30, fine=0.0, whole=1.0)
    assert near(allowed_resolution(claims(1e-6, 1e-6, 1), exact, rows, none), 0.9e-11 - 900 * EPS)
    assert near(allowed_resolution(claims(0, 1e-6, 2), exact, rows, none), 1e-12 - 450 * EPS)
    assert allowed_resolution(claims(1e-9, 1e-9, 1), exact, rows, none + 1.9e-10) < 1e-9
    assert near(
        allowed_resolution(claims(1e-10, 1e-10, 4), replace(exact, reach=2.0), rows, none + 1e-10),
        5e-10,
    )
    # What is not known of the claim itself, but for what moves f by nothing, is not asked.
    assert near(allowed_resolution(claims(1, 1, 1), exact, rows, none + 2e-13 + 1e-3), 4e-3)
    assert near(allowed_resolution(claims(1, 1, 1), exact, rows, none + 0.1), 0.1)
    # Nor more than the others could show of themselves.
    beside = replace(SEEN, noise=1e-9, fine=0.0, base=1e8, reach=1.0)
    assert near(allowed_resolution(claims(1e-6, 1e-6, 1), beside, rows, none), 300 * 1e-6 * 1e-6)


def test_a_direction_says_how_coarse_it_may_be() -> None:
    """No finer than it asks, nor than a plain claim may be."""
    one = replace(claims(1, 1, 1), coarsest=np.array([0.5]))
    assert near(allowed_resolution(one, SEEN, np.arange(1), np.zeros(1)), 0.5)
    fine = replace(one, coarsest=np.array([1e-9]))
    assert near(
        allowed_resolution(fine, replace(SEEN, noise=1e-30), np.arange(1), np.zeros(1)), 0.9e-5
    )


# Ladders.

STEPS = 4.0 ** np.arange(-6, 0)


def test_differences_of_three_kinds() -> None:
    """With their noise: of f, of its rounding where values are large, and a blur on top."""
    half, quarter = np.array([0.5]), np.array([0.25])
    one = Ladder(1.0, np.array([3.0]), np.array([0.5]), half, quarter, 0.0, 0.01, 0.125)
    left, right, central, noise = differences(one)
    assert (left[0], right[0]) == (2.0, 4.0)
    assert central[0] == pytest.approx((4 * 0.25 + 2 * 0.5) / 0.75)
    assert noise[0] == pytest.approx(2 * 0.03 / 0.75 + 0.125)
    assert differences(replace(one, noise=0.3))[3][0] == pytest.approx(0.6 / 0.75 + 0.125)


@pytest.mark.parametrize("power", [1, 2])
def test_extrapolation_is_rid_of_a_term_each_time(power: int) -> None:
    """What is left of truncation is told, and noise grows by the weights."""
    values = 5.0 + 2 * STEPS**power + 3 * STEPS ** (2 * power)
    found = list(extrapolate(values, np.full(6, 1e-9), STEPS, power))
    assert [len(one[0]) for one in found] == [5, 4, 3]
    errors = [abs(one[0][0] - 5) for one in found]
    assert errors[0] > 50 * errors[1] > 0
    assert errors[2] < 1e-12
    for estimate, _, bent in found[:2]:
        assert np.all(np.abs(estimate - 5) <= bent)
    weight = 1 / (4**power - 1)
    assert found[1][1][0] == pytest.approx(1e-9 * (1 + 2 * weight))
    hidden = next(extrapolate(np.array([0.0, 3, 4, 13]), np.full(4, 0.9), STEPS[:4], power))
    assert hidden[2].tolist() == [np.inf, 3, 4.5]
    assert list(extrapolate(values[:1], STEPS[:1], STEPS[:1], power)) == []
    assert len(list(extrapolate(values[:3], STEPS[:3], STEPS[:3], power))) == 2


def test_truncation_by_the_changes_seen() -> None:
    """A series, none, what noise may hide, and no less than what shorter steps were seen to do."""
    quiet = np.full(3, 1e-9)
    assert near(bound_truncation(np.array([1.0, 4.0, 16.0]), quiet), [0.5, 2, 8])
    assert near(
        bound_truncation(np.array([1.0, 2.5, 6.25]), quiet), [1 / 1.5, 2.5 / 1.5, 6.25 / 1.5]
    )
    assert np.all(np.isinf(bound_truncation(np.array([1.0, 2.0, 4.0]), quiet)))
    assert np.all(np.isinf(bound_truncation(np.array([1.0, 1.0, 1.0]), quiet)))
    assert near(bound_truncation(np.array([3.0]), quiet[:1]), 1.5)
    assert np.all(np.isinf(bound_truncation(np.array([3.0, 1.0, 9.0]), quiet)))
    perhaps = bound_truncation(np.array([3.0, 1.0, 9.0]), np.array([1.6, 1e-9, 1e-9]))
    assert near(perhaps[1:], [3, 4.5])
    hidden = bound_truncation(np.array([1.0, 1.0, 1.0]), np.array([9.0, 1.5, 0.1]))
    assert np.all(np.isinf(hidden))
    jump = bound_truncation(np.array([1e-3, 9.0, 9.0]), np.array([4.4, 1.0, 0.1]))
    assert near(jump[0], 0.5e-3)
    assert np.all(np.isinf(jump[1:]))
    close = bound_truncation(np.array([1e-3, 9.0, 9.0]), np.array([4.6, 1.0, 0.1]))
    assert np.isinf(close[0])
    noise = bound_truncation(np.array([1.0, 0.5, 2.0]), np.full(3, 8.0))
    assert near(noise, [0.5, 0.25, 1])


def test_the_least_bound_is_chosen() -> None:
    """The step and the longest that was used are told."""
    flat = np.full(6, 5.0)
    best = best_estimate(flat, 1e-3 / STEPS, STEPS, 1)
    assert (best.step, best.reach, best.estimate) == (4, 5, 5.0)
    assert best.bound == pytest.approx(1e-3 / STEPS[4])
    assert (best.noise, best.truncation) == (best.bound, 0)
    bent = np.where(np.arange(6) < 3, 5.0, 9.0)
    best = best_estimate(bent, np.full(6, 1e-6), STEPS, 1)
    assert (best.estimate, best.step) == (5.0, 0)
    assert best_estimate(np.full(6, np.nan), flat, STEPS, 1).bound == np.inf


def ladder(f, x: float, noise: float = 1e-14) -> Ladder:
    """Take a ladder."""
    above, below = (np.array([f(x + s * h) for h in STEPS]) for s in (1, -1))
    return Ladder(float(f(x)), above, below, STEPS, STEPS, noise)


def test_what_a_ladder_says() -> None:
    """Of a smooth f, of a kink, and of an f that is not known on one side."""
    smooth = read_slope(ladder(np.exp, 0.0))
    assert not smooth.kinked
    assert abs(smooth.estimate - 1) <= smooth.bound < 1e-8
    assert smooth.bound == min(smooth.central.bound, smooth.left.bound, smooth.right.bound)
    jump = abs(smooth.right.estimate - smooth.left.estimate)
    assert smooth.doubt == pytest.approx((jump + smooth.left.bound + smooth.right.bound) / 2)
    kink = read_slope(ladder(lambda t: 3 * max(t, 0.0) - max(-t, 0.0), 0.0))
    assert kink.kinked
    assert (kink.estimate, kink.bound) == pytest.approx((2.0, 1.0), abs=1e-9)
    assert kink.bound >= 1.0
    rough = read_slope(ladder(lambda t: 3 * max(t, 0.0) - max(-t, 0.0), 0.0, 1e-2))
    sides = (rough.left, rough.right)
    assert rough.estimate - rough.bound == pytest.approx(min(s.estimate - s.bound for s in sides))
    assert rough.estimate + rough.bound == pytest.approx(max(s.estimate + s.bound for s in sides))
    assert rough.bound > 1.05
    with np.errstate(all="ignore"):
        edge = read_slope(ladder(lambda t: np.sqrt(t) if t >= 0 else np.nan, 0.0))
    assert (edge.bound, edge.doubt, edge.kinked) == (np.inf, np.inf, False)


def examined(claimed: float, seen: Measurements = SEEN, pair=None, **parts) -> Examination:
    """Examine one claim, with some numbers given."""
    largest, scale = parts.pop("largest", 0.0), parts.pop("scale", 1.0)
    asked = Options(subgradient=parts.pop("subgradient", False))
    one = replace(claims(claimed, largest, scale), here=np.array([parts.pop("here", 0.0)]))
    check = EntryCheck(
        one_by_one(pair or (lambda row, step: (0.0, 0.0, step, step))), one, seen, asked
    )
    check.steps[:] = 1e-3
    at = Examination(check, 0)
    for name, number in {"room": 2.0, **parts}.items():
        setattr(at, name, number)
    return at


def judged(claimed: float, reading: Reading, **parts) -> str:
    """Judge a claim by a reading."""
    return examined(claimed, **{"allowed": 0.5, **parts}).judge(reading)[0]


SIDE = Side(1.0, 0.1, 0.05, 0.05, 1, 2)
READING = Reading(1.0, 0.1, 0.1, False, SIDE, SIDE, SIDE, SIDE)


def test_both_sides_of_a_verdict() -> None:
    """Within the bound and the claim's own error it agrees; beyond twice as much it does not."""
    assert judged(1.09, READING) == AGREE
    assert judged(1.11, READING) == UNKNOWN
    assert judged(1.19, READING) == UNKNOWN
    assert judged(1.21, READING) == DISAGREE
    assert judged(0.79, READING) == DISAGREE
    assert judged(1.24, READING, error=0.05) == UNKNOWN
    assert judged(1.14, READING, error=0.05) == AGREE
    assert judged(1.0, READING, allowed=0.19) == UNKNOWN
    assert judged(1.0, READING, allowed=0.21) == AGREE
    assert judged(1.0, replace(READING, doubt=0.22), allowed=0.2) == UNKNOWN
    assert judged(1.0, replace(READING, doubt=0.209), allowed=0.2) == AGREE
    assert judged(1.0, replace(READING, doubt=0.211), allowed=0.2) == UNKNOWN
    assert judged(1.0, replace(READING, doubt=0.219), allowed=0.2, largest=2000.0) == AGREE
    assert judged(1.0, replace(READING, doubt=0.221), allowed=0.2, largest=2000.0) == UNKNOWN
    assert near(examined(1.0, allowed=0.5, error=0.25).judge(READING)[1], 0.45)
    assert judged(1.0, replace(READING, bound=np.inf)) == UNKNOWN
    fine = replace(SIDE, bound=1e-12)
    sharp = replace(READING, bound=1e-12, left=fine, right=fine)
    assert judged(1 + 9e-9, sharp, allowed=0.0) == UNKNOWN
    assert judged(1 + 3e-8, sharp, allowed=0.0) == DISAGREE
    assert judged(1.29, READING, room=3.0) == UNKNOWN
    assert judged(1.31, READING, room=3.0) == DISAGREE
    assert judged(2.0, READING, here=0.9e-12) == UNKNOWN
    assert judged(2.0, READING, here=1.1e-12) == DISAGREE
    assert judged(2.0, READING, here=-1.1e-12) == DISAGREE


def test_a_precise_f_leaves_less_room() -> None:
    """Twice what is not known, or thrice."""
    for noise, room, ease in ((1e-15, 2, 1), (1e-12, 3, 3)):
        check = EntryCheck(None, claims(2.0, 2.0, 1.0), replace(SEEN, noise=noise), Options())
        check.limits[:] = 0.5
        at = Examination(check, 0)
        assert (at.room, at.allowed) == (room, 0.5 * ease)


def test_both_sides_of_a_kink() -> None:
    """Between the slopes nothing is said, or any is right; beyond, by more than is known, wrong."""
    kink = replace(READING, kinked=True, bound=1.0, doubt=1.0)
    assert judged(1.9, kink) == UNKNOWN
    assert judged(2.05, kink) == UNKNOWN
    assert judged(2.15, kink) == DISAGREE
    assert judged(2.15, kink, error=0.1) == UNKNOWN
    assert judged(2.05, kink, subgradient=True) == AGREE
    told = examined(2.05, allowed=0.5, subgradient=True, error=0.25).judge(kink)
    assert (told[0], near(told[1], 0.7)) == (AGREE, True)
    uneven = replace(kink, left=replace(SIDE, bound=0.3))
    assert judged(2.25, uneven, subgradient=True) == AGREE
    uneven = replace(kink, right=replace(SIDE, bound=0.3))
    assert judged(2.25, uneven, subgradient=True) == AGREE
    assert judged(2.25, uneven) == UNKNOWN
    assert judged(2.15, kink, subgradient=True) == DISAGREE


def test_a_ladder_reaches_a_quarter_of_the_scale_and_a_doubt_all_of_it() -> None:
    """Steps that are known, too short or too long are not taken."""
    evaluator = Evaluator(lambda p: float(p[0] ** 2), unpack(np.ones(1)))
    at = examined(2.0, pair=partial(evaluator.pair, 0), scale=2.0, smallest=64 * EPS)
    assert at.add_steps(0.5, 0.6, 1.9, 2.0, 2.1, 1e-15)
    assert at.rows[0].tolist() == [0.5, 0.6, 1.9, 2.0]
    assert not at.add_steps(0.54)
    assert len(at.ladder(0.0, at.top).above) == 1
    assert len(at.ladder(0.0, np.inf).above) == 4
    assert at.rows[1].tolist() == [(1 + step) ** 2 for step in at.rows[0].tolist()]
    assert evaluator.count == 8


def test_a_jump_is_told_from_a_bend() -> None:
    """By what is left of the departure from a straight line when the way to it is halved."""

    def jumps(beyond) -> bool:
        def pair(row: int, step: float) -> tuple[float, ...]:
            return 1 + 2 * step + beyond(step), 1 - 2 * step + beyond(-step), step, step

        return bool(_jumps(examined(2.0, pair=pair), 2.0, 0.4, 1.0))

    assert jumps(lambda t: 0.4 * (t > 0.3))
    assert jumps(lambda t: 0.4 * (t < -0.3))
    assert not jumps(lambda t: 0.19 * (t > 0.3))
    assert not jumps(lambda t: 0.4 * t * t)


def test_the_resolution_of_a_difference() -> None:
    """Its bound in parts of itself, infinite where it is zero."""
    found = finite_difference(lambda p: float(p[0] ** 3 + 0 * p[1]), np.array([2.0, 1.0]))
    assert found.resolution[0] == pytest.approx(found.bound[0] / 12)
    assert found.resolution[1] == np.inf
    assert found.status.tolist() == ["ok", "ok"]


def test_a_resolution_is_a_part_of_the_larger_of_claim_and_estimate() -> None:
    """And infinite where both are zero."""
    for claim in (0.0, 3.0, 300.0):
        report = check_gradient(lambda p: float(3 * p[0]), np.ones(1), np.array([claim]))
        (entry,) = report.entries
        assert 0 < entry.resolution * max(claim, 3.0) < 1e-5
    assert check_gradient(lambda p: 1.0, np.ones(1), np.zeros(1)).entries[0].resolution == np.inf


def test_why_a_claim_stays_open() -> None:
    """The largest part of what is not known."""

    def why(reading: Reading, seen: Measurements = SEEN) -> str:
        at = examined(1.0, seen)
        at.rows = np.ones((5, 1))
        return at.inconclusive_reason(reading)

    random = replace(SEEN, steady=False)
    assert why(replace(READING, bound=np.inf)) == "non-finite"
    assert why(replace(READING, bound=np.inf), random) == "not deterministic"
    assert why(replace(READING, kinked=True)) == "kink"
    assert why(READING) == "noise"
    assert why(READING, random) == "not deterministic"
    assert why(replace(READING, best=replace(SIDE, truncation=0.06))) == "curvature"


# What is large.


def test_the_size_of_a_change_that_matters() -> None:
    """A leaf's largest; of a leaf of zeros, what moves f as others do, but no further."""
    points = [np.array([0.5, -2.0]), np.zeros(1)]

    def scale(claim: float) -> tuple[list[float], float]:
        found, reach = leaf_scales([np.array([1.0, 3.0]), np.array([claim])], points, 1.0)
        return found.tolist(), reach

    assert scale(12.0) == ([2.0, 0.5], 6.0)
    assert scale(1.0) == ([2.0, 2.0], 6.0)
    assert scale(0.0) == ([2.0, 2.0], 6.0)
    assert leaf_scales([], points, 1.0)[0].tolist() == [2.0, 2.0]
    assert leaf_scales([], [np.zeros(1)], 1.0)[0].tolist() == [1.0]
    alone, reach = leaf_scales([np.array([5.0])], [np.zeros(1)], 1.0)
    assert (alone.tolist(), reach) == ([0.2], 1.0)
    nothing, reach = leaf_scales([np.array([5.0])], [np.zeros(1)], 0.0)
    assert (nothing.tolist(), reach) == ([1.0], 5.0)


def test_sizes_and_units() -> None:
    """The largest that is finite; in mixed units each entry has its own."""
    assert largest_of(np.array([1.0, -5.0, np.nan])) == 5.0
    assert largest_of(np.zeros(0)) == 0.0
    even = entry_scales(np.array([1.0, 2.0]), np.array([3.0, 4.0]), 4.0)
    assert even.tolist() == [4.0, 4.0]
    units = np.array([1e-4, 1.0, 1e4])
    mixed = entry_scales(1 / units, units, 1e4)
    assert mixed.tolist() == units.tolist()
    equal = entry_scales(np.array([1e3, 1.0]), np.array([1.0, 1e3]), 1e3)
    assert equal.tolist() == [1e3, 1e3]
    zero = entry_scales(np.append(1 / units, 10.0), np.append(units, 0.0), 1e4)
    assert zero[3] == pytest.approx(0.1)


def test_a_table_is_taken_from_a_cubic_or_a_parabola() -> None:
    """Three deviations of the rest."""
    line = np.array(POINTS[:6])
    assert table_noise(line**3, 4) < 1e-9 < table_noise(line**3, 3)
    rng = np.random.default_rng(0)
    sizes = [table_noise(rng.normal(size=6), 4) for _ in range(400)]
    assert np.sqrt(np.mean(np.square(sizes))) == pytest.approx(3, rel=0.1)


def test_what_rounding_is_a_part_of() -> None:
    """The less of f and of what parameters do to it; of an f that is nothing, the parameters."""

    def whole(f, point: float, claim: float) -> float:
        evaluator = Evaluator(f, unpack(np.array([point])))
        return measure(evaluator, [np.array([claim])]).whole

    assert near(whole(lambda p: 1e6 + 3 * p[0], 2.0, 3.0), 6.0)
    assert near(whole(lambda p: 3 * p[0] - 5, 2.0, 3.0), 1.0)
    assert near(whole(lambda p: 1.5 * p[0] - 2.999, 2.0, 1.5), 1e-3)
    assert near(whole(lambda p: 0 * p[0], 2.0, 1e-13), 2.0)


def test_how_much_f_changes_is_seen_where_nothing_is_claimed() -> None:
    """By its slope and its bend along parameters that move by 0.5 to 1.5 of their size."""

    def reach(f) -> float:
        evaluator = Evaluator(f, unpack(np.array([2.0])))
        return measure(evaluator, [np.zeros(1)]).reach

    assert 3 <= reach(lambda p: 1e6 + 3 * p[0]) <= 9
    assert 200 <= reach(lambda p: 1e6 + 100 * (p[0] - 2) ** 2) <= 1800
    assert reach(lambda p: 1e6 + 0 * p[0]) == 0


# Lines and samples.


def test_the_shortest_step_of_each_line() -> None:
    """A hundred roundings of the entry."""
    points = [np.array([2.0, 0.0]), np.ones(1, np.float32)]
    found = join_claims(leaf_claims(points, points, np.ones(2), [EPS, EPS]))
    assert found.smallest.tolist() == [200 * EPS, 0.0, 100 * 2.0**-23]


class Parabolas:
    """Lines of f = base + slope t + bend t² / 2, exactly."""

    def __init__(self, base: float, slope, bend) -> None:
        self.base, self.slope = base, np.array(slope, dtype=float)
        self.bend = np.array(bend, dtype=float)

    def pair(self, row, step):
        """Return f above and below, and the steps."""
        straight, bent = self.slope[row] * step, self.bend[row] * step**2 / 2
        return self.base + bent + straight, self.base + bent - straight, step, step


def looked(lines: Parabolas, claimed, here, seen: Measurements, **asked) -> EntryCheck:
    """Lay claims out and try the first step of each."""
    claimed, here = np.array(claimed, dtype=float), np.array(here, dtype=float)
    room = [np.full(len(claimed), asked.pop("atol", 0.0))]
    found = join_claims(leaf_claims([claimed], [here], np.ones(1), [EPS], room))
    check = EntryCheck(one_by_one(lines.pair), found, seen, Options(**asked))
    check._try_step(np.arange(len(claimed)), check.steps, 0.3e-8 * check.slope)
    return check


FINE = replace(SEEN, base=0.0, noise=1e-20, fine=1e-20, reach=4.0)


def test_what_a_first_step_knows_of_the_point() -> None:
    """The rounding of all parameters, by the bends that the steps have shown."""
    check = looked(Parabolas(0.0, [0, 0], [4e8, 9e8]), [0, 0], [2, 3], FINE)
    assert near(check.bend, [2e4, 3e4])
    assert near(check.blur, 5 * EPS * np.array([2e4, 3e4]) * 13e4)
    assert near(check.error, claim_error(check.claims, np.arange(2), np.array([26e8, 39e8]), FINE))
    assert near(
        check.limits, allowed_resolution(check.claims, FINE, np.arange(2), check.blur + check.error)
    )
    straight = looked(Parabolas(0.0, [1], [1e6]), [1], [1], FINE)
    assert straight.blur[0] > 1e-10
    (step,) = straight.steps
    bent = (1e6 * step - 4e-20 / step) ** 2 / 6
    gap = abs(straight.columns.estimate - 1)
    assert near(straight.columns.bound, 1e-20 / step + straight.blur + bent + gap)
    wide = looked(Parabolas(0.0, [0, 0], [4e8, 9e8]), [0, 0], [2, 3], FINE, atol=0.25)
    assert near(wide.error, check.error + 0.25)
    loose = looked(Parabolas(0.0, [2, 4], [4e8, 9e8]), [2, 4], [2, 3], FINE, rtol=0.5)
    assert near(loose.tolerance, [1, 2])
    assert near(loose.steps, first_step(np.array([2.0, 4.0]), np.ones(2), 1e-20, np.zeros(2)))


def test_what_a_first_step_says_of_a_claim() -> None:
    """It agrees within what is not known; its estimate and bound are written down either way."""
    seen = replace(FINE, base=1.0, noise=2e-16, fine=2e-16, reach=1.0)
    check = looked(Parabolas(1.0, [1, 1, 1], [0, 0, 0]), [1, 1 + 5e-8, -1], [1, 1, 1], seen)
    assert check.columns.verdict.tolist() == [AGREE, UNKNOWN, UNKNOWN]
    assert check.columns.reason.tolist() == ["", "noise", "noise"]
    assert np.allclose(check.columns.estimate, 1, atol=1e-8)
    assert np.all(check.columns.bound < 2.1)
    assert 1e-9 < check.columns.bound[0] < 3e-8
    assert 1e-9 < check.columns.resolution[0] < 6e-8
    assert near(check.tried[0], check.steps)
    bent = looked(Parabolas(1.0, [1], [1e5]), [1], [1], seen)
    assert bent.columns.verdict.tolist() == [UNKNOWN]
    still = looked(Parabolas(1.0, [0], [0]), [0], [1], seen)
    assert still.columns.verdict.tolist() == [AGREE]


@pytest.mark.parametrize(("size", "looked"), [(64, 64), (65, 32), (200, 32)])
def test_large_arrays_are_looked_at_in_samples(size: int, looked: int) -> None:
    """Of up to 64 entries all; of more 32 drawn at random, where these are all wrong."""
    x = np.linspace(0.5, 1, size)
    report = check_gradient(lambda p: float(p @ p), x, -x, seed=3)
    assert len({e.index for e in report.entries}) in (looked, size if size <= 64 else 17, 16)
    assert sum(e.verdict == DISAGREE for e in report.entries) >= 16
    right = check_gradient(lambda p: float(p @ p), x, 2 * x, seed=3)
    assert len(right.entries) == size


def test_a_few_wrong_entries_of_a_large_array_are_all_found() -> None:
    """Up to fifteen, wherever they are."""
    x = np.linspace(0.5, 1, 300)
    wrong = 2 * x
    places = np.random.default_rng(0).choice(300, 15, replace=False)
    wrong[places] *= 1.1
    report = check_gradient(lambda p: float(p @ p), x, wrong)
    assert {e.index[0] for e in report.entries if e.verdict == DISAGREE} == set(places.tolist())
    assert len(report.entries) == 300


def test_a_direction_moves_leaves_so_that_each_does_as_much() -> None:
    """By slope times scale, but no more than a thousand times as far; the ramp is on top."""
    points = [np.full(3, 10.0), np.full(4, 0.1), np.full(2, 1e-9)]
    slopes = [np.full(3, 2.0), np.full(4, 2.0), np.full(2, 2.0)]
    scales = np.array([10.0, 0.1, 1e-9])
    found = leaf_claims(slopes, points, scales, [EPS] * 3)
    survey = Survey(Evaluator(lambda p: 0.0, unpack(points)), found, SEEN, Options())
    move, steep = survey.direction_and_twin([0, 1, 2])
    lift = np.abs(move) / np.repeat(scales, [3, 4, 2])
    assert np.all((lift[:3] >= 0.5) & (lift[:3] <= 1.5))
    level = 10 * 3**0.5 / (0.1 * 4**0.5)
    assert np.all((0.5 * level <= lift[3:7]) & (lift[3:7] <= 1.5 * level))
    assert np.all((lift[7:] >= 500) & (lift[7:] <= 1500))
    assert near(steep / move, ramp(9))
    alone, _ = survey.direction_and_twin([1])
    assert near(alone[3:7], survey.sign[3:7])
    assert not np.any(alone[:3])
    assert not np.any(alone[7:])
    looked = survey.check_directions(move)
    assert near(looked.least, 2 * np.abs(move).min())
    assert near(looked.claims.coarsest, 1e-3 * looked.least)


def test_how_coarse_a_direction_may_be_where_nothing_is_claimed() -> None:
    """A thousandth of what parameters do to f, over the scale."""
    none = leaf_claims([np.zeros(3)], [np.full(3, 4.0)], np.array([4.0]), [EPS])
    evaluator = Evaluator(lambda p: 0.0, unpack(np.full(3, 4.0)))
    survey = Survey(evaluator, none, SEEN, Options())
    looked = survey.check_directions(survey.direction_and_twin([0])[0])
    assert looked.least[0] == np.inf
    assert near(looked.claims.coarsest, 1e-3 * SEEN.reach / looked.claims.scale)


def test_the_window_of_a_ramp() -> None:
    """The ratio of two errors says which entry; doubt widens it."""
    places = np.arange(100, 200)
    steep = ramp(100)
    assert (steep[0], steep[50]) == (0.5, 1.0)
    assert _matching_places(places, steep[42] + 0.002, 0.0).tolist() == [142, 143]
    wide = _matching_places(places, steep[42] + 0.002, 0.01)
    assert (wide[0], wide[-1]) == (140, 145)
    assert _matching_places(places, 0.5, 0.01)[0] == 100
    assert _matching_places(places, 1.49, 0.01)[-1] == 199
    assert len(_matching_places(places, 3.0, 0.0)) == 0


def test_the_worst_verdict_counts() -> None:
    """Disagree before inconclusive before agree; nothing agrees."""
    parts = {
        verdict: Direction("", 0, 0.0, 0.0, 0.0, 0.0, verdict)
        for verdict in (AGREE, UNKNOWN, DISAGREE)
    }
    assert worst_verdict([parts[AGREE], parts[UNKNOWN], parts[DISAGREE]]) == DISAGREE
    assert worst_verdict([parts[AGREE], parts[UNKNOWN]]) == UNKNOWN
    assert worst_verdict([parts[AGREE]]) == worst_verdict([]) == AGREE


def test_claims_are_laid_out_by_leaf() -> None:
    """Each with its place, its leaf's largest, and its unit of rounding."""
    arrays = [np.array([[1.0, -4.0]]), np.array([2.0])]
    points = [np.array([[1.0, 1.0]]), np.array([3.0])]
    found = join_claims(leaf_claims(arrays, points, np.array([1.0, 3.0]), [1e-16, 1e-7]))
    assert found.claimed.tolist() == [1, -4, 2]
    assert (found.leaf.tolist(), found.place.tolist()) == ([0, 0, 1], [0, 1, 0])
    assert found.largest.tolist() == [4, 4, 2]
    assert found.scale.tolist() == [1, 1, 3]
    assert found.eps.tolist() == [1e-16, 1e-16, 1e-7]
    assert found.here.tolist() == [1, 1, 3]
    assert found.weight.tolist() == [1, 4, 2]
    assert select_claims(found, np.array([1])).claimed.tolist() == [-4]
    broken = join_claims(leaf_claims([np.array([np.nan, 2.0])], [np.ones(2)], np.ones(1), [EPS]))
    assert (broken.weight.tolist(), broken.largest.tolist()) == ([0, 2], [2, 2])
    for none in (
        join_claims(leaf_claims([], [], np.ones(0), [])),
        join_claims(leaf_claims([np.zeros(0)] * 2, [np.zeros(0)] * 2, np.ones(2), [EPS] * 2)),
    ):
        assert len(EntryCheck(None, none, SEEN, Options()).run().estimate) == 0


# Patterns and claims.


def test_a_factor_has_to_fit_every_entry() -> None:
    """To a thousandth or to what is known, by two entries at least; and not be 1."""
    truth, sure = np.array([1.0, 2.0, -3.0]), np.full(3, 1e-9)
    assert common_factor(2 * truth, truth, sure) == pytest.approx(2)
    assert common_factor(1.0009 * truth, truth, sure) is None
    assert common_factor(1.0011 * truth, truth, sure) == pytest.approx(1.0011)
    off = 2 * truth * np.array([1.0, 1.0, 1.004])
    assert common_factor(off, truth, sure) is None
    assert common_factor(off, truth, np.full(3, 0.02)) == pytest.approx(2, rel=1e-2)
    assert common_factor(2 * truth, truth, np.array([1e-9, 0.21, 0.31])) is None
    assert common_factor(2 * truth, truth, np.array([1e-9, 0.19, 0.31])) == pytest.approx(2)
    assert common_factor(2 * truth, truth, np.full(3, np.inf)) is None
    assert common_factor(0 * truth, truth, sure) is None
    assert common_factor(np.array([2.0, 4.0, np.nan]), truth, sure) == pytest.approx(2)


def test_right_numbers_in_wrong_places_are_all_there() -> None:
    """One that is not is no such pattern; nor are numbers that are all the same."""
    sure = np.full(3, 1e-9)
    named = describe_leaf(np.array([2.0, 1.0, 7.0]), np.array([1.0, 2.0, 7.0]), sure)
    assert named == "it holds the right numbers in the wrong places"
    half = describe_leaf(np.array([2.0, 1, 3, 4]), np.array([1.0, 2, 3, 4]), np.full(4, 1e-9))
    assert half == "it holds the right numbers in the wrong places"
    square, room = np.array([[2.0, 1.0], [7.0, 3.0]]), np.full((2, 2), 1e-9)
    swapped = np.array([[1.0, 2.0], [7.0, 3.0]])
    assert describe_leaf(square, swapped, room) == "it holds the right numbers in the wrong places"
    assert describe_leaf(square, np.array([[1.0, 5.0], [7.0, 3.0]]), room) == ""
    left_out = np.array([[2.0, 0.0], [7.0, 0.0]])
    assert "are all zero" in describe_leaf(left_out, square, room)


def test_a_pattern_has_the_room_of_the_entry_that_is_known_least() -> None:
    """And no more."""
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    room = np.array([[1e-9, 0.05], [1e-9, 1e-9]])
    claim = square.T + np.array([[0.0, 0.09], [0.0, 0.0]])
    assert describe_leaf(claim, square, room) == "it is transposed"
    assert describe_leaf(claim + 0.05, square, room) != "it is transposed"


def test_a_bend_that_passes_the_claim_far_away_is_no_jump() -> None:
    """Over a step of all of the parameter the slope on both sides is two."""
    for claim in (2.0, 2.05):
        report = check_gradient(lambda x: (x - 1) + (x - 1) ** 3, 1.0, claim)
        assert report.verdict == "disagree"


def test_the_rounding_of_a_claim() -> None:
    """The dtype of a claim decides, and its values do not."""
    point = unpack(np.ones(3))
    exact = np.array([0.1, 0.2, 0.3])
    assert align(exact, point)[1] == [EPS]
    assert align(exact.astype(np.float32), point)[1] == [2.0**-23]
    assert align(exact.astype(np.float32).astype(float), point)[1] == [EPS]
    assert align([1, 2, 3], point)[1] == [EPS]
    assert rounding_unit(exact.astype(np.float16), exact.astype(np.float16)) == 2.0**-10


def test_what_is_nothing_to_differentiate() -> None:
    """None, texts, truth values, masks and objects; numbers and arrays are something."""
    for value in (
        None,
        "a",
        b"a",
        True,
        np.bool_(1),
        np.array([True]),
        object(),
        len,
    ):
        assert is_static(value)
    for value in (1, 1.0, 1j, np.ones(2), [1.0]):
        assert not is_static(value)


# What is shown meanwhile.


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_a_terminal_is_told_after_two_seconds(monkeypatch) -> None:
    """Unless the caller wants no progress, or to be told instead; and nothing else is."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for progress in (None, True):
        with progress_shown(progress) as tell:
            tell(3, PROGRESS_DELAY - 0.1)
            assert "evaluations" not in terminal.getvalue()
            tell(4000, PROGRESS_DELAY)
        assert "checking the gradient: 4,000 evaluations in 2 s" in terminal.getvalue()
        terminal.truncate(0)
    with progress_shown(False) as tell:
        assert tell is None
    with progress_shown(print) as tell:
        assert tell is print
    for other in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", other)
        with progress_shown(True) as tell:
            assert tell is None


@pytest.mark.parametrize(("dtype", "eps"), [(float, EPS), (np.float32, 2.0**-23)])
def test_the_rounding_of_a_random_f_is_that_of_its_argument(dtype, eps: float) -> None:
    """Nothing else tells."""
    values = iter(range(100))
    evaluator = Evaluator(lambda p: float(next(values)), unpack(np.ones(2, dtype)))
    seen = measure(evaluator, [np.zeros(2)], np.random.default_rng(0))
    assert (seen.eps, seen.steady) == (eps, False)
    assert seen.noise == pytest.approx(1.5 * 12)
