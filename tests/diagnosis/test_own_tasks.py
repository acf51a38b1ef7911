"""What is told of an exercise of one's own: of several tasks, of operators, deep inputs, steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading import repairs
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop

TASKS = """\
schema = "gradkit/assignment/v1"
id = "own"
title = "Scaled, less, a product and a state"

[[tasks]]
id = "scaled"
title = "Scaled"
kind = "functions"
solution = "own.py"
sizes = {{ N = [2, 5], D = [3, 4] }}
inputs.x = "normal(N, D)"
inputs.W = "normal(D, D)"
checks = [{{ name = "scaled", points = 2, call = "y = scaled(x, W)", compare = ["y"] }}]

[[tasks]]
id = "less"
title = "Scaled, and less"
kind = "functions"
solution = "own.py"
sizes = {{ N = [2, 5], D = [3, 4] }}
inputs.x = "normal(N, D)"
inputs.W = "normal(D, D)"
checks = [{{ name = "less", points = 2, call = "z = less(x, W)", compare = ["z"] }}]

[[tasks]]
id = "product"
title = "A product that knows its slopes"
kind = "functions"
solution = "own.py"
inputs.p = "uniform(1, 2)"
inputs.q = "uniform(3, 4)"
{product}

[[tasks]]
id = "state"
title = "A step of a table in a table"
kind = "functions"
solution = "own.py"
inputs.state = {{ t = 2, m = {{ W = "normal(2, 3)", more = {{ b = "normal(3)" }} }} }}
checks = [{{ name = "state", points = 1, call = "s = later(state)", compare = ["s['m']['W']"] }}]

[[tasks]]
id = "sums"
title = "What comes of a mean, and of what is positive in it"
kind = "functions"
solution = "own.py"
sizes = {{ N = [3, 5], D = [3, 4] }}
inputs.x = "normal(N, D)"
inputs.W = "normal(D, D)"
{sums}

