"""Tolerances follow from the arithmetic: rounding passes, an error does not."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.judge import tolerances
from gradkit.judge.tolerances import DOUBLE, SINGLE


def test_epsilon_is_of_the_precision_found() -> None:
    """float32 and float16 count as single; integers and complex numbers as double."""
    kinds = {np.float64: DOUBLE, np.float32: SINGLE, np.float16: SINGLE, np.int64: DOUBLE}
    assert {kind: tolerances.epsilon(np.zeros(1, kind)) for kind in kinds} == kinds


def test_epsilon_goes_by_digits() -> None:
    """What was cast and cast back has no more of them; a few numbers may be short by chance."""
    values = np.random.default_rng(0).normal(size=50)
    assert tolerances.epsilon(values) == DOUBLE
    assert tolerances.epsilon(values.astype(np.float32).astype(float)) == SINGLE
    values[3] = np.nan
    assert tolerances.epsilon(values.astype(np.float32).astype(float)) == SINGLE
    assert tolerances.epsilon(np.full(3, 0.5)) == DOUBLE


def test_single_steps_are_held_to_their_arithmetic() -> None:
    """A ten-thousandth of a step is an error, if the old value is small and no terms cancel."""
    change, before = np.full((1, 2, 1), 1e-2), np.full((1, 2, 1), 1e-3)
    allowed = tolerances.change_tolerance(change, before, SINGLE, units=np.abs(change))
    found = before + change
    assert tolerances.near(found.astype(np.float32), found, allowed).all()
    assert not tolerances.near(found + 1e-4 * change, found, allowed).any()
    # Where terms a thousand times as large cancel, it is none.
    allowed = tolerances.change_tolerance(change, before, SINGLE, units=1e3 * np.abs(change))
    assert tolerances.near(found + 1e-4 * change, found, allowed).all()


def test_what_stays_is_told_beside_what_should_move() -> None:
    """By rounding, or by a millionth of the step."""
    before = np.array([[0.3], [-0.7]])

    def stays(after: np.ndarray, change: float = 0.0) -> bool:
        return tolerances.stays({"b1": after}, {"b1": before}, {"b1": change})

    assert stays(before.copy())
    assert stays(before.astype(np.float32))
    assert not stays(before + 1e-9)
    assert stays(before + 1e-9, 1e-2)
    assert not stays(before[:1])
    assert not tolerances.stays({}, {"b1": before}, {"b1": 0.0})
    # One that was moved is enough.
    two = {"b1": before, "b2": before}
    for moved in two:
        after = {**two, moved: before + 1e-9}
        assert not tolerances.stays(after, two, dict.fromkeys(two, 0.0))


def test_near_is_never_true_of_what_is_not_finite() -> None:
    """Nan and inf are near nothing, not even with an infinite tolerance."""
    found = np.array([1.0, np.nan, np.inf, -np.inf, 1.5])
    expected = np.array([1.0, np.nan, np.inf, -np.inf, 1.0])
    assert tolerances.near(found, expected, np.full(5, np.inf)).tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert not tolerances.near(found, expected, np.full(5, 0.1))[4]


@pytest.mark.parametrize(("eps", "passes", "fails"), [(DOUBLE, 1e-10, 1e-9), (SINGLE, 1e-6, 1e-4)])
def test_values_are_held_to_the_size_of_what_they_are_summed_from(eps, passes, fails) -> None:
    """A value that cancelled to 1e-8 may carry the rounding of its terms, which were near 1."""
    expected, units = np.array([[[1.0], [1e-8]]]), np.ones((1, 2, 1))
    allowed = tolerances.value_tolerance(units, eps)
    assert tolerances.near(expected + passes, expected, allowed).all()
    assert not tolerances.near(expected + fails, expected, allowed).any()


def test_steps_are_held_to_their_change() -> None:
    """A step of 1e-4 on a weight of 1 must be right to 5e-11, not to 1e-7."""
    change, before = np.full((1, 2, 1), 1e-4), np.ones((1, 2, 1))
    allowed = tolerances.change_tolerance(change, before, DOUBLE)
    assert (allowed > 1e-11).all()
    assert (allowed < 5e-11).all()
    wrong = before + change * 1.001
    assert not tolerances.near(wrong, before + change, allowed).any()


def test_an_entry_without_change_may_carry_rounding_only() -> None:
    """Where the right change is zero, a thousandth of its neighbour's is an error."""
    change, before = np.array([[[1e-3], [0.0]]]), np.ones((1, 2, 1))
    allowed = tolerances.change_tolerance(change, before, DOUBLE)
    found = before + change + np.array([[[0.0], [1e-6]]])
    assert tolerances.near(found, before + change, allowed).ravel().tolist() == [True, False]
    # That of the old value, and of the terms of the largest change.
    allowed = tolerances.change_tolerance(change, 0 * before, DOUBLE)
    assert allowed.ravel() == pytest.approx(4e-3 * SINGLE * np.array([1.01, 0.01]), abs=0)
    loose = tolerances.change_tolerance(change, 0 * before, DOUBLE, least=1e-3)
    assert loose.ravel() == pytest.approx([1.01e-6, 1e-8])


