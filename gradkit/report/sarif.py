"""Write SARIF 2.1.0 for editors and code hosts: a result for each finding, with its place.

Lines of a notebook cannot be marked, so its results name the cell in their text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from gradkit import __version__
from gradkit.records.result import Result
from gradkit.report.data import OLD_COMMAND
from gradkit.report.github import Annotation, annotations_of
from gradkit.report.plain_text import dump, head_text, refusal_text, title_text

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

LEVELS = {"error": "error", "warning": "warning", "notice": "note"}


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write the findings of all submissions, and checks that did not pass, as a log with one run.

    The format is SARIF. ``hints`` is the hint level: how much of a finding is shown. ``many`` is
    ignored.
    """
    found = [each for result in results for each in annotations_of(result, hints)]
    codes = sorted({each.code for each in found})
    entries = [_result(each) for each in found]
    heads = [f"{title_text(result)}\n{head_text(result)}" for result in results]
    graded = _invocation("note", heads)
    return _log(results=entries, rules=[{"id": code} for code in codes], invocations=[graded])


def refusal(sentences: Sequence[str]) -> str:
    """Write a run that failed, with the reason for each submission."""
    failed = _invocation("error", [refusal_text(each) for each in sentences])
    return _log(results=[], rules=[], invocations=[failed])


def _invocation(level: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the notifications about the run itself, which have no place in a file."""
    notes = [{"level": level, "message": {"text": text}} for text in texts]
    return {"executionSuccessful": level != "error", "toolExecutionNotifications": notes}


def _log(rules: list[dict[str, str]], **run: Any) -> str:
    """Write a log with one run in SARIF, a JSON format for the findings of analysis tools.

    ``rules`` describe the mistakes that the results refer to, and ``run`` are further fields of the
    run.
    """
    driver = {"name": "gradkit", "semanticVersion": __version__, "rules": rules}
    # Columns count characters, as in Python, and not units of UTF-16.
    whole = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", **run}
    text = dump({"$schema": SCHEMA, "version": "2.1.0", "runs": [whole]})
    return OLD_COMMAND.sub(r"#\\u0023", text)


def _result(each: Annotation) -> dict[str, Any]:
    """Return the SARIF result of an annotation."""
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
