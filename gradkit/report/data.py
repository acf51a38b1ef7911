"""A result as plain data: schema ``gradkit/result/v1``.

``null`` stands for a number that there is none of, or that is not finite: JSON has no NaN.
What the hint level does not show yet is left out: `FROM_LEVEL`, ``listings``, and ``expected``
of entries and courses.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gradkit.records.finding import FOR_INSTRUCTORS, Finding
from gradkit.records.result import CheckResult, Result, TaskResult
from gradkit.records.submission import Listing, Place
from gradkit.records.verdict import Course, Entry
from gradkit.report.escape import OLD_COMMAND
from gradkit.report.words import override_text

SCHEMA = "gradkit/result/v1"
TITLE_LEVEL, RULE_LEVEL, EXPECTED_LEVEL = 2, 3, 4
"""Hint levels from which the mistake is named, the code's rule and its line are shown, and the
right rule and expected numbers."""

FROM_LEVEL: Mapping[str, int] = {
    **dict.fromkeys(("mistake", "title", "sentence", "alternatives", "others"), TITLE_LEVEL),
    **dict.fromkeys(("applies", "cell", "line", "source", "places"), RULE_LEVEL),
    "should": EXPECTED_LEVEL,
}
"""Parts of a finding that are left out below a level; the others are always there."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """One result as an object; several, or ``many`` that were asked for, as a list."""
    data = [to_data(result, hints) for result in results]
    chosen = data if many or len(data) != 1 else data[0]
    text = json.dumps(chosen, indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, from a file name or an error text, is in no encoding.
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return OLD_COMMAND.sub(r"#\\u0023", text) + "\n"


def to_data(result: Result, hints: int) -> dict[str, Any]:
    """The documented form of one result."""
    return {
        "schema": SCHEMA,
        "submission": result.submission,
        "path": result.path,
        "assignment": result.assignment,
        "form": result.form,
        "seed": result.seed,
        "oracle": result.oracle,
        "provisional": result.provisional,
        "hints": hints,
        "preset": result.preset,
        "score": result.score,
        "max_score": result.max_score,
        "tasks": [_task(task, hints) for task in result.tasks],
        "problems": [
            {"message": problem.message, "place": _place(problem.place)}
            for problem in result.problems
        ],
        "versions": dict(result.versions),
        "digests": dict(result.digests),
        "tier": result.tier,
    }


def _task(task: TaskResult, hints: int) -> dict[str, Any]:
    return {
        "task": task.task,
        "title": task.title,
        "score": task.score,
        "max_score": task.max_score,
        "checkable": task.checkable,
        "provisional": task.provisional,
        "seed": task.seed,
        "checks": [_check(check, hints) for check in task.checks],
        "findings": [_finding(finding, hints) for finding in visible(task, hints)],
        "listings": [_listing(listing) for listing in task.listings if hints >= RULE_LEVEL],
        "notes": list(task.notes),
    }


def visible(task: TaskResult, hints: int) -> list[Finding]:
    """The findings that are shown at a hint level."""
    return [
        finding
        for finding in task.findings
        if hints >= EXPECTED_LEVEL or finding.mistake not in FOR_INSTRUCTORS
    ]


def _check(check: CheckResult, hints: int) -> dict[str, Any]:
    return {
        "check": check.check,
        "state": check.state,
        "score": round(check.score, 6),
        "max_score": check.max_score,
        "message": check.message,
        "place": _place(check.place),
        "entries": [_entry(entry, hints) for entry in check.entries],
        "courses": [_course(course, hints) for course in check.courses],
        "notes": list(check.notes),
        "follows": list(check.follows) if hints >= TITLE_LEVEL else [],
        "decision": _decision(check),
    }


def _decision(check: CheckResult) -> dict[str, Any] | None:
    word = check.decision
    if word is None:
        return None
    return {
        "points": check.score,
        "marked": round(word.marked, 6),
        "by": word.by,
        "made": word.made,
        "comment": word.comment,
        "stale": word.stale,
        "said": override_text(check),
    }


def _entry(entry: Entry, hints: int) -> dict[str, Any]:
    data = {
        "parameter": entry.parameter,
        "index": list(entry.index),
        "label": entry.label,
        "state": entry.state,
        "found": _number(entry.found),
        "expected": _number(entry.expected),
        "probe": entry.probe,
    }
    if hints < EXPECTED_LEVEL:
        del data["expected"]
    return data


def _course(course: Course, hints: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "start": course.start,
        "epochs": list(course.epochs),
        "found": [_number(value) for value in course.found],
        "expected": [_number(value) for value in course.expected],
    }
    if hints < EXPECTED_LEVEL:
        del data["expected"]
    return data


def _finding(finding: Finding, hints: int) -> dict[str, Any]:
    place = finding.place
    data = {
        "id": finding.id,
        "check": finding.check,
        "mistake": finding.mistake,
        "title": finding.title,
        "sentence": finding.sentence,
        "parameter": sorted({entry.partition("[")[0] for entry in finding.entries}),
        "entries": list(finding.entries),
        "applies": dict(finding.applies),
        "should": dict(finding.should),
        "file": place.file if place else None,
        "cell": place.cell if place else None,
        "line": place.line if place else None,
        "source": finding.source,
        "places": [_place(place) for place in finding.places],
        "hints": list(finding.hints[:hints]),
        "alternatives": [list(codes) for codes in finding.alternatives],
        "others": list(finding.others),
        "deduction": round(finding.deduction, 6),
    }
    return {key: value for key, value in data.items() if hints >= FROM_LEVEL.get(key, 0)}


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _listing(listing: Listing) -> dict[str, Any]:
    return {
        "file": listing.file,
        "cell": listing.cell,
        "first_line": listing.first_line,
        "source": listing.source,
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {"file": place.file, "cell": place.cell, "line": place.line}
