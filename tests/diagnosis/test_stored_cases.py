"""A stored case is diagnosed as it was when it was stored.

The cases are several hundred updates in the styles of students, whose mistakes were listed by hand;
updates with all pairs and some triples of mistakes; updates that no mistake explains.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from said import named
from soak import SIZE
from stored import OTHER_LINES, Found, Stored, differs, found_in, is_about, known_as, reason, stored

from gradkit.records.result import TaskResult

CASES = stored()
NUMPY = [case for case in CASES if case.task.endswith("numpy")]
TORCH = [case for case in CASES if case.task.endswith("torch")]

FEW = 4
"""Cases of the quick suite."""

MAX_DIFFERENT = 0.02
"""Share of the cases that may be diagnosed differently."""


def differences(diagnosed, cases: list[Stored]) -> dict[str, str]:
    """Return how the diagnosis of some cases differs, by test, task and seed of the case."""
    found = {}
    for case in cases:
        result = diagnosed(case.text, case.task, case.seed)
        difference = differs(case.found, found_in(result)) or incomplete(result)
        why = reason(case)
        if difference and not (why and difference == known_as(why)):
            found[f"{case.test} {case.task} {case.seed}"] = difference
    return found


def incomplete(result: TaskResult) -> str:
    """Return what is missing in the findings of an update: an entry, a number or a formula."""
    for check in result.checks:
        if check.check != "update" or check.state != "fail":
            continue
        wrong = [entry for entry in check.entries if entry.state == "fail"]
        if any(entry.expected is None or entry.expected == entry.found for entry in wrong):
            return "lost a number"
        findings = [finding for finding in result.findings if finding.check == check.check]
        if len({entry for finding in findings for entry in finding.entries}) < len(wrong):
            return "lost an entry"
        for finding in findings:
            formulas = {*finding.applies}, {*finding.should}
            if finding.mistake in named(result) and formulas != ({*finding.entries},) * 2:
                return "lost a formula"
    return ""


def assert_same(diagnosed, cases: list[Stored]) -> None:
    """Assert that few cases differ, and that no name, entry or formula is lost."""
    found = differences(diagnosed, cases)
    assert not [difference for difference in found.values() if difference.startswith("lost")], found
    assert len(found) <= MAX_DIFFERENT * len(cases), found


def test_some_cases_are_diagnosed_as_they_were(diagnosed) -> None:
    """The cases come from all tests that were stored."""
    assert_same(diagnosed, NUMPY[:: len(NUMPY) // FEW])


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("part", range(8))
def test_numpy_cases_are_diagnosed_as_they_were(diagnosed, part: int) -> None:
    """An eighth of the cases runs, or all if `SIZE` is 8."""
    assert_same(diagnosed, NUMPY[part :: 8 * max(8 // SIZE, 1)])


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("part", range(8))
def test_torch_cases_are_diagnosed_as_they_were(diagnosed, part: int) -> None:
    """A fifth of the cases runs, or all if `SIZE` is 5."""
    pytest.importorskip("torch")
    every = max(5 // SIZE, 1)
    assert_same(diagnosed, TORCH[every * part :: 8 * every])


def test_difference_is_seen() -> None:
    """A missing name, an additional name and another line are differences."""
    case = next(case for case in NUMPY if case.found.named)
    then = case.found
    assert differs(then, then) == ""
    assert differs(then, replace(then, findings=())).startswith("lost ")
    assert differs(replace(then, findings=()), then).startswith("new ")
    (check, code, lines), *rest = then.findings
    moved = Found(((check, code, (*lines, 999)), *rest))
    assert differs(then, moved) == "other lines"


def test_reasons_are_given_for_few_cases() -> None:
    """Every reason applies to a case, and all reasons together to at most 11 % of the cases."""
    known = [case for case in CASES if reason(case)]
    assert {why for case in known for why in [reason(case)]} == set(OTHER_LINES.values())
    assert all(any(is_about(part, case) for case in CASES) for part in OTHER_LINES)
    assert len(known) <= 0.11 * len(CASES), len(known)
