"""What platforms are told: totals that agree, nothing unseen, nothing above the hint level."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from platforms import STUDENTS, TOTALS, reported, shown, slack, strict
from results import result
from test_finding_text import FINDING, result_with

from gradkit.grading.points import round_checks, round_half_up
from gradkit.records.result import CheckResult, Result, State, TaskResult
from gradkit.records.submission import Listing, Place
from gradkit.report import classroom, github, gradescope, junit, markdown
from gradkit.report.data import UNSEEN, apply_visibility

pytestmark = pytest.mark.sample(9)

STATES: tuple[State, ...] = ("pass", "fail", "error", "missing", "not-checked")


def task_of(checks: list[CheckResult], step: float, name: str = "t") -> TaskResult:
    """A task whose score is rounded as marks are."""
    score = round_half_up(sum(check.score for check in checks), step)
    most = sum(check.max_score for check in checks)
    return TaskResult(name, f"Task {name}", score, most, most, False, round_checks(checks, score))


def result_of(*tasks: TaskResult) -> Result:
    """One submission with these tasks."""
    score, most = sum(t.score for t in tasks), sum(t.max_score for t in tasks)
    return Result("me", "a", "correct", 1, "reference", False, score, most, tasks, (), {}, {}, 0)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Tasks with points as instructors give them, and shares as marks come out."""
    step = draw(st.sampled_from([0.25, 0.5, 0.1]))
    tasks = []
    for name in "tu"[: draw(st.integers(1, 2))]:
        checks = []
        for number in range(draw(st.integers(1, 4))):
            most = draw(st.sampled_from([0.0, 1.0, 2.0, 2.5, 5.0]))
            share = draw(st.sampled_from([0.0, 1 / 9, 1 / 3, 0.5, 7 / 9, 1.0]))
            state = "pass" if share == 1 else draw(st.sampled_from(STATES[1:]))
            checks.append(CheckResult(f"c{number}", state, most * share, most, "said"))
        tasks.append(task_of(checks, step, name))
    return result_of(*tasks)


@given(made=results())
@settings(max_examples=20, deadline=None)
def test_totals_agree_everywhere(made: Result) -> None:
    """Each platform shows the result's score, by its own sum over checks too."""
    for name, read in TOTALS.items():
        whole, parts, most = read(made)
        assert parts == pytest.approx(made.score, abs=1e-9), name
        assert most == made.max_score, name
        assert whole == pytest.approx(made.score, abs=1e-9 + slack(name, made)), name


def test_classroom_divides_a_check_into_equal_parts() -> None:
    """Of 12 points with 9.25 earned, 37 of 48 quarters pass; the first that does not says why."""
    checks = [CheckResult("a", "fail", 9.25, 12, "why"), CheckResult("free", "fail", 0, 0, "x")]
    tests = reported(classroom.render([result_of(task_of(checks, 0.25))], 3))["tests"]
    assert [test["status"] for test in tests] == ["pass"] * 37 + ["fail"] * 11
    assert {test["score"] for test in tests[:37]} == {0.25}
    assert [test["message"] for test in tests[36:39]] == [None, "why", None]
    assert tests[0]["name"] == "Task t: a (1 of 48)"
    assert {(test["line_no"], test["test_code"], test["filename"]) for test in tests} == {
        (0, "", "")
    }


