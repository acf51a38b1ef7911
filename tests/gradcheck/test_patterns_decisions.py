"""Patterns, each on both sides of its line."""

from __future__ import annotations

import re

import numpy as np
import pytest
from deciding import DISAGREE

from gradkit.gradcheck.entries import blank_results
from gradkit.gradcheck.error import join_claims, leaf_claims
from gradkit.gradcheck.noise import EPS
from gradkit.gradcheck.patterns import (
    _candidate_patterns,
    _describe_factor,
    _describe_simple,
    _is_square_matrix,
    common_factor,
    describe_leaf,
    find_patterns,
)
from gradkit.gradcheck.structure import Leaf


def test_a_factor_fits_to_a_thousandth_of_what_is_claimed() -> None:
    """Or to twice what is not known, times the factor."""
    truth, sure = np.array([1.0, 2.0, -30.0, 30.0]), np.full(4, 1e-9)
    off = np.array([0, 0, 0.05, 0.05])
    assert common_factor(2 * truth + off, truth, sure) == pytest.approx(2)
    assert common_factor(2 * truth + 1.3 * off, truth, sure) is None
    assert common_factor(0.5 * truth + off / 4, truth, sure) == pytest.approx(0.5)
    assert common_factor(0.5 * truth + 1.3 * off / 4, truth, sure) is None
    room = np.full(4, 0.05)
    assert common_factor(20 * truth + 44 * off, truth, room) == pytest.approx(20)  # 2.2 of 2.6
    assert common_factor(20 * truth + 54 * off, truth, room) is None
    assert common_factor(0.999 * truth, 0.9999 * truth, sure) is None
    assert common_factor(truth, np.array([1.0, 0, 0, 0]), sure) is None


def test_a_plain_pattern_has_room() -> None:
    """Twice what is known least, and a thousandth of the largest."""
    zero = np.zeros(2)

    def plain(size: float, error: float, claimed=zero) -> str:
        return _describe_simple(
            claimed, np.full(claimed.shape, size), np.full(claimed.shape, error), None
        )

    assert plain(1e-3, 0.51e-3) == ""
    assert plain(1e-3, 0.49e-3) == "the claimed gradient is zero everywhere"
    assert plain(1e-3, 0.49e-3, np.zeros(1)) == ""
    square = 100 * np.array([[1.0, 2.0], [3.0, 4.0]])
    for size, said in ((0.39, "it is transposed"), (0.41, "")):
        claim = square.T + np.array([[0.0, size], [0.0, 0.0]])
        assert _describe_simple(claim, square, np.full((2, 2), 1e-9), claim.T) == said
        assert describe_leaf(claim, square, np.full((2, 2), 1e-9)) == said
    one = np.array([1.0, 3.0])
    assert _describe_simple(one, one + 0.0029, 0 * one, None) == ""
    both = "it is transposed, and every entry is wrong by the same factor: claimed = 3 × estimate, "
    assert _describe_simple(3 * square.T, square, 0 * square, 3 * square).startswith(both)
    # Nothing more is looked for.
    assert describe_leaf(square + 0.39, square, 0 * square) == ""


def test_what_has_a_transpose() -> None:
    """A square of more than one."""
    shapes = {(2, 2): True, (1, 1): False, (2, 3): False, (2,): False, (2, 2, 2): False}
    for shape, square in shapes.items():
        assert _is_square_matrix(np.zeros(shape)) is square


def guessed(claimed, estimate, room: float = 1e-6) -> list[str]:
    """Return what is guessed."""
    claimed, estimate = np.asarray(claimed, dtype=float), np.asarray(estimate, dtype=float)
    return [
        re.split(r"[:,]| sum of| mean of", said)[0]
        for said, _ in _candidate_patterns(claimed, estimate, room)
    ]


EVERY = "every entry is the"
SUM = "the total of its entries is right"
ZERO = "the entries that are wrong are all zero"
PLACES = "it holds the right numbers in the wrong places"