def test_losses_in_single_are_held_to_their_change() -> None:
    """A run whose loss hardly moves is not passed for its size alone."""
    course = 0.7 - 1e-4 * np.arange(5)
    allowed = tolerances.course_tolerance(course, SINGLE, of_change=1e-3)
    assert (tolerances.course_tolerance(course, SINGLE) < allowed).all()
    assert tolerances.near(course.astype(np.float32), course, allowed).all()
    stuck = np.full(5, 0.7)
    assert tolerances.near(stuck, course, allowed).tolist() == [True, False, False, False, False]


def test_losses_in_double_are_held_to_1e_9() -> None:
    """Relative to the loss itself."""
    course = np.array([25.0, 1e-3])
    allowed = tolerances.course_tolerance(course, DOUBLE)
    assert tolerances.near(course * (1 + 5e-10), course, allowed).all()
    assert not tolerances.near(course * (1 + 2e-9), course, allowed).any()


@pytest.mark.parametrize(("eps", "passes", "fails"), [(DOUBLE, 1e-10, 1e-8), (SINGLE, 1e-6, 1e-4)])
def test_final_parameters(eps, passes, fails) -> None:
    """Relative to what the run moved them by, or to their size in double."""
    start, final = np.zeros((1, 2)), np.array([[1.0, 0.5]])
    allowed = tolerances.final_tolerance(final, start, eps)
    assert tolerances.near(final + passes, final, allowed).all()
    assert not tolerances.near(final + fails, final, allowed).any()


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_median_is_numpys(size: int) -> None:
    """The middle one, or the mean of the middle two; NaN of nothing."""
    values = np.random.default_rng(size).normal(size=(size, 1))
    assert tolerances.median(values) == pytest.approx(np.median(values), rel=1e-15)
    assert np.isnan(tolerances.median(np.array([])))
    # Without a warning, which would be an error here.
    assert tolerances.median(np.full(size, 1.7e308)) >= 1.7e308


def test_a_small_loss_carries_the_rounding_of_what_it_is_squared_from() -> None:
    """In single precision; in double each is held to itself."""
    y, y_hat = 6.17, np.linspace(0.0, 6.0, 40)
    single = (np.float32(y) - np.nextafter(y_hat.astype(np.float32), np.float32(9))) ** 2
    course = (y - y_hat) ** 2
    off = np.abs(single - course)
    assert (off <= tolerances.course_tolerance(course, tolerances.SINGLE)).all()
    assert (off > tolerances.course_tolerance(course, tolerances.DOUBLE)).any()
    assert tolerances.course_tolerance(course, tolerances.SINGLE).max() < 1e-5 * course.max()