def test_classroom_keeps_the_sum_where_parts_would_be_too_many() -> None:
    """Cents of 97.53 points would be thousands of tests: scores still add up."""
    checks = [CheckResult("a", "fail", 61.27, 97.53, "why"), CheckResult("b", "fail", 0.01, 2, "")]
    data = reported(classroom.render([result_of(task_of(checks, 0.01))], 3))
    assert len(data["tests"]) <= classroom.TESTS + 2
    assert sum(test["score"] for test in data["tests"]) == pytest.approx(61.28)
    passed = sum(test["status"] == "pass" for test in data["tests"]) / len(data["tests"])
    assert passed * 99.53 == pytest.approx(61.28, abs=99.53 / classroom.TESTS)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "fail"], "fail"),
        (["pass", "not-checked"], "error"),
        (["inconclusive", "missing"], "fail"),
    ],
)
def test_status_for_classroom(states: list[State], status: str) -> None:
    """A job fails where something is wrong, and errs where something could not be checked."""
    checks = [CheckResult(f"c{n}", state, 0, 1, "m") for n, state in enumerate(states)]
    data = reported(classroom.render([result_of(task_of(checks, 1))], 3))
    assert data["status"] == status
    assert "error" in {test["status"] for test in data["tests"]} or not {
        "not-checked",
        "inconclusive",
    } & set(states)


def test_classroom_has_a_test_where_there_is_nothing_to_earn() -> None:
    """Its reporter divides by their number."""
    checks = [CheckResult("a", "pass", 0, 0, "")]
    data = reported(classroom.render([result_of(task_of(checks, 1))], 3))
    assert [test["name"] for test in data["tests"]] == ["nothing to earn"]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_json_has_nan(number: float) -> None:
    """Whatever student code gave; the reader in `platforms` refuses it."""
    made = [result(number=number)]
    strict(gradescope.render(made, 4))
    reported(classroom.render(made, 4))
    with pytest.raises(AssertionError, match="NaN"):
        strict('{"score": NaN}')


LEVELS = {2: "They have changed places.", 3: "‹W2[0]›", 4: "should move"}
"""What no platform shows below a level."""


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("platform", STUDENTS)
def test_the_hint_level_holds(platform: str, level: int) -> None:
    """Each level shows its own, and nothing of the later ones, wherever it is read."""
    text = shown(platform, result_with(FINDING), level)
    assert {needed for needed, words in LEVELS.items() if words in text} == {
        needed for needed in LEVELS if needed <= level
    }


def unseen(word: str) -> Result:
    """A result whose failed update is not visible, with a gradient that follows from it."""
    made = result_with(FINDING)
    check = replace(made.tasks[0].checks[0], message="SECRET", place=Place("SECRET.py", None, 3))
    follows = CheckResult("gradient", "fail", 2, 2, "", causes=("swapped-index",))
    own = CheckResult("forward", "fail", 0, 2, "", causes=("wrong-sign", "swapped-index"))
    sign = replace(FINDING, id="f2", check="forward", mistake="wrong-sign", title="A sign")
    task = replace(
        made.tasks[0], checks=(check, follows, own), findings=(*made.tasks[0].findings, sign)
    )
    return replace(made, tasks=(task,), visibility={"update": word, "gradient": "visible"})


@pytest.mark.parametrize("word", ["hidden", "after_due_date", "after_published"])
@pytest.mark.parametrize("platform", STUDENTS)
def test_what_is_not_visible_is_not_shown(platform: str, word: str) -> None:
    """Neither message nor place nor finding, nor its name in what follows from it."""
    text = shown(platform, unseen(word), 4)
    assert not [said for said in ("SECRET", "Two indices", "swapped-index") if said in text]
    assert "a check that is not shown" in text
    assert "A sign" in text
    assert "wrong-sign" in text
    seen = shown(platform, unseen("visible"), 4)
    assert all(said in seen for said in ("Two indices", "swapped-index"))
    # Where only places are marked, a finding says it in place of its check.
    assert ("SECRET" in seen) is (platform != "sarif")


def test_gradescope_is_told_when_to_show_what() -> None:
    """It has all of it, with the check's own word; the rest is visible."""
    tests = strict(gradescope.render([unseen("after_due_date")], 4))["tests"]
    assert [test["visibility"] for test in tests] == ["after_due_date", "visible", "visible"]
    assert "SECRET" in tests[0]["output"]
    assert "swapped-index" in tests[0]["output"]