def test_what_may_have_been_mistaken() -> None:
    """Sums of vectors alone, and only where the sum is something; places of two wrong entries."""
    assert guessed([6, 6, 6], [1, 2, 3]) == [EVERY, PLACES, ZERO]
    assert guessed([[6], [6], [6]], [[1], [2], [3]]) == [EVERY, PLACES, ZERO]
    assert guessed([[6, 6], [6, 6]], [[1, 2], [3, 4]]) == [PLACES, ZERO]
    assert guessed([6], [1]) == []
    assert guessed([-6, 1, 1], [1, 2, 3]) == [PLACES, ZERO]
    assert guessed([0, 6, 6], [1, 2, 3]) == [PLACES, ZERO]
    assert guessed([2, 3, 1], [1, 2, 3]) == [EVERY, PLACES, SUM, ZERO]
    assert guessed([2, 1, 3, 4], [1, 2, 3, 4]) == [EVERY, PLACES, ZERO]
    assert guessed([3, 2, 3], [1, 2, 3]) == [EVERY]
    # A sum that is nearly nothing tells nothing.
    assert guessed([-2, 2, 0], [2, 0, -2 + 1e-3], 1e-3) == [PLACES, ZERO]
    assert guessed([1e-2, 2, -2], [2, -2, 1e-2], 1e-3) == [EVERY, PLACES, SUM, ZERO]
    assert guessed([1e-2, 2, -2], [2, -2, 1e-2], 1.2e-3) == [PLACES, ZERO]
    # The sum has to be right to what is known of it, and to a thousandth of what is wrong.
    for off, said in ((2.9e-3, True), (3.1e-3, False)):
        assert (SUM in guessed([2, 3, 1 + off], [1, 2, 3], 1e-3)) is said
    for off, said in ((0.39e-2, True), (0.41e-2, False)):
        assert (SUM in guessed([2, 3, 1 - off], [1, 2, 3], 0.1)) is said
    held = dict(_candidate_patterns(np.full(3, 2.0), np.array([1.0, 2.0, 3.0]), 1e-6))
    (said,) = (one for one in held if one.startswith(EVERY))
    assert said == f"{EVERY} mean of 3 numbers: averaged over all axes"
    assert held[said].tolist() == [2, 2, 2]
    once = dict(_candidate_patterns(np.full(3, 6.0), np.array([1.0, 2.0, 3.0]), 1e-6))
    assert f"{EVERY} sum of all of them: summed over all axes" in once
    moved = dict(_candidate_patterns(np.array([2.0, 0, 7, 1]), np.array([1.0, 2, 7, 8]), 1e-6))
    assert moved[PLACES].tolist() == [7, 1, 8, 2]
    (left,) = (one for said, one in moved.items() if said.startswith(ZERO))
    assert left.tolist() == [1, 0, 7, 8]


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (-1.0009, "its sign is reversed (claimed = −1 × estimate)"),
        (-1.0011, "claimed = −1.001 × estimate, with the sign reversed"),
        (-0.9991, "its sign is reversed (claimed = −1 × estimate)"),
        (2.0, "claimed = 2 × estimate, as if 1/2 were missing "
        "(or the 2 of a square counted twice)"),
        (0.5, "claimed = 1/2 × estimate, as if 1/2 were applied once too often "
        "(or the 2 of a square is missing)"),
        (1.3, "claimed = 1.3 × estimate"),
        (-3.0, "claimed = −3 × estimate, as if 1/3 were missing, with the sign reversed"),
        (1 / 3, "claimed = 1/3 × estimate, as if 1/3 were applied once too often"),
        (6.0059, "claimed = 6 × estimate, as if 1/6 were missing"),
        (5.9941, "claimed = 6 × estimate, as if 1/6 were missing"),
        (6.0061, "claimed = 6.006 × estimate"),
        (5.9939, "claimed = 5.994 × estimate"),
        (1.002, "claimed = 1.002 × estimate"),
    ],
)  # fmt: skip
def test_words_for_a_factor(ratio: float, said: str) -> None:
    """A whole number or a part is told to a thousandth."""
    assert _describe_factor(ratio) == said


def test_patterns_of_several_parameters() -> None:
    """One factor for all is said once; of one alone by its name; of those that agree nothing."""

    def found(claimed: list[list[float]], *wrong: int) -> list[str]:
        parts = [np.array(one, dtype=float) for one in claimed]
        size = sum(part.size for part in parts)
        claims = join_claims(leaf_claims(parts, parts, np.ones(len(parts)), [EPS] * len(parts)))
        columns = blank_results(size)
        columns.estimate[:] = [1, 2, 3, 4][:size]
        columns.bound[:] = 1e-9
        columns.verdict[:] = [DISAGREE if k in wrong else "agree" for k in range(size)]
        leaves = [Leaf(name, part) for name, part in zip("ab", parts, strict=False)]
        return [said.partition(",")[0] for said in find_patterns(claims, columns, leaves)]

    assert found([[2, 4], [6, 8]]) == []
    assert found([[2, 4], [6, 8]], 0) == [
        "All entries are wrong by the same factor: claimed = 2 × estimate"
    ]
    one = "every entry is wrong by the same factor: claimed = 2 × estimate"
    assert found([[2, 4]], 0) == [f"a: {one}"]
    assert found([[2, 4], [3, 4]], 0, 1) == [f"a: {one}"]
    assert found([[1, 2], [6, 8]], 2) == [f"b: {one}"]
    assert found([[1, 2], [6, 8]], 0) == []
    assert found([[1, 2.5], [3, 4]], 1) == []
