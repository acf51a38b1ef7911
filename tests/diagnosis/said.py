"""Read findings from a result, for tests of the diagnosis."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gradkit.diagnosis.catalogue import CRASH, kinds
from gradkit.records.result import UNEXPLAINED, Finding, TaskResult


def codes(result: TaskResult) -> set[str]:
    """Return the codes of the findings of a task, with ``unexplained`` but without remarks."""
    return {finding.mistake for finding in result.findings if finding.check}


def named(result: TaskResult) -> set[str]:
    """Return the mistakes of the catalogue that were found, without exceptions."""
    return codes(result) - {UNEXPLAINED, CRASH, *kinds()}


def open_(result: TaskResult) -> list[Finding]:
    """Return the findings without a mistake of the catalogue, with or without a repair."""
    return [f for f in result.findings if f.mistake in (UNEXPLAINED, *kinds())]


def after_exceptions(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings after those about crashing lines, which must come first."""
    stops = [finding for finding in findings if finding.mistake == CRASH]
    assert list(findings[: len(stops)]) == stops
    return list(findings[len(stops) :])


def finding(result: TaskResult, code: str) -> Finding:
    """Return the only finding of a mistake."""
    (found,) = [f for f in result.findings if f.mistake == code]
    return found


def alternatives(result: TaskResult) -> set[frozenset[str]]:
    """Return the other sets of mistakes that predict the same numbers, by the findings."""
    return {frozenset(other) for f in result.findings for other in f.alternatives}


def states(result: TaskResult) -> dict[str, str]:
    """Return the states by check."""
    return {check.check: check.state for check in result.checks}


def wrong_entries(result: TaskResult, check: str = "update") -> int:
    """Return the number of failed entries of a check."""
    (found,) = [c for c in result.checks if c.check == check]
    return sum(entry.state == "fail" for entry in found.entries)


def same_code(line: str, other: str) -> bool:
    """Return whether two lines are the same statement, whatever its spaces and quotes are."""
    trees = [
        ast.dump(ast.parse(f"{text}\n    pass" if text.endswith(":") else text))
        for text in (line, other)
    ]
    return trees[0] == trees[1]
