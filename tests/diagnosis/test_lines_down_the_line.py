"""Lines of generated updates, down the whole line: where a student is sent.

`tests/trace/test_generated_lines.py` asks the attribution alone; here the grader draws the
watched calls itself, after it has judged.
"""

from __future__ import annotations

import random

import pytest
from rules.generate import STYLES, sets_of, write
from rules.lines import stands_at
from soak import SIZE
from written import homework

from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(15)

TASKS = {task.id: task for task in read_assignment(None).tasks if not task.framework.trains}
LAYOUTS = {"scalar": "column", "vectorised": "column", "out_in": "out_in", "row": "row"}
QUICK = 24
SOAK = 60 * SIZE
Case = tuple[str, frozenset[str], str, int]


def sample(size: int, n: int) -> list[Case]:
    """Sets of ``size`` mistakes of both tasks, each in some style, on some seed."""
    chance = random.Random(size)  # noqa: S311 -- no secret
    pool = [(name, codes) for name, task in TASKS.items() for codes in sets_of(size, task)]
    made: list[Case] = []
    while len(made) < n:
        (name, codes), style = chance.choice(pool), chance.choice(STYLES)
        # In vectors that pair leaves one number for a bias: nothing can be asked of it.
        if style == "scalar" or not codes >= {"bias-sum-axis", "overwritten"}:
            made.append((name, codes, style, chance.randrange(20)))
    return made


def wrong_lines(diagnosed, case: Case, blamed: frozenset[str] | None = None) -> list[str]:
    """Findings of mistakes that were made, with a line where they do not stand."""
    name, codes, style, seed = case
    body = write(codes, TASKS[name], style)
    text = homework(name, body, LAYOUTS[style])
    above = text[: text.index("def update_parameters")].count("\n")
    result = diagnosed(text, name, seed)
    return [
        f"{case}: {finding.mistake} at {place.line - above}"
        for finding in result.findings
        if finding.mistake in codes
        for place in finding.places
        if not stands_at(finding.mistake, place.line - above, blamed or codes, TASKS[name], style)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3])
def test_lines_of_some_sets(diagnosed, size: int) -> None:
    """A few of every size; the slow test takes hundreds."""
    assert [
        text for case in sample(size, QUICK // 3) for text in wrong_lines(diagnosed, case)
    ] == []


def test_another_text_has_its_lines_elsewhere(diagnosed) -> None:
    """The twin: held against a text without its last mistake, a line is wrong."""
    case = ("regression-numpy", frozenset({"wrong-sign", "wrong-error"}), "vectorised", 0)
    assert wrong_lines(diagnosed, case) == []
    assert wrong_lines(diagnosed, case, blamed=frozenset({"swapped-index"}))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3])
def test_lines_of_many_sets(diagnosed, size: int) -> None:
    """Every line of every set, on twenty seeds."""
    assert [text for case in sample(size, SOAK) for text in wrong_lines(diagnosed, case)] == []
