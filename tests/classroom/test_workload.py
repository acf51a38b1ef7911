"""Work split among assistants: even, always the same, and little moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from soak import SIZE

from gradkit.classroom.reports.summary import split_work

FOUR = ("anna", "ben", "carla", "dan")
CLASS = [f"student {number}" for number in range(300)]

words = st.text(min_size=1, max_size=4)


@given(
    st.lists(words, max_size=40, unique=True), st.lists(words, min_size=1, max_size=6, unique=True)
)
@settings(max_examples=30 * SIZE, deadline=None)
def test_nobody_has_more_than_an_even_share(names: list[str], assistants: list[str]) -> None:
    """Rounded up; what is missing from even shares is less than one for each."""
    found = split_work(names, assistants)
    assert set(found) == set(names)
    count = Counter(dict.fromkeys(assistants, 0)) + Counter(found.values())
    even = -(-len(names) // len(assistants))
    assert all(count[one] <= even for one in assistants)
    assert all(count[one] >= even - len(assistants) for one in assistants)


def test_300_among_four_are_75_each() -> None:
    """To the one."""
    assert set(Counter(split_work(CLASS, FOUR).values()).values()) == {75}


def test_the_order_does_not_matter() -> None:
    """Of students or of assistants."""
    assert split_work(CLASS[::-1], FOUR[::-1]) == split_work(CLASS, FOUR)


def test_who_stays_keeps_the_assistant() -> None:
    """Of 300, when ten go or an eleventh comes, fewer than one in ten change hands."""
    before = split_work(CLASS, FOUR)
    for others in (CLASS[10:], [*CLASS, "another"], CLASS[::2] + CLASS[1:100:2]):
        after = split_work(others, FOUR)
        moved = [name for name in after if name in before and after[name] != before[name]]
        assert len(moved) < 0.1 * len(after), len(moved)


def test_when_an_assistant_goes_the_others_keep_theirs() -> None:
    """Nearly: by turns, as by remainder, three in four would change hands."""
    before, after = split_work(CLASS, FOUR), split_work(CLASS, FOUR[:3])
    moved = [name for name in CLASS if before[name] != "dan" and after[name] != before[name]]
    assert len(moved) < 0.1 * len(CLASS)
    turns = [n % 4 != n % 3 for n in range(300) if n % 4 < 3]
    assert sum(turns) > 0.5 * len(turns)