def test_gradescope_shows_no_total_while_a_test_is_unseen() -> None:
    """Nor does gradkit, in the text that is always shown."""
    shown = [
        strict(gradescope.render([unseen(word)], 4))["output"] for word in ("visible", "hidden")
    ]
    assert ["8.4 / 12 points" in text for text in shown] == [True, False]
    assert all("seed 1" in text for text in shown)


def test_a_withheld_check_keeps_state_and_points() -> None:
    """They are in the total, which a platform shows anyway; nothing else is left."""
    whole = unseen("hidden").tasks[0].checks[0]
    kept = apply_visibility(unseen("hidden")).tasks[0].checks[0]
    assert kept == CheckResult("update", whole.state, whole.score, whole.max_score, UNSEEN)
    visible = unseen("visible")
    assert apply_visibility(visible) is visible


def many_tasks(count: int) -> Result:
    """A result that is far too long for any platform."""
    checks = [
        CheckResult(f"c{n}", "fail", 0, 1, "long " * 390, notes=("n" * 1900,)) for n in range(5)
    ]
    return result_of(*(task_of(checks, 1, f"t{n}") for n in range(count)))


def test_classroom_takes_what_an_environment_variable_holds() -> None:
    """128 KiB with its name; every test is there."""
    text = classroom.render([many_tasks(10)], 3)
    assert len(text) <= classroom.LIMIT
    tests = reported(text)["tests"]
    assert len(tests) == 50
    assert "takes no more" in tests[0]["message"]


def test_a_summary_takes_no_more_than_there_is_room() -> None:
    """First texts are shortened, then submissions are left out, and counted."""
    long = markdown.summary([many_tasks(4)] * 3, 3, 100_000)
    assert 50_000 < len(long.encode()) <= 100_000
    assert "takes no more" in long
    none = markdown.summary([many_tasks(1)] * 3, 3, 2_000)
    assert len(none.encode()) <= 2_000
    assert "more are left out: the platform takes no more text." in none
    assert markdown.summary([many_tasks(1)], 3, 20) == ""
    few = markdown.summary([result("a"), result("b")], 3, 1 << 20)
    assert "takes no more" not in few


def test_github_shows_ten_annotations_of_a_kind() -> None:
    """The tenth counts the others."""
    lines = [line for line in github.render([many_tasks(4)], 3).split("\n") if line[:2] == "::"]
    assert len(lines) == 10
    assert lines[-1] == (
        "::error title=and more::11 more are in the log of this step: GitHub shows no more here."
    )
    ten = [line for line in github.render([many_tasks(2)], 3).split("\n") if line[:2] == "::"]
    assert len(ten) == 10
    assert "and more" not in ten[-1]


@pytest.mark.parametrize(
    ("path", "file", "shown"),
    [
        ("hw/a.py", "a.py", "hw/a.py"),
        ("./hw", "a.py", "hw/a.py"),
        ("hw\\sub", "in\\a.py", "hw/sub/in/a.py"),
        (".", "sub/a.py", "sub/a.py"),
        ("banana.py", "a.py", "banana.py/a.py"),
        ("hw/sub/a.py", "sub/a.py", "hw/sub/a.py"),
    ],
)
def test_an_annotation_is_at_the_students_line(path: str, file: str, shown: str) -> None:
    """The file as the repository has it, whatever path was given."""
    finding = replace(FINDING, place=Place(file, None, 12))
    line = github.render([replace(result_with(finding), path=path)], 3).split("\n::", 1)[1]
    assert line.startswith(f"error file={shown},line=12,title=t%3A update::Two indices: W1[0,1]")


LISTING = Listing("a.py", None, 10, "def f(x, dout):\n    w = 2\n    dx = dout * w\n    return dx")


