"""Write JUnit XML, with a suite for each task of each submission and a case for each check.

It is valid by the schema of Jenkins, ``junit-10.xsd``, in which a case cannot have properties.
Points are therefore properties of the suite: ``points`` and ``max_points``, and ``update.points``
for a check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from gradkit.records.result import CheckResult, Result, State, TaskResult
from gradkit.report.data import xml_text
from gradkit.report.plain_text import check_text, head_text, title_text
from gradkit.text import clean_text

MESSAGE_BYTES = 500
"""Largest number of bytes of a message attribute; the text of the element is complete."""

KINDS: dict[State, str] = {
    "fail": "failure",
    "missing": "failure",
    "error": "error",
    "timeout": "error",
    "blocked": "skipped",
    "inconclusive": "skipped",
    "not-checked": "skipped",
}
"""JUnit's element for each state; a check that passed has none."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write the results of all submissions as XML in the format of JUnit, a suite for each task.

    ``hints`` is the hint level: how much of a finding is shown. ``many`` is ignored.
    """
    root = ET.Element("testsuites", name="gradkit")
    for result in results:
        for task in result.tasks:
            root.append(_suite(result, task, hints))
    return _text(root)


def refusal(sentences: Sequence[str]) -> str:
    """Write an XML file for submissions that could not be graded: a case with an error for each.

    ``sentences`` are the reasons.
    """
    root = ET.Element("testsuites", name="gradkit")
    suite = _counted("gradkit", ["error" for _ in sentences])
    root.append(suite)
    for sentence in sentences:
        case = ET.SubElement(suite, "testcase", classname="gradkit", name="read")
        ET.SubElement(case, "error", message=_short(sentence)).text = xml_text(sentence)
    return _text(root)


def _text(root: ET.Element) -> str:
    # ASCII with character references is the same in every encoding.
    data: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return data.decode() + "\n"


def _suite(result: Result, task: TaskResult, hints: int) -> ET.Element:
    """Make the XML element of one task, a test suite with a case for each check.

    ``hints`` is the hint level: how much of a finding is shown.
    """
    name = f"{xml_text(result.submission)}.{task.task}"
    suite = _counted(name, [KINDS.get(check.state) for check in task.checks])
    properties = ET.SubElement(suite, "properties")
    for key, value in _points(task):
        ET.SubElement(properties, "property", name=key, value=f"{value:g}")
    for check in task.checks:
        case = ET.SubElement(suite, "testcase", classname=name, name=check.check)
        _outcome(case, task, check, hints)
    ET.SubElement(suite, "system-out").text = xml_text(f"{title_text(result)}\n{head_text(result)}")
    return suite


def _counted(name: str, kinds: Sequence[str | None]) -> ET.Element:
    """Make a suite that has the number of its cases, and of the cases of each kind.

    ``name`` is the suite's, and ``kinds`` has an item for each case: ``failure``, ``error``,
    ``skipped``, or None if it passed.
    """
    counted = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {key: str(kinds.count(kind)) for key, kind in counted.items()}
    return ET.Element("testsuite", {"name": name, "tests": str(len(kinds)), **counts})


def _points(task: TaskResult) -> Iterator[tuple[str, float]]:
    """Yield the names and values of the suite's properties that hold a task's points.

    They are ``points`` and ``max_points`` of the task, and of each check, as in ``update.points``.
    """
    yield "points", task.score
    yield "max_points", task.max_score
    for check in task.checks:
        yield f"{check.check}.points", check.score
        yield f"{check.check}.max_points", check.max_score


def _outcome(case: ET.Element, task: TaskResult, check: CheckResult, hints: int) -> None:
    """Add the outcome of a check to its XML element: a failure, an error or a skipped case.

    ``case`` is the element, which is changed, and ``hints`` the hint level. Nothing is added to a
    check that passed, unless a person has set its points.
    """
    if check.state not in KINDS:
        if check.decision is not None:
            ET.SubElement(case, "system-out").text = xml_text(check_text(task, check, hints))
        return
    text = xml_text(check_text(task, check, hints)) or check.state
    message = _short(check.message) or check.state
    element = ET.SubElement(case, KINDS[check.state], message=message)
    if KINDS[check.state] == "skipped":
        element.set("type", check.state)
    element.text = text


def _short(text: str) -> str:
    return clean_text(xml_text(text), MESSAGE_BYTES)
