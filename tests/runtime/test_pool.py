"""What a value is to those of the model solution, and by what it would be right."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.runtime.repair.pool import (
    EXACT,
    NEARLY,
    Pool,
    entries_of,
    is_count,
    is_whole,
    known,
    like,
    ratio_of,
    signature,
)

HELD = [np.array([[1.5, 2.5, -0.5]]), np.array([0.25, 4.75])]


def pool() -> Pool:
    """Two values of a model solution."""
    return Pool(HELD, entries_of(HELD, [3]), like(HELD, [3]), [])


def test_a_row_is_as_near_as_its_farthest_member() -> None:
    """All of it is the model's; one member that is not is enough to be nothing."""
    one, other = HELD
    assert known([pool(), pool()], [(one, other), (one, other)]) == EXACT
    assert known([pool(), pool()], [(one, other + 1.1), (one, other + 1.1)]) == 0
    assert known([pool(), pool()], [(one,), other]) == 0
    assert known([pool()], [()]) == 0


def test_several_axes_may_be_laid_out_otherwise() -> None:
    """The same numbers in the same order; not in another order."""
    values = [np.arange(24.0).reshape(2, 3, 2, 2) / 7]
    held = Pool(values, entries_of(values, []), like(values, []), [])
    assert known([held], [values[0].reshape(2, 3, 4)]) == EXACT
    assert known([held], [values[0].reshape(6, 2, 2)]) == EXACT
    assert known([held], [values[0].transpose(1, 0, 2, 3)]) == NEARLY


def test_counts_are_whole_by_their_kind() -> None:
    """So are rows and arrays of them; numbers that happen to be whole are none."""
    assert all(map(is_count, (3, np.int64(3), np.arange(3), (1, 2))))
    assert not any(map(is_count, (3.0, np.arange(3.0), (1, 2.0), (), None)))


def test_what_holds_itself_has_a_signature() -> None:
    """As others have; it is that of its own values."""
    one: list[object] = [np.array([1.5])]
    other: list[object] = [np.array([2.5])]
    for each in (one, other):
        each.append(each)
    assert signature(one) != signature(other)
    assert signature([1.5, {"k": (2, 3)}]) == signature([1.5, {"k": (2, 3)}])
    assert signature([1.5, {"k": (2, 3)}]) != signature([1.5, {"k": (2, 4)}])


def test_what_is_masked_has_a_signature() -> None:
    """It is that of what is there, whatever is hidden of it."""
    masked = np.ma.masked_array([1.5, 2.5], mask=[True, True])
    assert signature(masked) == signature(np.array([1.5, 2.5])) != signature(np.array([1.5, 3.5]))


def test_rows_of_whole_numbers_are_whole() -> None:
    """A row with another number is not."""
    assert is_whole((np.array([1.0, 2.0]), 3))
    assert not is_whole((np.array([1.0, 2.5]), 3))
    assert not is_whole([np.array([1.0, 2.0]), [3.0]])


@pytest.mark.parametrize(
    ("found", "ratio"),
    [
        (np.array([2.0, -4.0]), 0.5),
        (np.array([10.0, -20.0]), 0.1),
        (np.array([1.0, -2.0]), None),
        (np.array([1.0, -3.0]), None),
        (np.array([0.0, 0.0]), None),
        (np.array([[2.0, -4.0]]), None),
        (np.array([2.0, np.nan]), None),
        ("no number", None),
    ],
    ids=str,
)
def test_one_number_that_makes_a_value_right(found: object, ratio: float | None) -> None:
    """None where it is right, or where no number does."""
    assert ratio_of(np.array([1.0, -2.0]), found) == ratio
