"""Render and parse the output formats for platforms."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

from gradkit.records.result import Result
from gradkit.report import FORMATS, classroom, gradescope, junit, markdown, render
from gradkit.report.data import apply_visibility


def refuse(name: str) -> None:
    """Raise an error for NaN and Infinity, as strict readers of JSON do."""
    raise AssertionError(name)


def strict(text: str) -> Any:
    """Parse JSON as strictly as platforms do."""
    return json.loads(text, parse_constant=refuse)


def reported(line: str) -> Any:
    """Parse the result that GitHub Classroom's reporter gets."""
    return strict(base64.b64decode(line.removeprefix("result=")).decode())


def _joined(tests: list[dict[str, Any]], key: str) -> str:
    return "\n".join(f"{test['name']} {test[key]}" for test in tests)


READ: dict[str, Callable[[str], str]] = {
    "junit": lambda text: "".join(ET.fromstring(text).itertext()),
    "github-classroom": lambda text: _joined(reported(text)["tests"], "message"),
    "gradescope": lambda text: _joined(
        [test for test in strict(text)["tests"] if test["visibility"] == "visible"], "output"
    ),
    "sarif": lambda text: "\n".join(
        f"{one.get('ruleId')} {one['message']['text']}"
        for run in strict(text)["runs"]
        for one in [
            *run["results"],
            *(
                each
                for call in run.get("invocations", ())
                for each in call["toolExecutionNotifications"]
            ),
        ]
    ),
}
"""Functions that extract the text that a student sees, by format. Others are plain text."""

STUDENTS = [word for word, each in FORMATS.items() if each.for_students and word != "html"]
"""Formats that students read. Pages are tested in `html/`."""


def read(word: str, text: str) -> str:
    """Return the text that a student sees of an output in a format."""
    return READ.get(word, str)(text)


def shown(word: str, result: Result, hints: int) -> str:
    """Return the text that a student sees of a result in a format."""
    seen = result if FORMATS[word].dated else apply_visibility(result)
    return read(word, render(word, [seen], hints))


def _gradescope(result: Result) -> tuple[float, float, float]:
    data = strict(gradescope.render([result], 3))
    tests = [test for test in data["tests"] if "score" in test]
    return data["score"], sum(t["score"] for t in tests), sum(t["max_score"] for t in tests)


def _classroom(result: Result) -> tuple[float, float, float]:
    """Return the score of the reporter's table, which counts tests, the sum, and the maximum."""
    data = reported(classroom.render([result], 3))
    passed = sum(test["status"] == "pass" for test in data["tests"])
    table = passed / len(data["tests"]) * data["max_score"]
    return table, sum(test["score"] for test in data["tests"]), data["max_score"]


def slack(word: str, result: Result) -> float:
    """Return the largest error of a total, which only GitHub Classroom's table can have.

    If there would be too many tests of equal points, each check is rounded to whole tests, so that
    the error of a check is at most half a test.
    """
    if word != "github-classroom" or isinstance(classroom._unit(result), int):
        return 0.0
    checks = sum(len(task.checks) for task in result.tasks)
    return checks / 2 * result.max_score / classroom.TESTS


def _junit(result: Result) -> tuple[float, float, float]:
    found = ET.fromstring(junit.render([result], 3)).iter("property")
    values = [(each.get("name", ""), float(each.get("value", ""))) for each in found]
    whole = sum(value for name, value in values if name == "points")
    parts = sum(value for name, value in values if name.endswith(".points"))
    return whole, parts, sum(value for name, value in values if name == "max_points")


def _markdown(result: Result) -> tuple[float, float, float]:
    text = markdown.render([result], 3)
    (whole,) = re.findall(r"^## .* (\S+) / (\S+)$", text, re.MULTILINE)
    rows = re.findall(r"^\| \S \| \S+ \| (\S+) / ", text, re.MULTILINE)
    return float(whole[0]), sum(map(float, rows)), float(whole[1])


TOTALS: dict[str, Callable[[Result], tuple[float, float, float]]] = {
    "gradescope": _gradescope,
    "github-classroom": _classroom,
    "junit": _junit,
    "markdown": _markdown,
}
"""Functions that return a platform's score, the sum of the checks' points, and the maximum."""