[[tasks]]
id = "helped"
title = "A sum at places that a helper tells, and its gradient"
kind = "functions"
solution = "own.py"
sizes = {{ N = [12, 15], D = [3, 4], K = [4, 5] }}
inputs.x = "normal(N, D)"
inputs.w = "normal(K)"
inputs.dy = "normal(D)"
inputs.s = 2
{helped}
"""
PRODUCT = """\
checks = [{ name = "product", points = 2, compare = ["a.slope", "b.slope"], call = \'\'\'
a = Value(p)
b = Value(q)
c = a * b
c.back()\'\'\' }]
"""
SUMS = """
checks = [{ name = "sums", points = 4, call = "a, b, c, d = sums(x, W)", compare = ["a", "b", "c", "d"] }]
"""
HELPED = """
checks = [
    { name = "forward", points = 1, call = "y = forward(x, w, s)", compare = ["y"] },
    { name = "backward", points = 2, call = "dw = backward(x, w, dy, s)", compare = [
        "dw",
    ], gradient = { of = "sum(y * dy)", dw = "w" } },
]
"""
MODEL = """\
import numpy as np


def scaled(x, W):
    return x @ W + x


def less(x, W):
    return scaled(x, W) - x


class Value:
    def __init__(self, data, of=()):
        self.data, self.of, self.slope = data, of, 0.0

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def back(self):
        for value, slope in self.of:
            value.slope += slope


def later(state):
    state["m"]["W"] = 0.5 * state["m"]["W"]
    state["t"] += 1
    return state


def sums(x, W):
    mean = x @ W
    mean[0] -= 1
    mean /= len(x)
    a = np.sum(mean, axis=0)
    b = np.dot(x.T, mean)
    part = np.dot(mean, W)
    part[x <= 0] = 0
    c = np.sum(part, axis=0)
    d = np.dot(x.T, part)
    return a, b, c, d


def place(k, s):
    return k * s


def forward(x, w, s):
    y = np.zeros(x.shape[1])
    for k in range(len(w)):
        at = place(k, s)
        y += x[at] * w[k]
    return y


def backward(x, w, dy, s):
    dw = np.zeros(w.shape)
    for k in range(len(w)):
        at = place(k, s)
        dw[k] = x[at] @ dy
    return dw
"""

Told = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def told(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """``told(was, now, …)``: task, line and change of what is told of a changed model solution."""
    folder = tmp_path_factory.mktemp("own")
    assignment, model, path = (folder / name for name in ("assignment.toml", "own.py", "hw.py"))
    assignment.write_text(TASKS.format(product=PRODUCT, sums=SUMS, helped=HELPED), "utf-8")
    model.write_text(MODEL, "utf-8")
    session = Session(Settings(assignment=assignment, reference=folder, seed=3), workshop)

    def grade(*texts: str) -> list[tuple[str, str, str]]:
        text = MODEL
        for was, now in zip(texts[::2], texts[1::2], strict=True):
            assert was in text
            text = text.replace(was, now)
        path.write_text(text, "utf-8")
        tasks: tuple[TaskResult, ...] = session.grade(read_submission(path)).result.tasks
        assert len(tasks) == 6
        return [
            (task.task, one.source, one.fix) for task in tasks for one in task.findings if one.check
        ]

    return grade


def test_a_right_answer_has_nothing_told(told: Told) -> None:
    """Whatever its inputs are made of."""
    assert told("import numpy as np", "import numpy as np") == []


def test_a_mistake_is_the_same_one_in_every_task(told: Told) -> None:
    """Though a change elsewhere would mend one of them as well."""
    change = "return x @ W", "return x @ W + x"
    assert told("@ W + x", "@ W") == [("scaled", *change), ("less", *change)]


def test_what_an_operator_calls_is_looked_at(told: Told) -> None:
    """No name in the text calls it."""
    ((task, source, fix),) = told("(self, other.data)", "(self, self.data)")
    assert task == "product"
    assert source.startswith("return Value(self.data * other.data")
    assert fix == next(row.strip() for row in MODEL.split("\n") if "self.data * other" in row)


def test_a_wrong_step_of_a_deep_table_is_told(told: Told) -> None:
    """Changed text is run at all inputs at once."""
    line = 'state["m"]["W"] = 0.5 * state["m"]["W"]'
    ((task, source, fix),) = told("0.5 * state", "2 * state")
    assert (task, source, fix) == ("state", line.replace("0.5", "2"), line)


PATCHED = {
    "np.sum(mean, axis=0)": "np.mean(mean, axis=0)",
    "np.dot(x.T, mean)": "np.dot(x.T, mean) / len(x)",
    "np.dot(mean, W)": "np.dot(mean, W) * (x > 0) / len(x)",
}
"""What makes sums right one by one."""


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_a_step_that_is_missing_stands_for_lines_that_are_patched(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sum could be divided, and what is wrong besides hides that one step does as well."""
    search = repairs.proposals

    def patched(*asked: Any) -> tuple[list[Proposal], int]:
        searched, wanted = asked[3], asked[4]
        if searched.changed or wanted.kinds:
            return search(*asked)
        ((cell, text),) = searched.sources.items()
        rows = enumerate(text.split("\n"), 1)
        lines = {was: (n, row) for n, row in rows for was in PATCHED if was in row}
        return [
            Proposal(cell, "missing-factor", n, n, (row.replace(was, now),), n, 0, n, len(row))
            for was, now in PATCHED.items()
            for n, row in [lines[was]]
        ], 0

    monkeypatch.setattr(repairs, "proposals", patched)
    missing = ("    mean /= len(x)\n", "", "    part[x <= 0] = 0\n", "")
    found = [fix for _, _, fix in told(*missing)]
    assert found == ["mean /= len(x)", "part[x <= 0] = 0"]
    monkeypatch.setattr(repairs, "SEVERAL", 4)
    assert len(told(*missing)) == 3


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_the_helper_is_told_where_a_gradient_agrees_with_it(told: Told) -> None:
    """Both passes call it, so the gradient is right for the forward pass that is there."""
    ((task, source, _),) = told("return k * s", "return k")
    assert (task, source) == ("helped", "return k")
    ((task, source, _),) = told("y += x[at] *", "y += x[at // s] *")
    assert (task, source) == ("helped", "y += x[at // s] * w[k]")
