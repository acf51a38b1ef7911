"""How a grade came about: every run that had to do with it, for a dean and as data."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from classroom.answering import (
    ANNA,
    BEN,
    DAN,
    EVE,
    FAY,
    FIRST,
    SECOND,
    SETTINGS,
    TASK,
    UPDATE,
    gradkit,
    refusal,
    run,
)
from model_solutions import ROOT
from msgspec.structs import replace

import gradkit as package
from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.history import History, RunError, differences, history
from gradkit.classroom.reports.purge import purge
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.results import Store, release
from gradkit.records.reports import Mark, PointsSet
from gradkit.report.summary import SCHEMA, history_text

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

WHY = "the sheet was unclear"
FILE = "leeanna_101_9001_hw.py"


def told(course: Path, name: str = ANNA) -> History:
    """A student's history."""
    with Store(course, write=False) as store:
        return history(store, name)


def set_points(course: Path, points: float | None, name: str = ANNA) -> None:
    """A person's word on a check."""
    with Store(course, write=True) as store:
        override(store, name, "update", points, comment=WHY, by="A. Miller")


@pytest.fixture
def term(course: Path, handed: Path) -> Path:
    """Two runs, a word, a dropped finding, something given back, another rule, a purge."""
    set_points(course, 5.5)
    remark_class(course, why="asked unclearly", drops=("swapped-index",))
    dropped = replace(SETTINGS, dropped=("swapped-index",))
    with Store(course, write=True) as store:
        number = store.begin("release", why="week 1")
        release(store, number, [(ANNA, "a.html", b"<p>anna"), (BEN, "b.html", b"<p>ben")])
        store.end(number)
    run(course, handed / "first", settings=dropped, policy="best")
    set_points(course, None)
    with Store(course, write=True) as store:
        purge(store, EVE, why="asked for it")
    return course


def test_every_run_that_concerns_a_student(term: Path) -> None:
    """In order, each with what counted before and after; another's purge is none."""
    found = told(term)
    assert [(step.run, step.kind) for step in found.steps] == [
        *((1, "grade"), (2, "grade"), (3, "override"), (4, "remark")),
        *((5, "release"), (6, "grade"), (7, "override")),
    ]
    marks = [step.after and step.after.score for step in found.steps]
    assert marks == [15.5, 15.5, 16.8, 19.5, 19.5, 19.5, 20.0]
    befores = [step.before and step.before.score for step in found.steps]
    assert befores == [None, *marks[:-1]]
    assert found.mark == Mark(20.0, 20.0, 1, 1)


def test_who_when_and_why(term: Path) -> None:
    """As the run has them; a reason is in the words of whoever gave it."""
    steps = told(term).steps
    assert (steps[2].who, steps[2].why) == ("A. Miller", WHY)
    assert steps[3].why == "asked unclearly"
    assert all(step.ended and step.began <= step.ended for step in steps)
    assert [step.began for step in steps] == sorted(step.began for step in steps)
    assert steps[3].drops == ("swapped-index",)
    assert steps[5].policy == "best"
    assert steps[2].words == (PointsSet(TASK, "update", 5.5),)
    assert steps[6].words == (PointsSet(TASK, "update", None),)


def test_what_it_was_graded_with(term: Path) -> None:
    """Versions, the digest of the contents, of the assignment and solutions, the probes' seed."""
    (attempt,) = told(term).steps[0].attempts
    assert attempt.versions == {"gradkit": package.__version__, "numpy": np.__version__}
    assert attempt.digest == hashlib.sha256(FIRST[FILE].encode()).hexdigest()
    assert attempt.digests is not None
    assert attempt.digests["submission"] == attempt.digest
    assert set(attempt.digests) == {"submission", "assignment", "reference"}
    assert attempt.seeds is not None
    assert set(attempt.seeds) == {TASK}
    assert (attempt.original, attempt.source) == (FILE, "canvas")
    assert attempt.path.endswith(f"first/{FILE}")
    assert attempt.found == (f"{UPDATE} swapped-index",)
    assert (attempt.score, attempt.max_score, attempt.provisional) == (15.5, 20.0, False)


