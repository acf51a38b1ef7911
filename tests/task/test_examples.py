"""Recorded examples: what is written is read again, and other files are refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradkit.lines import arrays_in
from gradkit.records.task import FunctionTask
from gradkit.task.assignment import AssignmentError, packed_with, read_assignment
from gradkit.task.draws import draws
from gradkit.task.examples import pack_examples, read_examples, record_examples
from gradkit.task.solution import Solution, load_solution
from gradkit.task.tables import EXAMPLES

ASSIGNMENT = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"

[[tasks]]
id = "own"
title = "Scale"
kind = "functions"
solution = "model.py"
sizes = { N = [2, 3], D = [4, 5] }
hard = [{ N = 1 }, { x = "zeros(N, D)" }]

[tasks.inputs]
x = "normal(N, D)"
p = "uniform(0.2, 0.8)"
y = "probabilities(N, D)"
z = "distinct(N, D)"
options = { way = "'up'", shape = "(N, D)", rates = ["uniform(0, 1)"] }

[[tasks.checks]]
name = "forward"
points = 1
call = "out, count, is_up = forward(x, p, options)"
compare = ["out", "count", "is_up"]
conventions = [{ out = "N" }]

[[tasks.checks]]
name = "backward"
points = 1
call = "dx = backward(x, p)"
compare = ["dx"]
gradient = { of = "sum(out)", dx = "x" }
"""

MODEL = """
import numpy as np

calls = []


def forward(x, p, options):
    calls.append(1)
    return p * x, np.float32(x.size + len(calls) % 2), options["way"] == "up"


def backward(x, p):
    x[0, 0] = 7
    return np.full(x.shape, p)
"""


@pytest.fixture
def task(tmp_path: Path) -> FunctionTask:
    """An exercise with inputs and outputs of every kind, whose second call gives other numbers."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "assignment.toml").write_text(ASSIGNMENT, encoding="utf-8")
    return read_assignment(tmp_path / "assignment.toml").functions[0]


@pytest.fixture
def solution(task: FunctionTask) -> Solution:
    """Its model solution."""
    return load_solution(task, Path(task.path).parent)


def test_what_is_written_is_read_again(task: FunctionTask, solution: Solution) -> None:
    """Inputs, outputs by convention, outputs of a second call, and what is changed in place."""
    recorded = record_examples(solution)
    solution.names["calls"].clear()
    (Path(task.path).parent / EXAMPLES).write_bytes(pack_examples([solution]))
    read = read_examples(task)
    assert [example.draw.label for example in read] == [
        *(f"random {number}" for number in range(1, 6)),
        "N = 1",
        "x = zeros(N, D)",
    ]
    for found, expected in zip(read, recorded, strict=True):
        assert found.draw.sizes == expected.draw.sizes
        assert found.draw.values["options"] == expected.draw.values["options"]
        arrays = arrays_in(dict(found.draw.values)), arrays_in(dict(expected.draw.values))
        for one, other in zip(*arrays, strict=True):
            assert one.dtype == other.dtype
            assert (one == other).all()
        # A factor of zeros does not change the sum.
        inputs = ("x", "p") if found.draw.values["x"].any() else ("x",)
        assert found.differentiated == {"backward": inputs}
        own, other = found.made["forward"]
        assert other.values["out"] == pytest.approx(own.values["out"] * found.draw.sizes["N"])
        assert (own.again["out"] == own.values["out"]).all()
        assert abs(own.again["count"] - own.values["count"]) == 1
        assert [own.values[name].dtype for name in ("out", "count", "is_up")] == [
            float,
            float,
            bool,
        ]
        assert not own.values["out"].flags.writeable
        assert found.made["backward"][0].changed == ("x",)


def test_recorded_inputs_are_short(task: FunctionTask) -> None:
    """Numbers that have to fit each other keep all digits."""
    (first, *_) = draws(task, 0, short=True)
    assert all(len(f"{abs(x):.12g}".lstrip("0.")) <= 5 for x in first.values["x"].flat)
    assert first.values["y"].sum(axis=1) == pytest.approx(1, abs=1e-15)
    z = np.sort(first.values["z"], axis=None)
    assert (np.diff(z) > 0.09).all()
    assert [draw.label for draw in draws(task, 0, count=2)][:3] == ["random 1", "random 2", "N = 1"]


def test_without_a_file_or_without_the_task_there_are_no_examples(
    task: FunctionTask, solution: Solution
) -> None:
    """A file may be of other tasks."""
    path = Path(task.path).parent / EXAMPLES
    assert read_examples(task) == ()
    assert packed_with(Path(task.path)).keys() == {"assignment.toml"}
    path.write_bytes(pack_examples([]))
    assert read_examples(task) == ()
    assert packed_with(Path(task.path)).keys() == {"assignment.toml", EXAMPLES}


def first(data: Any) -> Any:
    """Return the first example of a file."""
    return data["tasks"]["own"]["examples"][0]


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data.update(schema="x"), "found schema 'x'; expected gradkit/examples/v1."),
        (
            lambda data: data["tasks"]["own"].update(question="0"),
            "the examples of own belong to another version of the assignment file. Delete the file",
        ),
        (
            lambda data: data["tasks"]["own"]["examples"][0]["arrays"].update(
                {"0": ["O", [1], [1]]}
            ),
            "cannot be read as a file of examples (ValueError: found an array of O; expected",
        ),
        (
            lambda data: first(data).pop("made"),
            "cannot be read as a file of examples (KeyError: 'made'). Delete it, or write",
        ),
        (
            lambda data: data.pop("tasks"),
            "cannot be read as a file of examples (KeyError: 'tasks')",
        ),
    ],
)
def test_another_file_is_refused(
    task: FunctionTask, solution: Solution, change: Change, told: str
) -> None:
    """With what was found and what to do."""
    data = json.loads(gzip.decompress(pack_examples([solution])))
    change(data)
    path = Path(task.path).parent / EXAMPLES
    path.write_bytes(gzip.compress(json.dumps(data).encode()))
    with pytest.raises(AssignmentError) as caught:
        read_examples(task)
    assert f"{path}: {told}" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"[]", mtime=0)[:-9], gzip.compress(b"[]", mtime=0)],
    ids=["empty", "no gzip", "cut off", "no examples"],
)
def test_a_damaged_file_is_refused(task: FunctionTask, content: bytes) -> None:
    """Whatever is wrong with it."""
    (Path(task.path).parent / EXAMPLES).write_bytes(content)
    with pytest.raises(AssignmentError, match="cannot be read as a file of examples"):
        read_examples(task)