@pytest.mark.parametrize(
    ("change", "listing", "head"),
    [
        ({}, {}, "line=12,col=10,endColumn=13,title"),
        ({"columns": (0, 0)}, {}, "line=12,col=5,endColumn=5,title"),
        ({"columns": ()}, {}, "line=12,title"),
        ({"source": "dx = dout * v"}, {}, "line=12,title"),
        ({}, {"file": "b.py"}, "line=12,title"),
        ({}, {"first_line": 11}, "line=12,title"),
        ({}, {"first_line": 13}, "line=12,title"),
        ({"place": Place("a.py", None, 20)}, {}, "line=20,title"),
    ],
)
def test_an_annotation_has_the_columns_of_the_file(
    change: dict[str, Any], listing: dict[str, Any], head: str
) -> None:
    """The first and the last one, from 1, with the indent; where that is not known, none."""
    finding = replace(
        FINDING, place=Place("a.py", None, 12), source="dx = dout * w", columns=(5, 9)
    )
    made = result_with(replace(finding, **change))
    task = replace(made.tasks[0], listings=(replace(LISTING, **listing),))
    made = replace(made, tasks=(task,), path="a.py")
    assert f"\n::error file=a.py,{head}=" in github.render([made], 3)
    assert "col=" not in github.render([made], 2)


def test_an_annotation_of_a_notebook_names_the_cell() -> None:
    """A line of a cell is no line of the file."""
    finding = replace(FINDING, place=Place("hw.ipynb", 3, 5))
    line = github.render([replace(result_with(finding), path="hw.ipynb")], 3).split("\n::", 1)[1]
    assert line.startswith(
        "error file=hw.ipynb,title=hw.ipynb%2C code cell 3%2C line 5%3A t%3A update::Two indices"
    )


def test_below_level_3_an_annotation_is_where_the_check_looks() -> None:
    """The line of the mistake is not shown yet."""
    made = result_with(FINDING)
    check = replace(made.tasks[0].checks[0], place=Place("a.py", None, 2))
    task = replace(made.tasks[0], checks=(check,))
    assert "line=2," in github.render([replace(made, tasks=(task,))], 2)
    assert "line=12," in github.render([replace(made, tasks=(task,))], 3)


def test_junit_calls_states_by_its_own_names() -> None:
    """A failure, an error, what was skipped; counts agree with the cases."""
    import junitparser

    suite = next(iter(junitparser.JUnitXml.fromstring(junit.render([result()], 3).encode())))
    kinds = {case.name: [type(each).__name__ for each in case.result] for case in suite}
    assert kinds == {
        "interface": [],
        "forward": ["Error"],
        "update": ["Failure"],
        "gradient": ["Skipped"],
        "trajectory": ["Skipped"],
    }
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 2)


def test_several_submissions_share_a_file_where_the_format_has_room() -> None:
    """A suite for each in JUnit; in Markdown a section for each, and a table of totals."""
    assert junit.render([result("ann"), result("bob")], 3, many=True).count("<testsuite ") == 2
    text = markdown.render([result("ann"), result("bob")], 3, many=True)
    assert text.count("\n## ") == 1
    assert text.rstrip().endswith("| `ann` | 2.75 / 20 |\n| `bob` | 2.75 / 20 |")
    assert "| submission |" not in markdown.render([result("ann")], 3)


@pytest.mark.parametrize("many", [False, True])
def test_gradescope_shows_a_check_without_points_as_information(many: bool) -> None:
    """A score of 0 of 0 would show it as passed."""
    tests = strict(gradescope.render([result()], 3, many=many))["tests"]
    assert [("score" in test, test["status"]) for test in tests[3:]] == [
        (False, "failed"),
        (True, "failed"),
    ]
    assert [test["number"] for test in tests] == ["1.1", "1.2", "1.3", "1.4", "1.5"]


def test_the_line_for_classroom_is_base64() -> None:
    """And nothing else, so that it can be appended to a file of outputs."""
    line = classroom.render([result("ünï")], 3)
    assert base64.b64encode(base64.b64decode(line[7:])).decode() == line[7:-1]
