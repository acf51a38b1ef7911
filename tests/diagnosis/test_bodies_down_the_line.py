"""Updates as students write them, several mistakes at once, against labels written by hand."""

from __future__ import annotations

import habit_bodies  # noqa: F401 -- adds to the bodies
import notebook_bodies  # noqa: F401 -- as does this
import pytest
from said import alternatives, codes, named, wrong_entries
from student_bodies import BODIES, Body
from written import homework

pytestmark = pytest.mark.sample(18)

QUICK = 1
SOAK = 3
SEEDS = 20


def grade_body(diagnosed, body: Body, seed: int):
    """One body, and that nothing was said of it that is not so."""
    result = diagnosed(homework(body.task, body.source, body.layout), body.task, seed)
    assert named(result) <= body.mistakes | body.also, body.name
    return result


def complete(body: Body, result) -> bool:
    """Whether all its mistakes are named, in one of the sets that predict the same."""
    return body.mistakes <= named(result) or body.mistakes in alternatives(result)


@pytest.mark.sample(72)
@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body.task}/{body.name}")
def test_a_body_gets_its_mistakes_and_no_others(diagnosed, body: Body) -> None:
    """The very set of the label, with a verified formula for every wrong entry."""
    for seed in range(QUICK):
        result = grade_body(diagnosed, body, seed)
        assert codes(result) == body.mistakes
        told = {entry for f in result.findings for entry in f.entries}
        assert len(told) >= wrong_entries(result) > 0
        for finding in result.findings:
            assert set(finding.applies) == set(finding.entries)
            assert set(finding.should) == set(finding.entries)


def test_bodies_are_many_and_of_every_kind() -> None:
    """A share that is named means little over a few alike."""
    assert len(BODIES) == len({body.name for body in BODIES}) >= 60
    assert len(set().union(*(body.mistakes for body in BODIES))) >= 25
    assert {body.layout for body in BODIES} == {"column", "out_in", "row"}
    assert {len(body.mistakes) for body in BODIES} >= {1, 2, 3, 5}


def test_a_label_that_is_wrong_is_noticed(diagnosed) -> None:
    """The twin: a body under another body's label fails both ways."""
    by_name = {body.name: body for body in BODIES}
    uphill = by_name["uphill"]
    result = grade_body(diagnosed, uphill, 0)
    assert not complete(by_name["arrays, W2 first"], result)
    assert not named(result) <= by_name["arrays, W2 first"].mistakes


@pytest.mark.slow
def test_at_least_95_percent_are_named_on_many_seeds(diagnosed) -> None:
    """No seed accuses wrongly, and hardly any misses something.

    Every body has seeds of its own: they differ in the same numbers.
    """
    full = [
        complete(body, grade_body(diagnosed, body, (number + turn * 7) % SEEDS))
        for turn in range(SOAK)
        for number, body in enumerate(BODIES)
    ]
    assert sum(full) >= 0.95 * len(full), f"{sum(full)} of {len(full)}"
