"""Steps against slopes: the factor that they share, what rounding may hide, what is told."""

from __future__ import annotations

import numpy as np
import pytest
from cases import bound

from gradkit.judge.comparison import Comparison
from gradkit.judge.gradient import Slope, Steps, _compare, _factors
from gradkit.records.result import Entry

RELATIVE = 1e-3


def steps(
    slope: list[list[float]],
    taken: list[list[float]],
    *,
    before: float = 0.0,
    stored: float = 0.0,
    lost: float = 0.0,
    corner: tuple[int, int] | None = None,
) -> Steps:
    """Steps of W2 and b1, of which each row is one: W2 as told, b1 right at a rate of one."""
    at = np.array(slope)[:, :, None]
    corners = np.zeros(at.shape, bool)
    if corner is not None:
        corners[corner] = True
    usual = Slope(np.ones((len(at), 2, 1)), np.zeros((len(at), 2, 1), bool))
    return Steps(
        tuple(f"step {n}" for n in range(1, len(at) + 1)),
        {"W2": np.full(at.shape, before), "b1": np.zeros((len(at), 2, 1))},
        {"W2": np.array(taken)[:, :, None], "b1": usual.value},
        {"W2": Slope(at, corners), "b1": usual},
        stored,
        {"W2": lost, "b1": 0.0},
    )


def entries(made: Steps, *, earns: bool = True, first: int | None = None) -> dict[int, Entry]:
    """Those of W2, by their index."""
    factors = _factors(made, RELATIVE, first)
    comparison = Comparison(bound("update"))
    _compare(comparison, made, factors, RELATIVE, earns=earns)
    found = comparison.entries
    assert {entry.state for entry in found if entry.parameter == "b1"} <= {"pass"}
    return {entry.index[0]: entry for entry in found if entry.parameter == "W2"}


def failing(made: Steps, **options) -> list[int]:
    """The indices of those of W2 that fail."""
    return [at for at, entry in entries(made, **options).items() if entry.state == "fail"]


# --- the factor --------------------------------------------------------------------------


def test_the_factor_is_the_one_that_most_entries_share() -> None:
    """Whatever the others are; biases have one of their own."""
    made = steps([[1.0, -2.0, 3.0, 4.0]], [[0.5, -1.0, 1.5, -2.0]])
    factors = _factors(made, RELATIVE)
    assert factors["W"] == pytest.approx((0.5, 0.0))
    assert factors["b"] == pytest.approx((1.0, 0.0))
    found = entries(made)
    assert [at for at, entry in found.items() if entry.state == "fail"] == [3]
    assert (found[3].found, found[3].expected) == (pytest.approx(-4.0), 4.0)
    assert (found[0].found, found[0].expected) == (pytest.approx(1.0), 1.0)
    assert (found[3].label, found[3].probe) == ("W2[3]", "step 1")


def test_where_no_two_agree_it_is_the_median() -> None:
    """So a wrong gradient has no entry that is right by itself."""
    made = steps([[1.0, 1.0, 1.0]], [[1.0, 2.0, 4.0]])
    assert _factors(made, RELATIVE)["W"] == (2.0, 0.0)
    assert failing(made) == [0, 2]


def test_ratios_agree_within_twice_what_is_allowed() -> None:
    """On either side; a third is left out of the fit."""
    made = steps([[1.0, 1.0, 1.0]], [[1.0, 1.0019, 1.5]])
    assert _factors(made, RELATIVE)["W"].value == pytest.approx(1.00095, abs=1e-9)
    made = steps([[1.0, 1.0, 1.0]], [[1.0, 1.0022, 1.5]])
    assert _factors(made, RELATIVE)["W"].value == 1.0022


def test_the_fit_is_by_least_squares() -> None:
    """A larger slope tells more of the factor."""
    made = steps([[1.0, 3.0]], [[1.0, 3.003]])
    assert _factors(made, RELATIVE)["W"].value == pytest.approx((1.0 + 9.0 * 1.001) / 10)


def test_the_doubt_of_a_factor_is_what_rounding_leaves_of_it() -> None:
    """The root of the sum of squares, relative to it."""
    made = steps([[3.0, 4.0]], [[6.0, 8.0]], before=0.5, stored=0.2)
    # Of each step a tenth may be lost: sqrt(0.3² + 0.4²) / 25 / 2.
    assert _factors(made, RELATIVE)["W"] == pytest.approx((2.0, 0.01))


