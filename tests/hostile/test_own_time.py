"""What a submission can cost gradkit's own process, whatever its text looks like."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from model_solutions import ROOT

from gradkit.grading import repairs
from gradkit.grading.guards import unguarded
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")

SETTINGS = Settings(tasks=("affine",), seed=1, reference=ROOT / "reference" / "layers")
LAYER = """
def affine_forward(x, w, b):
    return f0(x.reshape(x.shape[0], -1)) @ w + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    dw = x.reshape(x.shape[0], -1).T @ f1(dout)
    return (dout @ w.T).reshape(x.shape), dw, -dout.sum(axis=0)
"""


def tangled(count: int) -> str:
    """Return an affine layer with one mistake, among functions that all call each other."""
    parts = ["import numpy as np"]
    for number in range(count):
        others = " + ".join(f"f{other}(x)" for other in range(count) if other != number)
        parts.append(f"def f{number}(x):\n    if x is None:\n        return {others}\n    return x")
    return "\n\n".join([*parts, LAYER])


def check(workshop: Workshop, path: Path, text: str) -> Result:
    """Check a text with the model solution at hand."""
    path.write_text(text, encoding="utf-8")
    with Session(SETTINGS, workshop) as session:
        return session.check(path)


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_work_does_not_grow_with_the_functions_of_a_cell(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell is read without its guards once for each check, and not for each definition."""
    counts = []
    for functions in (4, 24):
        calls = itertools.count()

        def counted(text: str, calls: itertools.count = calls) -> object:
            next(calls)
            return unguarded(text)

        monkeypatch.setattr(repairs, "unguarded", counted)
        result = check(workshop, tmp_path / "hw.py", tangled(functions))
        assert result.tasks[0].findings
        counts.append(next(calls))
    assert counts[0] == counts[1]


def test_a_search_that_takes_too_long_is_stopped_and_told(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verdicts are as they were; a note says why nothing was found."""
    whole = check(workshop, tmp_path / "hw.py", tangled(4))
    assert whole.tasks[0].notes == ()
    seconds = itertools.count(step=40)
    monkeypatch.setattr(repairs.time, "process_time", lambda: float(next(seconds)))
    short = check(workshop, tmp_path / "hw.py", tangled(4))
    (task,) = short.tasks
    assert task.findings == ()
    assert task.notes == (
        "The search for mistakes was stopped after 30 seconds of computing: this code takes too "
        "long to examine. You get points for right entries.",
    )
    states = [check.state for check in task.checks]
    assert states == [check.state for check in whole.tasks[0].checks]
