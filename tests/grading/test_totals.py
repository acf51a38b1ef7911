"""Everything that is shown of a mark adds up, whatever was found and however it is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gradkit.classroom.policy import adjusted
from gradkit.classroom.store.counted import basis_of, counted
from gradkit.diagnosis.catalogue import mistake_codes
from gradkit.grading.assess import with_totals
from gradkit.grading.points import Scheme, mark
from gradkit.records.classroom import Kept, Override
from gradkit.records.course import Bonus, Late, Policy, Scale, Sender
from gradkit.records.result import (
    CENT,
    Entry,
    Finding,
    Inquiry,
    Result,
    State,
    TaskResult,
    Verdict,
)
from gradkit.records.task import Check, Task
from gradkit.report import render
from gradkit.report.data import to_data, to_row
from gradkit.task.assignment import read_assignment

TASK = read_assignment().tasks[0]
STATES: list[State] = ["pass", "fail", "fail", "fail", "error", "blocked", "missing", "timeout"]
STATES += ["inconclusive", "not-checked"]
CODES = st.sampled_from(mistake_codes())
NAMES = ("forward", "update", "gradient", "trajectory")
KEPT = Kept(
    *("ada", "ada.py", "digest", "key", "graded"),
    sender=Sender("ada", "plain", {}, False, "ada.py"),
    stamp="",
    **dict.fromkeys(("id", "taken", "submission", "seen", "place", "given"), 1),  # type: ignore[arg-type]
)


@st.composite
def verdicts(draw: st.DrawFn) -> list[Verdict]:
    """Draw a verdict for each check, with entries in two arrays."""
    made = []
    for name in NAMES:
        state = draw(st.sampled_from(STATES))
        right = draw(st.lists(st.booleans(), max_size=4))
        entries = tuple(
            Entry(
                "Wb"[n % 2],
                (n,),
                "pass" if state == "pass" or each else "fail",
                0.5,
                0.25,
                hard_cases=draw(st.sampled_from([0, 0, 0, 2])),
            )
            for n, each in enumerate(right)
        )
        flags = {key: draw(st.booleans()) and state == "fail" for key in ("still", "rounded")}
        diverges = name == "trajectory" and state == "fail" and draw(st.booleans())
        made.append(Verdict(name, state, "", entries, diverges=diverges, **flags))
    return made


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    """Draw findings about some checks, and causes of others among their mistakes."""
    findings = tuple(
        Finding(
            str(n),
            draw(st.sampled_from([*NAMES, ""])),
            draw(CODES),
            "Title",
            draw(st.sampled_from([(), ("W[0]",), ("W[0]", "b[1]")])),
            sentence="A sentence.",
            basis=draw(st.sampled_from(["numbers", "change", "model", "repair"])),
        )
        for n in range(draw(st.integers(0, 4)))
    )
    ids = [finding.id for finding in findings]
    some = st.lists(st.sampled_from(ids), max_size=2, unique=True) if ids else st.just([])
    return Inquiry(findings, {name: tuple(draw(some)) for name in NAMES})


@st.composite
def tasks(draw: st.DrawFn, number: int) -> TaskResult:
    """Draw the marks of a task under drawn settings."""
    worth = [draw(st.sampled_from([1.0, 4.0, 5.0, 6.0, 0.9])) for _ in NAMES]
    task: Task = replace(
        TASK,
        id=f"task-{number}",
        title=f"Task {number}",
        checks=tuple(Check(name, most) for name, most in zip(NAMES, worth, strict=True)),
    )
    scheme = Scheme(
        draw(st.sampled_from([0.25, 0.5, 0.1, 0.01])),
        draw(st.sampled_from(["default", "strict", "lenient", "numbers"])),
        draw(st.dictionaries(CODES, st.sampled_from([0.0, 0.3, 1.0]), max_size=2)),
        dropped=draw(st.frozensets(CODES, max_size=2)),
    )
    return mark(task, draw(verdicts()), draw(inquiries()), scheme)


@st.composite
def results(draw: st.DrawFn) -> Result:
    """Draw the result of a submission with one or two tasks."""
    empty = Result(
        *("ada", "backpropagation", "correct", 1, "reference", False, 0.0, 0.0, (), ()),
        versions={},
        digests={"submission": "digest"},
        tier=2,
    )
    return with_totals(empty, [draw(tasks(number)) for number in range(draw(st.integers(1, 2)))])


def cents(*values: float) -> int:
    """Return the sum of points in hundredths."""
    return sum(round(value * CENT) for value in values)


def adds_up(data: dict[str, Any]) -> None:
    """Assert that the sums in a result, as written to JSON, are right."""
    lines = [line["points"] for line in data["adjustments"]]
    assert cents(data["score"]) == cents(*(task["score"] for task in data["tasks"]), *lines)
    for task in data["tasks"]:
        assert cents(task["score"]) == cents(*(check["score"] for check in task["checks"]))
        costs: dict[str, int] = dict.fromkeys(NAMES, 0)
        for finding in task["findings"]:
            if finding["costs"]:
                assert cents(finding["deduction"]) == cents(*finding["costs"].values())
            for check, points in finding["costs"].items():
                costs[check] += cents(points)
        for check in task["checks"]:
            assert 0 <= check["score"] <= check["max_score"]
            if check["decision"] is None:
                assert costs[check["check"]] <= cents(check["max_score"]) - cents(check["score"])


@given(results())
@pytest.mark.slow
@settings(max_examples=500, deadline=None, derandomize=True)
def test_results_add_up_in_records_files_and_rows(result: Result) -> None:
    """Checks to their task, tasks to the result, and what findings cost to what was lost."""
    data = to_data(result, 4)
    adds_up(data)
    adds_up(json.loads(json.dumps(data)))
    row = to_row(result)
    assert row.score is not None
    assert cents(row.score) == cents(*(score for _, score, _ in row.checks.values()))
    assert cents(row.score) == cents(*(score for _, score in row.tasks.values()))


@given(results(), st.data())
@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True)
def test_results_add_up_with_points_of_a_person_and_a_policy(
    result: Result, data: st.DataObject
) -> None:
    """Each adjustment is a line of the sum."""
    task = result.tasks[0]
    words = []
    for check in task.checks:
        if data.draw(st.booleans()):
            points = data.draw(st.sampled_from([0.0, 0.25, 1.0]))
            basis = basis_of(KEPT, task, check)
            word = Override(task.task, check.check, points, basis, "tutor", "why", "2026")
            words.append(word)
    policy = Policy(
        late=data.draw(st.sampled_from([None, Late(per_day=10.0)])),
        days_late={"ada": 2},
        bonus=data.draw(st.sampled_from([{}, {"ada": Bonus(1.5, "talk")}])),
        scale=data.draw(st.sampled_from([None, Scale(100.0)])),
    )
    made = counted(result, KEPT, words, policy)
    lines = [line.points for line in made.adjustments]
    assert cents(made.score) == cents(*(each.score for each in made.tasks), *lines)
    decided = {word.check for word in words}
    for check in made.tasks[0].checks:
        assert (check.decision is not None) == (check.check in decided)
        assert not (check.decision and check.held)
    # Without anything to adjust, the score stays what it was.
    assert adjusted(result, Policy(), KEPT, None).score == result.score


SCORE = re.compile(rf"\b({'|'.join(NAMES)})\b +(\d[\d.]*) / ")


@given(tasks(0))
@settings(max_examples=60, deadline=None, derandomize=True)
@pytest.mark.slow
def test_pages_show_points_that_add_up(task: TaskResult) -> None:
    """In the terminal's text, the export for Gradescope and the page of a student."""
    result = with_totals(
        Result(
            *("ada", "backpropagation", "correct", 1, "reference", False, 0.0, 0.0, (), ()),
            versions={},
            digests={"submission": "digest"},
            tier=2,
        ),
        [task],
    )
    shown = {name: float(score) for name, score in SCORE.findall(render("text", [result], 4))}
    assert cents(*shown.values()) == cents(task.score)
    sent = json.loads(render("gradescope", [result], 4))
    assert cents(sent["score"]) == cents(*(test.get("score", 0) for test in sent["tests"]))
    page = re.sub(r"<[^>]*>", " ", render("html", [result], 4))
    assert f"{task.score:.2f}".rstrip("0").rstrip(".") in page