def test_a_run_that_finds_the_same_says_so(term: Path) -> None:
    """And nothing of what it did not do again."""
    (again,) = told(term).steps[1].attempts
    assert again.unchanged
    assert again.score is None
    (first,) = told(term).steps[0].attempts
    assert not first.unchanged


def test_what_was_given_back(term: Path) -> None:
    """To this student, with the digest of its bytes."""
    (given,) = told(term).steps[4].releases
    assert (given.file, given.digest) == ("a.html", hashlib.sha256(b"<p>anna").hexdigest())


def test_attempts_and_lateness(handed: Path) -> None:
    """All that there were, in the runs that found them."""
    found = told(handed / "out", BEN)
    assert found.mark == Mark(20.0, 20.0, 2, 2)
    assert [each.original for each in found.steps[1].attempts] == [
        "millerben_102_9002_hw.py",
        next(iter(SECOND)),
    ]
    assert [each.late for each in found.steps[1].attempts] == [False, True]


def test_what_could_not_be_graded_says_why(handed: Path) -> None:
    """It counts, and has no points."""
    found = told(handed / "out", FAY)
    assert found.mark == Mark(None, None, 1, 1)
    (attempt,) = found.steps[0].attempts
    assert attempt.standing == "refused"
    assert attempt.told.startswith("hw.ipynb is not a valid notebook")


def test_of_who_handed_in_nothing_nothing_counts(handed: Path) -> None:
    """There are no steps either."""
    assert told(handed / "out", DAN) == History(DAN, None, ())
    assert gradkit("history", handed / "out", "dan").stdout == f"{DAN}: nothing counts\n"


def test_another_rule_is_a_step_of_everybody_who_submitted(course: Path) -> None:
    """The download of a platform has no times, so every attempt is before the limit."""
    for number, policy in ((3, "before=2000-01-01T00:00:00+00:00"), (4, "last")):
        with Store(course, write=True) as store:
            store.end(store.begin("remark", SETTINGS, policy=policy))
        last = told(course).steps[-1]
        assert (last.run, last.policy, last.attempts) == (number, policy, ())
        assert last.after == last.before == Mark(15.5, 20.0, 1, 1)
    text = gradkit("history", course, "anna").stdout
    rule = "From this run on, the last attempt before 2000-01-01T00:00:00+00:00 counts."
    assert rule in text
    assert told(course, DAN).steps == ()


def test_a_dean_can_read_it(term: Path) -> None:
    """Sentences, in order, with the reasons given."""
    text = gradkit("history", term, "anna").stdout
    lines = text.splitlines()
    assert lines[:3] == [
        f"{ANNA}: 20 of 20 points",
        "",
        "The runs that affected this grade, in order. Times are UTC.",
    ]
    assert [line.split(",")[0] for line in lines if line.startswith("Run ")] == [
        f"Run {number}" for number in range(1, 8)
    ]
    for said in (
        f"points set by A. Miller: {WHY}",
        f"{UPDATE} was set to 5.5 points.",
        f"The points set for {UPDATE} were removed: the computed points count again.",
        "Deduction withdrawn for all students: swapped-index.",
        "The grade changed from 15.5 of 20 points to 16.8 of 20 points.",
        "The grade is unchanged: 19.5 of 20 points.",
        "The new grade: 15.5 of 20 points.",
        "From this run on, the best attempt counts.",
        f"Page written: a.html, SHA-256 {hashlib.sha256(b'<p>anna').hexdigest()}.",
        f"Findings: {UPDATE} swapped-index.",
        "Unchanged submission: leeanna_101_9001_hw.py (contents SHA-256 ",
        f"Computed from the stored answers of {FILE} (contents SHA-256 ",
        f"With gradkit {package.__version__}, numpy {np.__version__}.",
        "Seeds of the random inputs: regression-numpy 11.",
    ):
        assert said in text, said
    assert EVE not in text
    assert BEN not in text


