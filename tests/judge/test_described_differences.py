"""A wrong output is described by its relation to the expected one, if there is a plain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradkit.judge.outputs import Probe, describe_difference, judge_check
from gradkit.records.task import Draw, FunctionCheck, Made

Array = NDArray[Any]
Change = Callable[[Array, int], Any]

SIZES = (5, 8)
"""Values of N in two probes."""


def expected_arrays(*shape: int) -> list[Array]:
    """Expected numbers in two probes."""
    draw = np.random.default_rng(1)
    return [draw.normal(size=shape) for _ in SIZES]


def message(change: Change, expected: list[Array]) -> str:
    """What a check says of an output `dx`."""
    probes = []
    for n, right in zip(SIZES, expected, strict=True):
        found = np.array(change(right, n))
        draw = Draw(f"random {n}", {"N": n, "D": 3}, {})
        probes.append(Probe(draw, Made({"dx": right}), Made({"dx": found})))
    return judge_check(FunctionCheck("backward", 1.0, compare=("dx",)), probes).message


NUMBERS: list[tuple[Change, str]] = [
    (
        lambda dx, n: dx / n,
        "`dx` is 1/N of the expected value in every entry (N = 5): there is one division by "
        "N too many.",
    ),
    (
        lambda dx, n: dx * n,
        "`dx` is N times the expected value in every entry (N = 5): a division by N is missing.",
    ),
    (lambda dx, n: dx * 2, "`dx` is 2 times the expected value in every entry."),
    (lambda dx, n: dx / 2, "`dx` is 1/2 of the expected value in every entry."),
    (lambda dx, n: dx / -4, "`dx` is -1/4 of the expected value in every entry."),
    (lambda dx, n: dx * 0.3, "`dx` is 0.3 times the expected value in every entry."),
    (lambda dx, n: -dx, "`dx` has the wrong sign."),
    (lambda dx, n: dx.T, "`dx` is the transpose of the expected array."),
    (lambda dx, n: 0 * dx, "`dx` is 0 in every entry."),
    (lambda dx, n: np.full_like(dx, dx.sum()), "Every entry of `dx` is the sum over all axes."),
    (lambda dx, n: dx[::-1], "`dx` has the right numbers in the wrong places."),
    (
        lambda dx, n: dx * dx.flat[0] * 100,
        "`dx` is wrong by the same factor in every entry; the factor depends on the input.",
    ),
    (lambda dx, n: dx + 1, "`dx` is not right."),
    (lambda dx, n: dx + np.eye(3), "`dx` is not right. 3 of its 9 entries are wrong."),
    (
        lambda dx, n: dx + np.diag([0, 1, 0]),
        "`dx` is not right. 1 of its 9 entries is wrong.",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), NUMBERS, ids=[text for _, text in NUMBERS])
def test_a_relation_is_named(change: Change, sentence: str) -> None:
    """The whole message, and nothing else."""
    assert message(change, expected_arrays(3, 3)) == sentence


def test_a_relation_of_one_probe_is_not_named() -> None:
    """What holds in the first probe alone explains nothing."""
    assert message(lambda dx, n: -dx if n == SIZES[0] else 3 * dx + 1, expected_arrays(3, 3)) == (
        "`dx` is not right."
    )


AXIS = "Its entries add up to the expected total: the sum is over the wrong axis."


def test_a_sum_over_the_wrong_axis() -> None:
    """With as many rows as columns, and with another number of them."""
    rows = [np.random.default_rng(n).uniform(1, 2, (3, 3)) for n in SIZES]
    expected = [each.sum(axis=0) for each in rows]
    found = iter(each.sum(axis=1) for each in rows)
    assert message(lambda db, n: next(found), expected) == f"`dx` is not right. {AXIS}"
    wide = [np.random.default_rng(n).uniform(1, 2, (3, 4)) for n in SIZES]
    found = iter(each.sum(axis=1) for each in wide)
    assert message(lambda db, n: next(found), [each.sum(axis=0) for each in wide]) == (
        f"`dx` has shape (3,); expected (4,). {AXIS}"
    )
    # A total of 0 is no sign of it: differences of probabilities have that anyway.
    centred = [each - each.mean() for each in wide]
    found = iter(each.sum(axis=1) for each in centred)
    assert message(lambda db, n: next(found), [each.sum(axis=0) for each in centred]) == (
        "`dx` has shape (3,); expected (4,)."
    )


SHAPES: list[tuple[Change, str]] = [
    (lambda dx, n: dx.T, "`dx` is the transpose of the expected array."),
    (lambda dx, n: dx.ravel(), "The numbers are right; only the shape is wrong."),
    (
        lambda dx, n: [dx, 2 * dx],
        "`dx` holds several values, and one is right: return only this value.",
    ),
    (lambda dx, n: dx.sum(), "`dx` is summed over all axes."),
    (lambda dx, n: dx[:1], ""),
]


@pytest.mark.parametrize(("change", "sentence"), SHAPES, ids=[text for _, text in SHAPES])
def test_a_relation_of_another_shape_is_named(change: Change, sentence: str) -> None:
    """After the two shapes."""
    expected = expected_arrays(3, 4)
    shape = np.shape(change(expected[0], 5))
    assert message(change, expected) == (
        f"`dx` has shape {shape}; expected (3, 4). {sentence}".rstrip()
    )


def test_a_single_number_has_no_entries() -> None:
    """It is a multiple of any other number, so that is not said."""
    assert message(lambda loss, n: loss * n, expected_arrays()) == (
        "`dx` is N times the expected value (N = 5): a division by N is missing."
    )
    assert message(lambda loss, n: 0 * loss, expected_arrays()) == "`dx` is 0."
    assert message(lambda loss, n: loss + 1, expected_arrays()) == "`dx` is not right."


def test_a_tolerance_holds_for_relations() -> None:
    """As for numbers that are only known from finite differences."""
    (right, other) = expected_arrays(3, 3)
    noise = 1 + 1e-6 * np.random.default_rng(2).normal(size=(3, 3))
    pairs = [({"N": 5}, -right * noise, right), ({"N": 8}, -other, other)]
    assert describe_difference("dx", pairs) == ""
    assert describe_difference("dx", pairs, 1e-4) == "`dx` has the wrong sign."
    tenth = [({"N": 5}, right * noise / 5, right), ({"N": 8}, other / 8, other)]
    assert describe_difference("dx", tenth, 1e-4).startswith("`dx` is 1/N of the expected value")
