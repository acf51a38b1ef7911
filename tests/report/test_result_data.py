"""The JSON form: its schema, no number that JSON has not, nothing that a level hides."""

from __future__ import annotations

import json
import math

import pytest
from results import HOSTILE, result

from gradkit.report.data import render, to_data

KEYS = {
    "schema",
    "submission",
    "path",
    "assignment",
    "form",
    "seed",
    "oracle",
    "adjustments",
    "comments",
    "required",
    "all_tasks",
    "refused",
    "provisional",
    "hints",
    "preset",
    "score",
    "max_score",
    "score_by_numbers",
    "tasks",
    "problems",
    "versions",
    "digests",
    "tier",
}
TASK_KEYS = {
    "task",
    "title",
    "score",
    "max_score",
    "score_by_numbers",
    "seed",
    "checkable",
    "provisional",
    "checks",
    "findings",
    "listings",
    "notes",
}
CHECK_KEYS = {
    "check",
    "state",
    "score",
    "max_score",
    "message",
    "place",
    "entries",
    "courses",
    "notes",
    "follows",
    "decision",
    "held",
}
ENTRY_KEYS = {"parameter", "index", "label", "state", "found", "expected", "probe"}
ENTRY_KEYS |= {"estimate", "bound", "factor"}


def test_keys_are_those_of_the_schema() -> None:
    """A key more or less is another version of the schema."""
    data = to_data(result(), 4)
    assert data["schema"] == "gradkit/result/v1"
    assert set(data) == KEYS
    (task,) = data["tasks"]
    assert set(task) == TASK_KEYS
    assert {frozenset(check) for check in task["checks"]} == {frozenset(CHECK_KEYS)}
    assert {frozenset(e) for check in task["checks"] for e in check["entries"]} == {
        frozenset(ENTRY_KEYS)
    }
    assert data["problems"] == [
        {"message": "plain", "place": {"file": "plain", "cell": 3, "line": 7}}
    ]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_becomes_null(number: float) -> None:
    """Strict readers take the text: it has neither NaN nor Infinity."""
    text = render([result(number=number)], 4)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    data = json.loads(text, parse_constant=refuse)
    assert data["tasks"][0]["checks"][2]["entries"][0]["found"] is None
    assert data["tasks"][0]["checks"][2]["entries"][0]["expected"] == 0.123456789
    assert data["tasks"][0]["checks"][4]["courses"][0]["found"] == [2.0, None]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_expected_numbers_are_hidden_below_level_4(level: int) -> None:
    """Neither the key nor the digits are there."""
    text = render([result()], level)
    assert "expected" not in json.loads(text)["tasks"][0]["checks"][2]["entries"][0]
    assert "expected" not in json.loads(text)["tasks"][0]["checks"][4]["courses"][0]
    for number in ("0.123456789", "0.987654321"):
        assert number not in text
        assert number in render([result()], 4)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_code_is_listed_from_level_3(level: int) -> None:
    """Which function it is says where to look."""
    listings = to_data(result(), level)["tasks"][0]["listings"]
    assert bool(listings) == (level >= 3)
    assert ("def step" in render([result()], level)) == (level >= 3)


def test_one_result_is_an_object_and_several_are_a_list() -> None:
    """So that one submission needs no unpacking."""
    assert isinstance(json.loads(render([result()], 3)), dict)
    assert [r["submission"] for r in json.loads(render([result("a"), result("b")], 3))] == [
        "a",
        "b",
    ]


def test_a_check_has_its_points_and_its_state() -> None:
    """And its place, where it has one."""
    checks = {c["check"]: c for c in to_data(result(), 3)["tasks"][0]["checks"]}
    assert checks["update"]["score"] == 1.75
    assert checks["forward"]["place"] == {"file": "plain", "cell": 3, "line": 7}
    assert checks["interface"]["place"] is None
    assert checks["trajectory"]["state"] == "inconclusive"


def test_hostile_text_is_carried_as_text() -> None:
    """Escaped for JSON, encodable as UTF-8, and the same after reading, but for lone surrogates."""
    text = render([result(HOSTILE)], 4)
    assert "\x1b" not in text
    assert "\x00" not in text
    data = json.loads(text.encode().decode())
    assert data["submission"].startswith("\x1b[31mred")
    assert data["tasks"][0]["checks"][1]["message"].endswith("</script> \ufffd")