def test_late_is_said(handed: Path) -> None:
    """And which attempt it is that counts."""
    text = gradkit("history", handed / "out", "ben").stdout
    assert text.startswith(f"{BEN}: 20 of 20 points (attempt 2 of 2)\n")
    assert f"Found {next(iter(SECOND))}, late (contents" in text


def test_as_data_it_has_all_of_it(term: Path) -> None:
    """Under a schema of its own, whole digests, nothing that JSON has not."""
    ended = gradkit("history", term, "anna", "--format", "json")
    data = json.loads(ended.stdout, parse_constant=pytest.fail)
    assert (data["schema"], data["name"]) == (SCHEMA, ANNA)
    assert [step["run"] for step in data["steps"]] == [1, 2, 3, 4, 5, 6, 7]
    (attempt,) = data["steps"][0]["attempts"]
    assert attempt["digest"] == hashlib.sha256(FIRST[FILE].encode()).hexdigest()
    assert data["steps"][2]["words"] == [{"task": TASK, "check": "update", "points": 5.5}]
    assert data["mark"] == {"score": 20.0, "max_score": 20.0, "number": 1, "attempts": 1}


def test_every_key_is_described(term: Path) -> None:
    """In the document beside the renderer; what is a package's or a task's name is not."""
    text = (ROOT / "docs" / "reference" / "history.md").read_text(encoding="utf-8")
    data = json.loads(gradkit("history", term, "anna", "--format", "json").stdout)
    keys: set[str] = set()
    waiting: list[object] = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            keys |= set(value)
            named = ("versions", "digests", "seeds")
            waiting += [inner for key, inner in value.items() if key not in named]
        elif isinstance(value, list):
            waiting += value
    assert {"steps", "words", "releases", "seeds", "number"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


def test_no_word_of_it_is_obeyed(course: Path) -> None:
    """Neither by a terminal nor by a build's runner, whoever wrote it."""
    with Store(course, write=True) as store:
        override(store, ANNA, "update", 1.0, comment="\x1b[31mred\n::error::x", by="##[error]y")
    with Store(course, write=False) as store:
        text = history_text(history(store, ANNA))
    assert "\x1b" not in text
    assert "\n::error" not in text
    assert "##[" not in text


def test_the_runs_are_listed(term: Path) -> None:
    """Number, kind, time, who and why; who was removed is nowhere by name."""
    text = gradkit("history", term).stdout
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    assert lines[0] == ["run", "what", "when (UTC)", "who", "why"]
    assert [line[:2] for line in lines[1:]] == [
        ["1", "graded"],
        ["2", "graded"],
        ["3", "points set"],
        ["4", "marked again"],
        ["5", "pages written"],
        ["6", "graded"],
        ["7", "points set"],
        ["8", "a student was removed"],
    ]
    assert lines[3][3:] == ["A. Miller", WHY]
    assert "From this run on, the best attempt counts." in lines[6]
    assert re.fullmatch(r"student-[0-9a-f]{12} was removed: asked for it", lines[8][-1])
    assert EVE not in text


def test_a_run_that_was_cut_off_says_so(course: Path) -> None:
    """A crash of gradkit leaves such a run."""
    with Store(course, write=True) as store:
        store.begin("grade")
    assert gradkit("history", course).stdout.rstrip().endswith("The run was interrupted.")


def test_of_an_empty_class_there_are_no_runs(tmp_path: Path) -> None:
    """One line."""
    with Store(tmp_path, write=True) as store, pytest.raises(RunError) as caught:
        differences(store, 1, 1)
    assert str(caught.value).endswith("There are no runs yet. `gradkit history` lists all runs.")
    assert gradkit("history", tmp_path).stdout == "There are no runs yet.\n"


def test_what_is_refused(handed: Path) -> None:
    """Data without a student, and a student who is not there."""
    assert refusal("history", handed / "out", "--format", "json") == (
        "--format json needs STUDENT: it writes the history of one student."
    )
    assert refusal("history", handed / "out", "xaver").startswith("No student in ")
