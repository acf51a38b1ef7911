"""SARIF 2.1.0 for editors and forges: a result for each finding, with its place in the file.

A notebook has no lines that could be marked: its results name the cell in their text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from gradkit import __version__
from gradkit.records.result import Result
from gradkit.report.annotations import Annotation, annotations_of
from gradkit.report.escape import OLD_COMMAND
from gradkit.report.plain_text import dump, refusal_text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

LEVELS = {"error": "error", "warning": "warning", "notice": "note"}


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """One run, of all submissions."""
    found = [each for result in results for each in annotations_of(result, hints)]
    codes = sorted({each.code for each in found})
    told = [_result(each) for each in found]
    return _log(results=told, rules=[{"id": code} for code in codes])


def refusal(sentences: Sequence[str]) -> str:
    """A run that failed, and why for each submission."""
    told = [{"level": "error", "message": {"text": refusal_text(each)}} for each in sentences]
    failed = {"executionSuccessful": False, "toolExecutionNotifications": told}
    return _log(results=[], rules=[], invocations=[failed])


def _log(rules: list[dict[str, str]], **run: Any) -> str:
    driver = {"name": "gradkit", "semanticVersion": __version__, "rules": rules}
    # Columns count characters, as Python does, and not the units of UTF-16.
    told = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", **run}
    text = dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [told]})
    return OLD_COMMAND.sub(r"#\\u0023", text)


def _result(each: Annotation) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ruleId": each.code,
        "level": LEVELS[each.kind],
        "message": {"text": f"{each.title}\n{each.message}"},
    }
    if each.identity:
        made["partialFingerprints"] = {"finding/v1": each.identity}
    if each.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(each.file, errors="replace")}}
        if each.line:
            place["region"] = {"startLine": each.line}
            if each.columns:
                first, last = each.columns
                place["region"] |= {"startColumn": first, "endColumn": last + 1}
        made["locations"] = [{"physicalLocation": place}]
    return made