def test_final_parameters_carry_the_rounding_of_their_size_and_their_way() -> None:
    """In single, of the largest of them; in double each is held to itself, or to the way."""
    start, final = np.array([[100.0, 0.0]]), np.array([[90.0, 0.5]])
    single = tolerances.final_tolerance(final, start, SINGLE)
    assert single.ravel() == pytest.approx([32 * SINGLE * 100] * 2)
    of_change = tolerances.final_tolerance(final, start, SINGLE, of_change=1e-2)
    assert of_change.ravel() == pytest.approx([0.1 + 32 * SINGLE * 100] * 2)
    loose = tolerances.final_tolerance(final, start, SINGLE, least=0.1, of_change=1e-2)
    assert loose.ravel() == pytest.approx([1.0 + 32 * SINGLE * 100] * 2)
    double = tolerances.final_tolerance(final, start, DOUBLE)
    assert double.ravel() == pytest.approx([9e-8, 1e-8])
    loose = tolerances.final_tolerance(final, start, DOUBLE, least=1e-3)
    assert loose.ravel() == pytest.approx([9e-2, 1e-2])


def test_an_assignment_may_let_more_pass() -> None:
    """Of a value, of a loss in double, of the change of losses in single."""
    units = np.array([2.0, 1e-9])
    assert tolerances.value_tolerance(units, DOUBLE, 0.1) == pytest.approx([0.2, 1e-4])
    assert tolerances.value_tolerance(units, SINGLE)[1] == pytest.approx(1e-2 * SINGLE)
    course = np.array([3.0, 2.0])
    assert tolerances.course_tolerance(course, DOUBLE, 0.1) == pytest.approx([0.3, 0.2])
    single = tolerances.course_tolerance(course, SINGLE, 0.1, of_change=0.01)
    assert single == pytest.approx([0.1 + 24 * SINGLE] * 2)


def test_a_step_in_single_loses_what_is_stored_and_what_its_terms_lose() -> None:
    """Of the old value and of the step, and two units of each that the slope may lose."""
    change, before = np.array([[[0.5], [-1.0]]]), np.array([[[-8.0], [4.0]]])
    allowed = tolerances.change_tolerance(change, before, SINGLE, units=np.array([[[0.0], [3.0]]]))
    exact = 4 * SINGLE * (np.abs(change) + 1e-2)
    assert allowed - exact == pytest.approx(SINGLE * np.array([[[8.5], [11.0]]]))


def test_nearly_is_off_by_single_precision_of_the_largest_change() -> None:
    """Whatever array it is in; another shape, or other numbers, are not."""
    expected, change = np.array([5.0, 5.0]), np.array([-2.0, 0.1])
    most = 64 * SINGLE
    assert tolerances.nearly(expected + np.array([0.9 * most, 0.0]), expected, change)
    assert tolerances.nearly(expected - np.array([0.0, 0.9 * most]), expected, change)
    assert not tolerances.nearly(expected + np.array([1.1 * most, 0.0]), expected, change)
    assert tolerances.nearly(expected, expected, 0 * change)
    assert not tolerances.nearly(expected[:1], expected, change)
    assert not tolerances.nearly(expected.astype(complex), expected, change)
    assert not tolerances.nearly(expected.astype(int), expected, change)


def test_a_move_is_told_from_rounding_of_each_and_from_the_largest_step() -> None:
    """By 64 units of the old value; what is no number has moved."""
    before, change = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, -1e-2, 0.0, 0.0])
    after = before + np.array([0.9e-8, 1.1e-8, 0.0, np.nan])
    assert tolerances.moved(after, before, change).tolist() == [False, True, False, True]
    units = np.array([60.0, 70.0, 0.0, 0.0]) * DOUBLE
    assert tolerances.moved(before + units, before).tolist() == [False, True, False, False]
    assert not tolerances.moved(before + 60 * SINGLE * before, before, eps=SINGLE).any()


def test_few_numbers_of_few_digits_are_not_taken_for_single() -> None:
    """Sixteen of them are."""
    values = np.linspace(0, 1, 16).astype(np.float32).astype(float)
    assert tolerances.epsilon(values) == SINGLE
    assert tolerances.epsilon(values[1:]) == DOUBLE
    assert tolerances.epsilon(None) == DOUBLE
