"""Lines of generated updates: alone and in pairs, held against the text itself.

Where the text with a mistake differs from the text without it, there the mistake stands.
"""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace
from rules.generate import STYLES, sets_of, write
from rules.lines import NOWHERE, stands_at
from soak import SIZE
from styles import FORWARD, IMPORTS, IN_OUT, OUT_IN, ROWS
from watched import TASKS, watch

from gradkit.records.rule import Attribution, Spot
from gradkit.records.task import Task
from gradkit.sandbox import Workshop

LAYOUTS = {"scalar": IN_OUT, "vectorised": IN_OUT, "out_in": OUT_IN, "row": ROWS}
IDS = ("regression-numpy", "classification-numpy")
Case = tuple[Task, frozenset[str], str]


def cases(size: int) -> list[Case]:
    """Every set of this many mistakes, in every style."""
    return [
        (TASKS[name], codes, style)
        for name in IDS
        for codes in sets_of(size, TASKS[name])
        for style in STYLES
    ]


NOTHING_LEFT = {"missing-error", "missing-weight"}
"""Mistakes that leave a gradient of constants, of which no value tells where it was made."""


def is_right(found: Attribution, codes: frozenset[str], task: Task, style: str) -> bool:
    """Whether a line is one that the mistake made, or, without any, the function's first."""
    if found.code in NOWHERE:
        return found.evidence in ("function", "unused")
    if codes >= NOTHING_LEFT and found.evidence == "applied":
        return True
    return stands_at(found.code, found.spot.place.line, codes, task, style)


def wrong_lines(workshop: Workshop, case: Case) -> list[str]:
    """What is told wrongly of one update; nothing for mistakes that are named otherwise."""
    task, codes, style = case
    return [
        f"{style} {task.id} {sorted(codes)}: {each.code} at {each.spot.place.line} ({each.evidence})"
        for each in attributions(workshop, case)
        if each.code in codes and not is_right(each, codes, task, style)
    ]


def attributions(workshop: Workshop, case: Case) -> list[Attribution]:
    """The lines that are told."""
    task, codes, style = case
    act = "sigmoid" if "classification" in task.id else ""
    head = IMPORTS + FORWARD.format(act=act, **LAYOUTS[style])
    seen = codes & {"copy-dropped"}
    with watch(workshop, task.id, head, write(codes, task, style), seen=seen) as watched:
        return watched.attributions()


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_lines_of_some_mistakes_alone(workshop):
    """One in twelve of all mistakes and styles; the slow test below takes all of them."""
    chosen = cases(1)[::12]
    assert len(chosen) > 12
    assert [text for case in chosen for text in wrong_lines(workshop, case)] == []


@pytest.mark.parametrize(
    "codes",
    [
        # What is left of the hidden layer's gradient is W2 itself, in another array.
        {"missing-activation-derivative", "missing-error", "updated-before-use"},
        # A sum that vanishes in one probe, but for rounding.
        {"wrong-activation-derivative", "bias-sum-axis", "overwritten"},
        # Two readings give the same numbers, and the rule is told as the one named has it.
        {"wrong-activation-derivative", "updated-before-use", "overwritten"},
    ],
)
def test_lines_of_triples_that_were_hard(workshop, codes):
    """Once told wrongly."""
    case = TASKS["classification-numpy"], frozenset(codes), "vectorised"
    assert wrong_lines(workshop, case) == []


def test_a_line_that_is_wrong_is_noticed(workshop):
    """The twin: the next line is not the one."""
    task, codes = TASKS["classification-numpy"], frozenset({"missing-error"})
    found = attributions(workshop, (task, codes, "vectorised"))
    later = [
        replace(f, spot=Spot(replace(f.spot.place, line=f.spot.place.line + 1))) for f in found
    ]
    assert found
    assert all(is_right(each, codes, task, "vectorised") for each in found)
    assert not any(is_right(each, codes, task, "vectorised") for each in later)


@pytest.mark.slow
def test_lines_of_all_mistakes_alone(workshop):
    """Every mistake that the generator makes, in every style."""
    assert [text for case in cases(1) for text in wrong_lines(workshop, case)] == []


@pytest.mark.slow
def test_lines_of_all_pairs(workshop):
    """Pairs that one text can contain, in every style: one in 12, and all at GRADKIT_SOAK=12."""
    chosen = cases(2)[:: max(12 // SIZE, 1)]
    assert [text for case in chosen for text in wrong_lines(workshop, case)] == []


@pytest.mark.slow
def test_lines_of_triples(workshop):
    """A sample of all triples; every one of them takes a quarter of an hour."""
    chosen = random.Random(9).sample(cases(3), 150 * SIZE)  # noqa: S311 -- no secret
    assert [text for case in chosen for text in wrong_lines(workshop, case)] == []
