"""What a mark sheet says of a finding, level by level."""

import json
import re
from dataclasses import replace

import pytest

from gradkit.records.finding import UNEXPLAINED, Finding
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.data import to_data
from gradkit.report.text import to_text

FINDING = Finding(
    id="f1",
    check="update",
    mistake="swapped-index",
    title="Two indices",
    entries=("W1[0,1]",),
    applies={"W1[0,1]": "+0.002 · W2[0] · X[1]"},
    should={"W1[0,1]": "+0.002 · W2[1] · X[0]"},
    place=Place("a.py", None, 12),
    source="W1[0][1] += step",
    sentence="They have changed places.",
    hints=("Look at W1.", "Rows are inputs.", "Compare the indices.", "Take X[0] and W2[1]."),
    deduction=3.6,
)
LEVELS = {
    1: ["Look at W1."],
    2: ["Two indices: W1[0,1]", "They have changed places.", "Rows are inputs."],
    3: ["a.py:12  W1[0][1] += step", "‹W2[0]›", "Compare the indices."],
    4: ["should move  +0.002 · W2[1] · X[0]", "Take X[0] and W2[1]."],
}
"""What each level adds; the first hint makes way for what says more."""


def result_with(finding: Finding) -> Result:
    """A result with one failed check and one finding."""
    check = CheckResult("update", "fail", 8.4, 12.0, "One entry is off.", (), None, (), ())
    task = TaskResult("t", "Task", 8.4, 12.0, 12.0, False, (check,), (finding,))
    return Result(*("me", "a", "correct", 1, "reference", False, 8.4, 12.0, (task,)), (), {}, {}, 0)


@pytest.mark.parametrize("level", LEVELS)
def test_hints_up_to_the_level(level: int) -> None:
    """A level shows its own and the earlier ones', and nothing of the later ones'."""
    shown = to_text([result_with(FINDING)], level)
    for other, texts in LEVELS.items():
        for text in texts:
            expected = other == level == 1 or 1 < other <= level
            assert (text in shown) == expected, (other, text)


@pytest.mark.parametrize(
    ("applied", "said"),
    [
        ("not moved", "b2 does not move\n"),
        ("= W2[1] +0.02 · (y−ŷ)", "b2 becomes      ‹W2[1]› +0.02 · (y−ŷ)\n"),
        ("+0.2 · (y−ŷ)", "b2 moves by     ‹+0.2› · (y−ŷ)\n"),
    ],
)
def test_a_formula_reads_as_a_sentence(applied: str, said: str) -> None:
    """A step, a new value that starts elsewhere, and an entry that stands still."""
    rules = {"applies": {"b2": applied}, "should": {"b2": "+0.02 · (y−ŷ)"}}
    shown = to_text([result_with(replace(FINDING, entries=("b2",), **rules))], 3)
    assert said in re.sub(" +\n", "\n", shown)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_other_names_for_the_same_numbers_are_told(level: int) -> None:
    """Whoever made the other mistake would look in vain for this one; level 1 names none."""
    found = replace(FINDING, others=("“A wrong index”",))
    shown = to_text([result_with(found)], level)
    said = "Or it is “A wrong index”: the numbers are the same, so look for either."
    assert (said in shown) == (level > 1)
    assert shown.count("Or it is") == (level > 1)


def test_the_first_level_does_not_name_the_mistake() -> None:
    """It says where to look, without title, code, sentence or cost of the mistake."""
    shown = to_text([result_with(FINDING)], 1)
    assert "swapped" not in shown
    assert "3.6" not in shown


def test_a_way_to_the_page_is_shown() -> None:
    """With the name goes the command that explains it; what has no name has none."""
    assert "gradkit explain swapped-index" in to_text([result_with(FINDING)], 2)
    nameless = Finding("f2", "update", UNEXPLAINED, "No name", ("b2",), hints=("Look.",) * 4)
    assert "gradkit explain" not in to_text([result_with(nameless)], 4)


@pytest.mark.parametrize("level", LEVELS)
def test_data_holds_the_hints_up_to_the_level(level: int) -> None:
    """As many hints as the level, the right rule at 4 alone, no name at 1."""
    (found,) = to_data(result_with(FINDING), level)["tasks"][0]["findings"]
    assert found["hints"] == list(FINDING.hints[:level])
    assert ("should" in found) == (level == 4)
    told = json.dumps(found, ensure_ascii=False)
    assert ("swapped-index" in told) == (level >= 2)
    assert ("They have changed places." in told) == (level >= 2)
    assert ("‹" in told or "W2[0]" in told) == (level >= 3)
