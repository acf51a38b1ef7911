"""What a mark sheet says of a finding, level by level."""

import json
import re
from itertools import pairwise

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from gradkit.records.result import UNEXPLAINED, CheckResult, Entry, Finding, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report import render
from gradkit.report.data import to_data
from gradkit.report.github import annotations_of
from gradkit.report.html.page import fragment, student_page
from gradkit.report.plain_text import check_text, to_comment
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
    4: ["should move by  +0.002 · W2[1] · X[0]", "Take X[0] and W2[1]."],
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
        ("= W2[1] +0.02 · (y−ŷ)", "b2 becomes         ‹W2[1]› +0.02 · (y−ŷ)\n"),
        ("+0.2 · (y−ŷ)", "b2 moves by        ‹+0.2› · (y−ŷ)\n"),
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
    said = "Another mistake gives the same numbers: “A wrong index”. Look for both mistakes."
    assert (said in shown) == (level > 1)
    assert shown.count("Another mistake gives") == (level > 1)


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


CHANGED = replace(
    FINDING,
    applies={},
    should={},
    source="dx = dout * w",
    columns=(5, 9),
    fix="if x:\n    dx = 2 * dout * w",
)
"""A finding of an exercise of functions."""


@pytest.mark.parametrize("level", LEVELS)
def test_a_doubtful_part_and_what_is_right(level: int) -> None:
    """The part is underlined from level 3 on, and the lines once right are told at 4 alone."""
    shown = to_text([result_with(CHANGED)], level)
    marked = "        a.py:12  dx = dout * w\n                      ^^^^\n"
    right = "        right:  if x:\n                    dx = 2 * dout * w\n"
    assert [marked in shown, "^" in shown] == [level >= 3] * 2
    assert [right in shown, "2 * dout" in shown] == [level >= 4] * 2
    data = json.dumps(to_data(result_with(CHANGED), level))
    assert [part in data for part in ('"columns"', '"fix"', "2 * dout")] == [
        level >= 3,
        level >= 4,
        level >= 4,
    ]
    plain = to_text([result_with(replace(CHANGED, columns=(), fix=""))], level)
    assert "^" not in plain
    assert "right:" not in plain
    assert ("a.py:12  dx = dout * w\n" in plain) == (level >= 3)


@pytest.mark.parametrize(
    ("adds", "said"),
    [(None, "right:"), (11, "add above:"), (12, "add below:"), (15, "add below line 15:")],
)
def test_a_line_that_is_missing_is_no_other_one(adds: int | None, said: str) -> None:
    """What is put in does not stand in the place of the marked line: every page says so."""
    result = result_with(replace(CHANGED, fix="optimizer.zero_grad()", adds=adds))
    (annotation,) = annotations_of(result, 4)
    capital = said[0].upper() + said[1:]
    assert f"        {said}  optimizer.zero_grad()\n" in to_text([result], 4)
    assert f"{said}  optimizer.zero_grad()" in annotation.message
    assert f"<strong>{capital}</strong> <code>optimizer.zero_grad()" in student_page(result, 4)
    assert f"{capital} <code" in fragment("Task", result, 4)
    assert ("right:" in to_text([result], 4)) == (adds is None)


@pytest.mark.parametrize(("hints", "both"), [(2, True), (3, False)])
def test_a_mistake_has_one_line(hints: int, both: bool) -> None:
    """The head of a check names where its function begins only where no line stands below it."""
    made = result_with(CHANGED)
    (task,) = made.tasks
    begun = replace(task.checks[0], place=Place("a.py", None, 3))
    later = CheckResult("trajectory", *("fail", 2.0, 2.0, "", (), begun.place), causes=("x",))
    task = replace(task, checks=(begun, later))
    text = to_text([replace(made, tasks=(task,))], hints)
    assert ("see the function at a.py:3" in text) == both
    assert ("a.py:12" in text) == (not both)
    comment = to_comment(replace(made, tasks=(task,)), hints)
    assert "See the function at a.py:3" not in comment
    assert "See the function at a.py:3." in check_text(replace(task, findings=()), begun, hints)
    assert "see the function at a.py:3" in to_text(
        [replace(made, tasks=(replace(task, findings=()),))], hints
    )


def underlined(finding: Finding, width: int = 100) -> list[str]:
    """The characters above the marks, row by row, a wide one as often as it has marks."""
    lines = to_text([result_with(finding)], 3, width).split("\n")
    found = []
    for line, below in pairwise(lines):
        if below.strip(" ^") == "" and "^" in below:
            cells = "".join(sign * cell_len(sign) for sign in line)
            found.append(cells[below.index("^") : below.rindex("^") + 1])
    return found


@pytest.mark.parametrize(
    ("source", "columns", "part"),
    [
        ("y = a * b", (4, 5), "a"),
        ("y = a * b", (0, 9), "y = a * b"),
        # A place where something is missing has no width of its own.
        ("y = a * b", (4, 4), "a"),
        ("y = '李' * b", (10, 11), "b"),
        ("y = '李' * b", (4, 7), "'李李'"),
        ("y =\ta * b", (4, 5), "a"),
    ],
)
def test_marks_stand_below_what_they_mean(source: str, columns: tuple[int, ...], part: str) -> None:
    """Wide characters take two places, a tab one, and there is always something to see."""
    assert underlined(replace(FINDING, source=source, columns=columns)) == [part]


