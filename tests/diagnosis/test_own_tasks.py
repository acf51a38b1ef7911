"""What is told of an exercise of one's own: of several tasks, of operators, of deep inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
"""
PRODUCT = """\
checks = [{ name = "product", points = 2, compare = ["a.slope", "b.slope"], call = \'\'\'
a = Value(p)
b = Value(q)
c = a * b
c.back()\'\'\' }]
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
"""

Told = Callable[[str, str], list[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def told(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """``told(was, now)``: task, line and change of what is told of a changed model solution."""
    folder = tmp_path_factory.mktemp("own")
    assignment, model, path = (folder / name for name in ("assignment.toml", "own.py", "hw.py"))
    assignment.write_text(TASKS.format(product=PRODUCT), "utf-8")
    model.write_text(MODEL, "utf-8")
    session = Session(Settings(assignment=assignment, reference=folder, seed=3), workshop)

    def grade(was: str, now: str) -> list[tuple[str, str, str]]:
        assert was in MODEL
        path.write_text(MODEL.replace(was, now), "utf-8")
        tasks: tuple[TaskResult, ...] = session.grade(read_submission(path)).result.tasks
        assert len(tasks) == 4
        return [(task.task, one.source, one.fix) for task in tasks for one in task.findings]

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
