"""Code that no mistake of the catalogue explains is never given a mistake's name.

Where one change of it makes all right, it is told that change.
"""

from __future__ import annotations

import pytest
from outside_code import BY_RULE, CODE, SOMETIMES, source_of
from said import codes, finding, named, open_, states, wrong_entries
from written import homework

pytestmark = pytest.mark.sample(9)

SOAK = 10
QUICK = list(CODE)[::2]
"""The soak takes all of them."""


def graded(diagnosed, name: str, seed: int = 0):
    """One of the table's entries."""
    task, _ = CODE[name]
    return diagnosed(homework(task, source_of(name)), task, seed)


@pytest.mark.sample(24)
@pytest.mark.parametrize("name", QUICK)
def test_it_is_unexplained_with_numbers(diagnosed, name: str) -> None:
    """No name; the entries concerned, each with what was expected and what came."""
    assert_unexplained(name, graded(diagnosed, name))


def assert_unexplained(name: str, result) -> None:
    """No mistake's name, and numbers for every entry that failed."""
    assert named(result) == set()
    if states(result)["update"] != "fail":
        assert name in SOMETIMES
        return
    left = open_(result)
    assert codes(result) == {each.mistake for each in left}
    # What two changes mend together is said of both.
    assert len({e for each in left for e in each.entries}) == wrong_entries(result) > 0
    (check,) = [c for c in result.checks if c.check == "update"]
    for entry in check.entries:
        if entry.state == "fail":
            assert entry.expected is not None
            assert entry.expected != entry.found


@pytest.mark.parametrize(("name", "entry", "text"), BY_RULE)
def test_a_rule_is_shown_where_one_is_verified(diagnosed, name: str, entry: str, text: str) -> None:
    """An exact formula helps, even where the catalogue has no name for it."""
    (found,) = [each for each in open_(graded(diagnosed, name)) if entry in each.entries]
    assert found.applies[entry] == text


def test_code_without_a_rule_shows_none(diagnosed) -> None:
    """The twin: what does not verify is not shown."""
    (found,) = open_(graded(diagnosed, "clipped error"))
    assert not found.applies


def test_what_is_right_otherwise_keeps_its_name(diagnosed) -> None:
    """An entry that cannot be explained does not hide the mistake of another."""
    _, text = CODE["noise on W1"]
    task = CODE["noise on W1"][0]
    spoilt = source_of("noise on W1").replace(
        "parameters['b1'] + 0.01 *", "parameters['b1'] + 0.03 *"
    )
    assert spoilt != text
    result = diagnosed(homework(task, spoilt), task)
    assert codes(result) == {"uneven-learning-rate", "unexplained"}
    assert finding(result, "uneven-learning-rate").entries == ("b1[0]", "b1[1]")


@pytest.mark.slow
@pytest.mark.parametrize("name", CODE)
def test_no_seed_gives_it_a_name(diagnosed, name: str) -> None:
    """Over ten draws."""
    for seed in range(SOAK):
        result = graded(diagnosed, name, seed)
        assert named(result) == set(), seed
        if seed == 0:
            assert_unexplained(name, result)