WIDTHS = [40, 60, 80, 120]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("part", ["bcdefghijk", "李李李"])
@pytest.mark.parametrize("many", [(0, 20), (20, 0), (20, 20), (3, 40), (40, 3)])
def test_a_long_line_is_cut_around_its_part(width: int, part: str, many: tuple[int, int]) -> None:
    """Code is on one row, whose ends are marked where it is cut, and the carets are below it."""
    before, after = f"y = {'a * ' * many[0]}", f"{' * a' * many[1]} + z"
    columns = (len(before), len(before) + len(part))
    found = replace(FINDING, source=before + part + after, columns=columns)
    text = to_text([result_with(found)], 3, width)
    assert underlined(found, width) == ["".join(sign * cell_len(sign) for sign in part)]
    rows = text.split("\n")
    (above,) = [row for row, below in pairwise(rows) if "^" in below]
    assert cell_len(above) <= width
    code = above.split("a.py:12  ")[1]
    left, _, right = code.partition(part)
    assert left == before or (left[0] == "…" and before.endswith(left[1:]))
    assert right == after or (right[-1] == "…" and after.startswith(right[:-1]))
    if "…" in code:
        assert cell_len(above) >= width - 1
    # No other row holds a piece of the code.
    assert not any("* a *" in row for row in rows if row != above)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_part_without_room_is_cut_too(width: int) -> None:
    """A part may be longer than a row."""
    source = f"y = {'abc * ' * 60}z"
    found = replace(FINDING, source=source, columns=(4, len(source)))
    (part,) = underlined(found, width)
    assert part.startswith("abc * ")
    assert part.endswith("…")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_line_without_a_part_is_cut(width: int) -> None:
    """Its beginning is shown."""
    found = replace(FINDING, source=f"y = {'abc * ' * 60}z", columns=())
    rows = to_text([result_with(found)], 3, width).split("\n")
    (row,) = [row for row in rows if "abc" in row]
    assert row.endswith("…")
    assert cell_len(row) == width


def test_a_long_place_has_a_row_of_its_own() -> None:
    """The code keeps half of the width at least."""
    place = Place("a_very_long_name_of_a_file_in_a_folder.py", None, 12)
    found = replace(FINDING, place=place, source="y = a * b", columns=(4, 5))
    rows = to_text([result_with(found)], 3, 60).split("\n")
    at = rows.index("        a_very_long_name_of_a_file_in_a_folder.py:12")
    assert rows[at + 1 : at + 3] == ["        y = a * b", "            ^"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_notebook_shows_as_much(level: int) -> None:
    """The fragment below a cell; what a student wrote stays text in it."""
    found = replace(CHANGED, source="dx = a < b", columns=(5, 10))
    shown = fragment("Task", result_with(found), level)
    assert ("dx = <strong><u>a &lt; b</u></strong></code>" in shown) == (level >= 3)
    assert ("if x:\n    dx = 2 * dout * w</code>" in shown) == (level >= 4)
    assert ["a &lt; b" in shown, "2 * dout" in shown] == [level >= 3, level >= 4]
    plain = fragment("Task", result_with(replace(found, columns=(), fix="")), level)
    assert ("<code>dx = a &lt; b</code>" in plain) == (level >= 3)
    assert "<u>" not in plain
    assert "Right:" not in plain


GRADIENT = (
    Entry("W1", (0, 1), "fail", 0.5, 1.0, "random 1", "W1[0,1]", 2e-10, "1/2"),
    Entry("b2", (0, 0), "pass", 3.0, 3.0, "random 1", "b2", 1e-9),
)


def test_a_gradient_is_shown_as_a_table_of_claims_and_estimates() -> None:
    """In the text, on the page, in a notebook and as data, whatever the hint level."""
    made = result_with(CHANGED)
    (task,) = made.tasks
    said = (
        "Your gradient of `W1[0,1]` (claimed) does not match finite differences of the loss "
        "(estimate): claimed = 1/2 × estimate."
    )
    check = CheckResult("gradient", "fail", 2.0, 5.0, said, GRADIENT, causes=("swapped-index",))
    result = replace(made, tasks=(replace(task, checks=(check,)),))
    for hints in (1, 3):
        text = render("text", [result], hints)
        assert "This check fails because of" in text
        assert "claimed = 1/2 × estimate." in text
        rows = [line.split() for line in text.splitlines()]
        assert ["entry", "claimed", "estimate", "±", "bound", "verdict"] in rows
        row = [
            "W1[0,1]",
            "0.5",
            "1",
            "2.0e-10",
            "disagree:",
            "claimed",
            "=",
            "1/2",
            "×",
            "estimate",
        ]
        assert row in rows
        assert ["1", "agrees"] in rows
        for page in (render("html", [result], hints), fragment("Task", result, hints)):
            assert "disagree: claimed = 1/2 × estimate</td>" in page
            assert "2.0e-10" in page
        (found,) = json.loads(render("json", [result], hints))["tasks"][0]["checks"]
        assert found["entries"][0]["estimate"] == 1.0
        assert found["entries"][0]["bound"] == 2e-10
        assert found["entries"][0]["factor"] == "1/2"


@pytest.mark.parametrize("score", [2.0, 0.0])
def test_a_check_says_that_it_fails_for_the_same_reason(score: float) -> None:
    """Whether or not it lost points."""
    said = "This check fails because of swapped-index."
    made = result_with(CHANGED)
    (task,) = made.tasks
    check = CheckResult("trajectory", "fail", score, 2.0, "", causes=("swapped-index",))
    result = replace(made, tasks=(replace(task, checks=(*task.checks, check)),))
    assert said in fragment("Task", result, 3)
    assert said in render("html", [result], 3)
    assert said in render("text", [result], 3)


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
