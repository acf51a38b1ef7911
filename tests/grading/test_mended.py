"""What changes mend of a net's findings: what is gone after each, and what is left after all."""

from __future__ import annotations

import pytest

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading.changed_text import replaced
from gradkit.grading.mended import Step, with_steps
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.submission import Cell, Place

SOURCE = "first\nsecond\nthird\nfourth"
CELL = Cell("c", "answer.py", None, SOURCE)


def finding(mistake: str, entries: str, line: int) -> Finding:
    """What is wrong with some entries of the update, on a line."""
    place = Place("answer.py", None, line)
    own = tuple(entries.split())
    return Finding(mistake, "update", mistake, "", own, place=place, places=(place,))


def step(first: int, last: int, *lines: str, at: int, arrays: str = "") -> Step:
    """A change of lines that is told at one, and makes all of some arrays right."""
    proposal = Proposal("c", "missing-factor", first, last, lines, at, 0, at, 1)
    text = replaced(SOURCE, proposal)
    assert text is not None
    told = finding("missing-factor", "", at)
    return Step(told, proposal, SOURCE, {"c": text}, frozenset(arrays.split()))


def told(before: Inquiry, made: Step, after: Inquiry, right: str = "") -> list[tuple[str, int]]:
    """The mistakes that are told with a change, each with its line."""
    found = with_steps(before, [made], [after], right.split(), [CELL])
    return [(each.mistake, each.place.line) for each in found.findings if each.place]


def test_what_is_gone_is_told_where_it_is_mended() -> None:
    """What is left keeps its line; what was not gone is not told of the change."""
    gone, left = finding("wrong-sign", "W1[0,0]", 4), finding("wrong-factor", "b1", 3)
    change = step(2, 2, "other", at=2)
    before = Inquiry((gone, left))
    assert told(before, change, Inquiry((left,))) == [("wrong-sign", 2), ("wrong-factor", 3)]
    assert told(before, change, before) == [("wrong-sign", 4), ("wrong-factor", 3)]


def test_what_had_no_name_is_told_as_the_change() -> None:
    """For the arrays that are right then; the rest has names, unless that is a guess."""
    rough = finding(UNEXPLAINED, "W1[0,0] b1", 1)
    change = step(2, 2, "other", at=2, arrays="W1")
    one, other = finding("wrong-sign", "b1", 3), finding("wrong-factor", "b1", 4)
    named = told(Inquiry((rough,)), change, Inquiry((one,)))
    assert named == [("missing-factor", 2), ("wrong-sign", 3)]
    guess = told(Inquiry((rough,)), change, Inquiry((one, other)))
    assert guess == [("missing-factor", 2), (UNEXPLAINED, 1)]


def test_what_makes_nothing_right_is_not_told() -> None:
    """Nothing is left of it, and the check does not pass."""
    rough = Inquiry((finding(UNEXPLAINED, "W1[0,0]", 1),))
    change = step(2, 2, "other", at=2, arrays="W1")
    assert told(rough, change, Inquiry()) == [(UNEXPLAINED, 1)]
    assert told(rough, change, Inquiry(), "update") == [("missing-factor", 2)]


@pytest.mark.parametrize(
    ("change", "now", "was"),
    [
        (step(2, 3, "third", "second", at=2), (2, 3, 4), (3, 2, 4)),
        (step(3, 2, "more", at=2), (2, 4, 5), (2, 3, 4)),
        (step(2, 2, at=2), (1, 2, 3), (1, 3, 4)),
    ],
    ids=["moved", "put in", "left out"],
)
def test_lines_are_those_before_the_change(change: Step, now, was) -> None:
    """Whatever stands above them since."""
    left = [finding(f"left-{line}", "b1", line) for line in now]
    before = Inquiry((finding("wrong-sign", "W1[0,0]", 1), *left))
    lines = [line for code, line in told(before, change, Inquiry(tuple(left)))]
    assert lines[1:] == [*was]


def test_a_change_that_only_puts_lines_in_is_made() -> None:
    """It ends in the line before; one that ends before that is none."""
    proposal = Proposal("c", "missing-statement", 3, 2, ("more",), 2, 0, 2, 1)
    assert replaced(SOURCE, proposal) == "first\nsecond\nmore\nthird\nfourth"
    for first, last in ((3, 1), (0, 0), (5, 5), (6, 5)):
        amiss = Proposal("c", "missing-statement", first, last, ("more",), 2, 0, 2, 1)
        assert replaced(SOURCE, amiss) is None


def test_a_rate_that_is_wrong_in_two_lines_is_one_mistake() -> None:
    """What the first change leaves of it has another name, and is not charged again."""
    whole = finding("wrong-learning-rate", "W1[0,0] W2", 4)
    rest = finding("uneven-learning-rate", "W1[0,0]", 4)
    other = finding("wrong-sign", "b1", 3)
    steps = [step(2, 2, "other", at=2), step(4, 4, "another", at=4)]
    before, half = Inquiry((whole,)), Inquiry((rest,))
    found = with_steps(before, steps, [half, Inquiry()], ["update"], [CELL])
    assert [each.mistake for each in found.findings] == ["wrong-learning-rate"]
    # The twin is about an entry that the first mistake is not about.
    more = with_steps(before, steps, [Inquiry((other,)), Inquiry()], ["update"], [CELL])
    assert [each.mistake for each in more.findings] == ["wrong-learning-rate", "wrong-sign"]


def test_a_mistake_that_leaves_the_gradient_right_stays_no_cause_of_it() -> None:
    """A repair for another mistake does not change that."""
    rate, gone = finding("wrong-learning-rate", "W1[0,0]", 4), finding("wrong-sign", "b1", 3)
    causes = {"gradient": (gone.id,), "trajectory": (rate.id, gone.id)}
    before = Inquiry((rate, gone), causes)
    found = with_steps(before, [step(2, 2, "other", at=2)], [Inquiry((rate,))], [], [CELL])
    assert {check: {*ids} for check, ids in found.causes.items()} == {
        check: {*ids} for check, ids in causes.items()
    }
