"""Mistakes of an update that are placed by its text."""

from __future__ import annotations

from pathlib import Path

import pytest
from grading.test_stopped import RIGHT

from gradkit.diagnosis.lost_steps import with_lines_of_text
from gradkit.records.result import Finding, Inquiry, TaskResult
from gradkit.records.submission import Cell, Place
from gradkit.report.text import to_text

STEP = '    parameters["W1"] -= 0.001 * X @ hidden.T\n'


def graded(grade, tmp_path: Path, old: str, new: str):
    """Return the result of the right text with a piece replaced."""
    assert RIGHT.count(old) == 1
    path = tmp_path / "regression_numpy.py"
    path.write_text(RIGHT.replace(old, new), encoding="utf-8")
    return grade(path, diagnose=True)


def only_finding(result) -> tuple[TaskResult, str, str]:
    """Return the task, the code of its finding, and the line with what is underlined in it."""
    (task,) = result.tasks
    (finding,) = task.findings
    start, end = finding.columns
    return task, finding.mistake, f"{finding.source} | {finding.source[start:end]}"


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        (
            STEP,
            '    W1 = parameters["W1"] - 0.001 * X @ hidden.T\n',
            'W1 = parameters["W1"] - 0.001 * X @ hidden.T | W1',
        ),
        (
            STEP,
            '    W1 = parameters["W1"]\n    W1 = W1 - 0.001 * X @ hidden.T\n',
            "W1 = W1 - 0.001 * X @ hidden.T | W1",
        ),
        (
            STEP,
            f"    return parameters\n{STEP}",
            "return parameters | return parameters",
        ),
    ],
)
def test_a_step_that_is_lost_is_placed_where_it_is_lost(
    grade, tmp_path: Path, old: str, new: str, marked: str
) -> None:
    """The parameter never changes, and no statement that ran is wrong."""
    _, mistake, found = only_finding(graded(grade, tmp_path, old, new))
    assert (mistake, found) == ("not-updated", marked)


def test_a_step_that_is_not_written_has_no_such_line(grade, tmp_path: Path) -> None:
    """Nothing of the text loses it."""
    (task,) = graded(grade, tmp_path, STEP, "").tasks
    (finding,) = task.findings
    assert finding.mistake == "not-updated"
    assert "W1" not in finding.source


SUMMED = ('parameters["W2"] * error', 'np.sum(parameters["W2"]) * error * np.ones((2, 1))')


def test_one_sum_is_one_mistake(grade, tmp_path: Path) -> None:
    """All parameters that it is in are told together, at the call."""
    result = graded(grade, tmp_path, *SUMMED)
    task, mistake, found = only_finding(result)
    assert mistake in ("bias-sum-axis", "wrong-sum-axis")
    assert found.endswith('| np.sum(parameters["W2"])')
    (finding,) = task.findings
    assert {entry.partition("[")[0] for entry in finding.entries} == {"W1", "b1"}
    assert finding.sentence.endswith(" uses the same sum.")
    update = next(check for check in task.checks if check.check == "update")
    assert finding.costs["update"] == pytest.approx(update.max_score - update.score)
    follows = next(check.causes for check in task.checks if check.check == "trajectory")
    assert follows == (mistake,)
    assert to_text([result], 4).count("np.sum(parameters") == 1


def test_two_sums_are_two_mistakes(grade, tmp_path: Path) -> None:
    """Which of the calls is wrong in which parameter is not known from the text."""
    old, new = SUMMED
    extra = f"{new}\n    hidden = hidden + 0.0 * np.sum(X)"
    (task,) = graded(grade, tmp_path, old, extra).tasks
    assert {finding.mistake for finding in task.findings} == {"bias-sum-axis", "wrong-sum-axis"}


def test_a_proved_mistake_stands_in_place_of_a_repair() -> None:
    """A repair of other entries stays, and only the proved findings count."""
    text = 'def update(p, d):\n    W1 = p["W1"] - d\n    p["b1"] -= d\n'
    cell = Cell("a.py", "a.py", None, text)
    lost = Finding("lost", "update", "not-updated", "Title", ("W1[0,0]", "W1[1,0]"))
    repairs = tuple(
        Finding(code, "update", code, "Title", entries, place=Place("a.py", None, 3))
        for code, entries in (("missing-statement", ("W1[0,0]",)), ("turned-sign", ("b1[0]",)))
    )
    follows = {"trajectory": ("missing-statement",)}
    inquiry = Inquiry(repairs, follows, proved=Inquiry((lost,)))
    found = with_lines_of_text(inquiry, [cell], "update")
    assert [each.mistake for each in found.findings] == ["not-updated", "turned-sign"]
    assert found.findings[0].place == Place("a.py", None, 2)
    assert found.causes == {"trajectory": ("lost",)}
    assert found.proved == Inquiry((found.findings[0],))


def test_a_function_that_is_defined_twice_is_left() -> None:
    """Which of its texts runs is not known from the text."""
    text = 'def update(p, d):\n    W1 = p["W1"] - d\n'
    lost = Finding("1", "update", "not-updated", "Title", ("W1[0,0]",))
    inquiry = Inquiry((lost,))
    assert with_lines_of_text(inquiry, [Cell("a.py", "a.py", None, 2 * text)], "update") == inquiry
