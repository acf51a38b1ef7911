"""SARIF: what is wrong, at its place in the file, for editors and forges."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from platforms import strict
from results import result

from gradkit import __version__
from gradkit.records.result import Finding, Result
from gradkit.records.submission import Listing, Place, Problem
from gradkit.report import refusal, render
from gradkit.report.words import points

FINDING = Finding(
    "0123456789",
    "update",
    "missing-factor",
    "A factor is missing",
    ("dx",),
    place=Place("a b.py", None, 12),
    source="dx = dout * w",
    columns=(5, 9),
)
LISTING = Listing(
    "a b.py", None, 10, "def f(x, dout):\n    w = 2\n    dx = dout * w\n    return dx"
)


def found(finding: Finding = FINDING) -> Result:
    """A result with this finding alone."""
    made = result()
    check = next(check for check in made.tasks[0].checks if check.check == "update")
    task = replace(made.tasks[0], checks=(check,), findings=(finding,), listings=(LISTING,))
    return replace(made, tasks=(task,), path=finding.place.file if finding.place else "")


def run(text: str) -> Any:
    """The only run of a log."""
    log = strict(text)
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    assert only["tool"]["driver"]["name"] == "gradkit"
    assert only["tool"]["driver"]["semanticVersion"] == __version__
    return only


def test_a_finding_is_a_result_at_its_columns() -> None:
    """The end is the column after the last; the path is a reference; the code is a rule."""
    told = run(render("sarif", [found()], 3))
    (one,) = told["results"]
    assert one["level"] == "error"
    assert one["ruleId"] == "missing-factor"
    assert told["tool"]["driver"]["rules"] == [{"id": "missing-factor"}]
    assert one["partialFingerprints"] == {"finding/v1": "0123456789"}
    (place,) = one["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b.py"},
        "region": {"startLine": 12, "startColumn": 10, "endColumn": 14},
    }
    assert one["message"]["text"].startswith("regression-numpy: update\n")


@pytest.mark.parametrize(("hints", "code", "columns"), [(1, False, False), (2, True, False)])
def test_no_more_is_told_than_the_hint_level_shows(hints: int, code: bool, columns: bool) -> None:
    """Neither the mistake nor its line."""
    text = render("sarif", [found()], hints)
    (one,) = run(text)["results"]
    assert one["ruleId"] == ("missing-factor" if code else "update")
    assert ("startColumn" in text) is columns
    assert ("missing-factor" in text) is code


def test_a_cell_of_a_notebook_is_named_and_has_no_region() -> None:
    """A line of a cell is no line of the file."""
    text = render("sarif", [found(replace(FINDING, place=Place("hw.ipynb", 3, 5)))], 3)
    (one,) = run(text)["results"]
    (place,) = one["locations"]
    assert place["physicalLocation"] == {"artifactLocation": {"uri": "hw.ipynb"}}
    assert one["message"]["text"].startswith("hw.ipynb, code cell 3, line 5: ")
    among = Place("hw.ipynb", 3, 5, title="hw.ipynb, code cell 3")
    (one,) = run(render("sarif", [found(replace(FINDING, place=among))], 3))["results"]
    assert one["message"]["text"].startswith("hw.ipynb, code cell 3, line 5: ")


def test_all_that_did_not_pass_is_there() -> None:
    """With the levels of SARIF, of several submissions in one run."""
    told = run(render("sarif", [result(), result()], 4))
    assert [one["level"] for one in told["results"]] == ["error", "error", "warning", "warning"] * 2


def test_what_could_not_be_graded_is_a_run_that_failed() -> None:
    """With the reason for each."""
    told = run(refusal("sarif", ["a.py: is empty"]))
    assert told["results"] == []
    (call,) = told["invocations"]
    assert call["executionSuccessful"] is False
    (why,) = call["toolExecutionNotifications"]
    assert "a.py: is empty" in why["message"]["text"]


def test_what_is_told_of_the_whole_submission_is_a_note_of_the_run() -> None:
    """Its points, and remarks on its files; nothing of it is an error."""
    noted = replace(result(), problems=(Problem("hw (2).py counts."),))
    told = run(render("sarif", [noted, result()], 3))
    (call,) = told["invocations"]
    assert call["executionSuccessful"] is True
    first, second = call["toolExecutionNotifications"]
    assert {first["level"], second["level"]} == {"note"}
    assert "hw (2).py counts." in first["message"]["text"]
    assert "hw (2).py counts." not in second["message"]["text"]
    assert f"{points(noted.score)} / " in first["message"]["text"]
