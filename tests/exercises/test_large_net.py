"""Nets of some size are graded, in memory that grows with their parameters."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.usefixtures("warm")

TANH = Path(__file__).parent / "tanh_regression"

TASK = """
[[tasks]]
id = "regression-numpy"
title = "A large net"
framework = "numpy"
data = "data.csv"
features = {features}
targets = {targets}
layers = [
  {{ units = {hidden}, activation = "tanh" }},
  {{ units = {outputs}, activation = "linear" }},
]
loss = "squared_error"
rates = {{ weight = 0.02, bias = 0.05, policy = "exact" }}
epochs = 2
deadline = 60.0
roles = ["forward", "update"]
optional = []
checks = {{ forward = 5, update = 12, gradient = 1, trajectory = 2 }}
words = ["large"]

[tasks.starts.first]
"""
COLUMNS = {"dW2 = A1 * dZ2": "dW2 = A1 @ dZ2.T", '["W2"] * dZ2': '["W2"] @ dZ2'}
"""For several outputs."""


def exercise(folder: Path, features: int, hidden: int, outputs: int) -> Path:
    """An assignment with a net of these sizes."""
    generator = np.random.default_rng(0)
    names = [f"x{n}" for n in range(features)], [f"t{n}" for n in range(outputs)]
    rows = np.round(generator.uniform(-1, 1, (3, features + outputs)), 2)
    lines = [",".join(names[0] + names[1]), *(",".join(map(str, row)) for row in rows)]
    (folder / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    head = (TANH / "assignment.toml").read_text(encoding="utf-8").split("[[tasks]]")[0]
    shapes = {
        "W1": (features, hidden),
        "b1": (hidden, 1),
        "W2": (hidden, outputs),
        "b2": (outputs, 1),
    }
    start = "\n".join(
        f"{key} = {np.round(generator.normal(0, 0.05, shape), 3).tolist()}"
        for key, shape in shapes.items()
    )
    task = TASK.format(features=names[0], targets=names[1], hidden=hidden, outputs=outputs)
    path = folder / "assignment.toml"
    path.write_text(head + task + start, encoding="utf-8")
    return path


def graded(
    workshop: Workshop, folder: Path, sizes: tuple[int, int, int], **changes: str
) -> TaskResult:
    """The tanh exercise's solution, for columns, on a net of these sizes."""
    text = (TANH / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    for old, new in {**COLUMNS, **changes}.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "regression_numpy.py"
    path.write_text(text, encoding="utf-8")
    settings = Settings(assignment=exercise(folder, *sizes), seed=1)
    with Session(settings, workshop) as session:
        (task,) = session.check(path).tasks
    return task


@pytest.mark.slow
@pytest.mark.rotate(2)
@pytest.mark.parametrize(
    ("sizes", "most"),
    [((64, 64, 10), 64e6), ((784, 128, 10), 512e6)],
    ids=str,
)
def test_a_right_answer_takes_memory_by_the_parameters(
    workshop: Workshop, tmp_path: Path, sizes: tuple[int, int, int], most: float
) -> None:
    """Full marks, and no array that holds all parameters for each parameter."""
    tracemalloc.start()
    try:
        task = graded(workshop, tmp_path, sizes)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert {c.check: c.state for c in task.checks if c.state != "pass"} == {}
    assert (task.score, task.max_score, task.findings) == (20, 20, ())
    assert taken < most


@pytest.mark.slow
def test_a_wrong_answer_gets_its_marks_and_says_why_no_more(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Calls that tell all entries apart would take memory by the square."""
    task = graded(workshop, tmp_path, (64, 64, 10), **{" * (1 - A1**2)": ""})
    states = {check.check: check.state for check in task.checks}
    assert (states["forward"], states["update"], states["gradient"]) == ("pass", "fail", "fail")
    assert 0 < task.score < 20
    assert task.notes == (
        "Mistakes were not searched for: rules can be recovered for nets of up to 720 entries and "
        "inputs, and this one has 4958. You get points for right entries.",
    )
