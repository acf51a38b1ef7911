"""What was diagnosed when the cases were stored is diagnosed still."""

from __future__ import annotations

from dataclasses import replace

import pytest
from soak import SIZE
from stored import OTHER_LINES, Found, Stored, differs, found_in, is_about, known_as, reason, stored

CASES = stored()
NUMPY = [case for case in CASES if case.task.endswith("numpy")]
TORCH = [case for case in CASES if case.task.endswith("torch")]

FEW, MOST = 8, 0.02
"""Cases of the quick suite, and the part that may be diagnosed otherwise."""


def otherwise(diagnosed, cases: list[Stored]) -> dict[str, str]:
    """How some are diagnosed otherwise, by where they come from."""
    told = {}
    for case in cases:
        now = found_in(diagnosed(case.text, case.task, case.seed))
        difference = differs(case.found, now)
        why = reason(case)
        if difference and not (why and difference == known_as(why)):
            told[f"{case.test} {case.task} {case.seed}"] = difference
    return told


def held(diagnosed, cases: list[Stored]) -> None:
    """Hardly any differs, and no name is lost."""
    told = otherwise(diagnosed, cases)
    assert not [difference for difference in told.values() if difference.startswith("lost")], told
    assert len(told) <= MOST * len(cases), told


def test_a_sample_is_diagnosed_as_it_was(diagnosed) -> None:
    """From all tests that the cases come from."""
    held(diagnosed, NUMPY[:: len(NUMPY) // FEW])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_numpy_cases_are_diagnosed_as_they_were(diagnosed, part: int) -> None:
    """One in eight, or all of them where soaks are eight times as large."""
    held(diagnosed, NUMPY[part :: 8 * max(8 // SIZE, 1)])


@pytest.mark.slow
def test_torch_cases_are_diagnosed_as_they_were(diagnosed) -> None:
    """One in five, or all of them."""
    pytest.importorskip("torch")
    held(diagnosed, TORCH[:: max(5 // SIZE, 1)])


def test_a_difference_is_seen() -> None:
    """The twin: a name that is lost, one too many, another line."""
    case = next(case for case in NUMPY if case.found.named)
    then = case.found
    assert differs(then, then) == ""
    assert differs(then, replace(then, findings=())).startswith("lost ")
    assert differs(replace(then, findings=()), then).startswith("new ")
    (check, code, lines), *rest = then.findings
    moved = Found(((check, code, (*lines, 999)), *rest))
    assert differs(then, moved) == "other lines"


def test_reasons_are_given_for_few_cases() -> None:
    """Each for some, and together for no more than are drawn anew with these texts."""
    known = [case for case in CASES if reason(case)]
    assert {why for case in known for why in [reason(case)]} == set(OTHER_LINES.values())
    assert all(any(is_about(part, case) for case in CASES) for part in OTHER_LINES)
    assert len(known) <= 0.11 * len(CASES), len(known)