def test_small_slopes_tell_nothing_of_the_factor() -> None:
    """However many they are; nor does what is no number."""
    made = steps([[1.0, 1.0, 1e-4, 1e-4, 1e-4]], [[2.0, 2.0, 1.0, 1.0, 1.0]])
    assert _factors(made, RELATIVE)["W"].value == 2.0
    made = steps([[1.0, 1.0, 1.0]], [[2.0, 2.0, np.nan]])
    assert _factors(made, RELATIVE)["W"].value == 2.0
    assert np.isnan(entries(made)[2].found)
    assert failing(made) == [2]


def test_without_any_slope_there_is_no_factor() -> None:
    """Then no step is right but none."""
    made = steps([[0.0, 0.0]], [[0.0, 0.5]])
    assert _factors(made, RELATIVE)["W"] == (0.0, 0.0)
    found = entries(made)
    assert {at: entry.found for at, entry in found.items()} == {0: 0.0, 1: 0.5}


def test_huge_steps_are_compared_without_a_warning() -> None:
    """A factor without end is none."""
    made = steps([[1.0, 1.0]], [[1.7e308, 1.7e308]])
    assert _factors(made, RELATIVE)["W"] == (1.7e308, 0.0)
    made = steps([[1e-3, 1e-3]], [[1.7e308, 1.7e308]])
    assert failing(made) == [0, 1]


def test_a_later_step_is_held_to_the_factor_of_the_first() -> None:
    """It may have added to it."""
    made = steps([[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [3.0, 6.0]])
    assert failing(made, first=1) == [0, 1]
    assert {entry.probe for entry in entries(made, first=1).values()} == {"step 2"}


# --- entries -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "within", "beyond"),
    [
        ({}, 1.09e-3, 1.11e-3),
        ({"lost": 1e-2}, 1.109e-2, 1.111e-2),
    ],
)
def test_an_entry_may_be_off_by_a_part_of_itself_and_of_the_largest(
    options, within: float, beyond: float
) -> None:
    """A thousandth of it, and a hundredth of that of the largest, and what its slope may lose."""
    slope = [10.0, 10.0, 1.0]
    for sign in (1, -1):
        assert failing(steps([slope], [[10.0, 10.0, 1.0 + sign * within]], **options)) == []
        assert failing(steps([slope], [[10.0, 10.0, 1.0 + sign * beyond]], **options)) == [2]


def test_what_a_value_may_lose_of_itself_is_in_the_unit_of_the_factor() -> None:
    """Half the rate makes twice as much of it."""
    for factor in (0.5, 2.0):
        for off, wrong in ((0.9, []), (1.4, [2])):
            taken = [10.0 * factor, 10.0 * factor, factor + off * 1e-2]
            made = steps([[10.0, 10.0, 1.0]], [taken], before=-1.0, stored=1e-2)
            assert failing(made) == wrong


def test_a_step_uphill_fails_in_every_entry() -> None:
    """And is shown with the other sign."""
    made = steps([[1.0, 2.0]], [[-1.0, -2.0]])
    assert failing(made) == [0, 1]
    assert entries(made)[1].found == -2.0


def test_what_tells_nothing_is_left_out() -> None:
    """A slope of zero, steps that drown in rounding, and known ones; what is wrong is not."""
    made = steps([[1.0, 2.0, 0.0]], [[1.0, 2.0, 0.0]])
    assert list(entries(made)) == [0, 1]
    assert entries(made, earns=False) == {}
    wrong = steps([[1.0, 2.0, 0.0]], [[1.0, 2.0, 0.5]])
    assert list(entries(wrong, earns=False)) == [2]
    for lost, left in ((0.9, [1]), (1.1, [])):
        assert list(entries(steps([[1e-3, 2.0]], [[1e-3, 2.0]], lost=lost))) == left


def test_a_corner_is_open_and_not_wrong() -> None:
    """Unless another step is wrong there; of equals the first is shown."""
    right, wrong = [1.0, 2.0, 3.0], [1.0, 2.5, 3.0]
    slope = [right, right]
    found = entries(steps(slope, [right, right], corner=(1, 1)))
    assert [entry.state for entry in found.values()] == ["pass", "inconclusive", "pass"]
    assert (found[1].probe, found[0].probe) == ("step 2", "step 1")
    assert entries(steps(slope, [right, wrong], corner=(1, 1)))[1].state == "inconclusive"
    found = entries(steps(slope, [wrong, right], corner=(1, 1)))
    assert (found[1].state, found[1].probe) == ("fail", "step 1")
    known = entries(steps(slope, [right, right], corner=(1, 1)), earns=False)
    assert list(known) == [1]
