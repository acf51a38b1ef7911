"""What tests of the diagnosis look at in a result."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.diagnosis.catalogue import CRASH, kinds
from gradkit.records.result import UNEXPLAINED, Finding, TaskResult


def codes(result: TaskResult) -> set[str]:
    """The mistakes that were named, ``unexplained`` among them; no remarks."""
    return {finding.mistake for finding in result.findings if finding.check}


def named(result: TaskResult) -> set[str]:
    """Return the mistakes of the catalogue that a student is accused of, but for exceptions."""
    return codes(result) - {UNEXPLAINED, CRASH, *kinds()}


def open_(result: TaskResult) -> list[Finding]:
    """What no mistake of the catalogue explains, with a change that mends it or without."""
    return [f for f in result.findings if f.mistake in (UNEXPLAINED, *kinds())]


def after_exceptions(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that follow those about lines that stop the code."""
    stops = [finding for finding in findings if finding.mistake == CRASH]
    assert list(findings[: len(stops)]) == stops
    return list(findings[len(stops) :])


def finding(result: TaskResult, code: str) -> Finding:
    """The only finding of that mistake."""
    (found,) = [f for f in result.findings if f.mistake == code]
    return found


def alternatives(result: TaskResult) -> set[frozenset[str]]:
    """Other sets of mistakes that the result says predict the same."""
    return {frozenset(other) for f in result.findings for other in f.alternatives}


def states(result: TaskResult) -> dict[str, str]:
    """States by check."""
    return {check.check: check.state for check in result.checks}


def wrong_entries(result: TaskResult, check: str = "update") -> int:
    """How many entries of a check failed."""
    (found,) = [c for c in result.checks if c.check == check]
    return sum(entry.state == "fail" for entry in found.entries)
