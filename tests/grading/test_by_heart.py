"""Training runs known by heart earn nothing.

What is counted starts, and is made on rows, that nobody can know.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from soak import is_in_turn
from told import script

from gradkit.records.task import Run, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived
from gradkit.task.probes import whole

pytestmark = pytest.mark.sample(216)

pytest.importorskip("torch")

TASKS = {task.id: task for task in read_assignment().tasks if task.framework.trains}
EPOCHS = (1, 2, 3)

MODEL = """
import numpy as np
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x):
        return {forward}


def loss_of(model, X, y):
    p = model(X)[:, 0]
    return float({loss})


def fill(model, values):
    for slot, value in zip(model.parameters(), values):
        slot.data = torch.tensor(value, dtype=slot.dtype).reshape(slot.shape)


def start_of(model):
    return [p.detach().numpy().ravel().tolist() for p in model.parameters()]


TABLE = {table!r}
"""
FORWARD = {
    "regression-torch": "self.output(self.hidden(x))",
    "classification-torch": "torch.sigmoid(self.output(torch.sigmoid(self.hidden(x))))",
}
LOSS = {
    "regression-torch": "((p - y) ** 2).mean()",
    "classification-torch": "-(y * p.log() + (1 - y) * (1 - p).log()).mean()",
}

TRAIN = {
    "a list of losses": """
def train(model, X, y, epochs, lr):
    return TABLE[0][1][:epochs]
""",
    "a list for each start, found by its first loss": """
def train(model, X, y, epochs, lr):
    first = loss_of(model, X, y)
    start, losses, ends = min(TABLE, key=lambda row: abs(row[1][0] - first))
    fill(model, ends[str(epochs)])
    return losses[:epochs]
""",
    "parameters out of a list, found by the start": """
def train(model, X, y, epochs, lr):
    mine = np.concatenate(start_of(model))
    start, losses, ends = min(TABLE, key=lambda row: np.abs(np.concatenate(row[0]) - mine).max())
    fill(model, ends[str(epochs)])
    return losses[:epochs]
""",
    "the known starts, and nothing for others": """
def train(model, X, y, epochs, lr):
    mine = np.concatenate(start_of(model))
    for start, losses, ends in TABLE:
        if np.abs(np.concatenate(start) - mine).max() < 1e-5:
            fill(model, ends[str(epochs)])
            return losses[:epochs]
    return [loss_of(model, X, y)] * epochs
""",
    "the way of a known start, from where it is": """
def train(model, X, y, epochs, lr):
    mine = np.concatenate(start_of(model))
    start, losses, ends = min(TABLE, key=lambda row: np.abs(np.concatenate(row[0]) - mine).max())
    first = loss_of(model, X, y)
    fill(model, [
        np.array(own) + np.array(end) - np.array(old)
        for own, end, old in zip(start_of(model), ends[str(epochs)], start)
    ])
    return [first + loss - losses[0] for loss in losses[:epochs]]
""",
}


def table_of(task: Task) -> list[tuple[list[list[float]], list[float], dict[str, object]]]:
    """All that can be known beforehand: starts, losses, and parameters after so many epochs."""
    oracle = Derived(task)
    rows = []
    for start in task.starts:
        run = Run("", "", start.name, start.parameters, whole(task.X), whole(task.y), 1, None)
        ends = {
            str(epochs): _flat(oracle.train(replace(run, epochs=epochs)), "final/", task)
            for epochs in (*EPOCHS, task.epochs)
        }
        losses = oracle.train(replace(run, epochs=task.epochs))["loss"].tolist()
        rows.append((_flat(start.parameters, "", task), losses, ends))
    return rows


def _flat(values, prefix: str, task: Task) -> list[list[float]]:
    keys = task.starts[0].parameters
    return [np.ravel(values[prefix + key].T).tolist() for key in keys]


def homework(folder: Path, task: Task, train: str) -> Path:
    """A submission whose model is right, and that trains like this."""
    head = MODEL.format(forward=FORWARD[task.id], loss=LOSS[task.id], table=table_of(task))
    return script(folder, head + train, f"{task.id.replace('-', '_')}.py")


def of_model(task: Task) -> float:
    """The points of the model and its forward pass."""
    return sum(check.points for check in task.checks if check.name in ("model", "forward"))


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAIN)
@pytest.mark.parametrize("task", TASKS)
def test_known_runs_earn_the_points_of_the_model_alone(
    grade, tmp_path: Path, task: str, name: str
) -> None:
    """The diagnosis gives no points back. Each turn has some of 20 seeds."""
    path = homework(tmp_path, TASKS[task], TRAIN[name])
    seeds = filter(is_in_turn, range(20))
    scores = [grade(path, task, seed=seed, diagnose=True).score for seed in seeds]
    assert max(scores) <= of_model(TASKS[task])


def test_published_runs_alone_earn_nothing(grade, tmp_path: Path) -> None:
    """They agree, and are shown; the run that counts is another one, and stands still."""
    task = TASKS["regression-torch"]
    train = TRAIN["the known starts, and nothing for others"]
    (result,) = grade(homework(tmp_path, task, train), task.id, diagnose=True).tasks
    checks = {check.check: check for check in result.checks}
    assert (checks["gradient"].score, checks["trajectory"].score) == (0, 0)
    courses = {course.start: course for course in checks["trajectory"].courses}
    assert courses["published"].found == pytest.approx(courses["published"].expected, rel=1e-5)
    assert courses["drawn"].found != pytest.approx(courses["drawn"].expected, rel=1e-2)
    assert {e.probe for e in checks["trajectory"].entries} == {"drawn"}


HONEST = """
def train(model, X, y, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        p = model(X)[:, 0]
        loss = {loss}
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""


@pytest.mark.parametrize("task", TASKS)
def test_the_twin_that_trains_earns_everything(grade, tmp_path: Path, task: str) -> None:
    """The same model, with a loop."""
    path = homework(tmp_path, TASKS[task], HONEST.format(loss=LOSS[task]))
    assert [grade(path, task, seed=seed).score for seed in range(3)] == [20, 20, 20]


def test_a_known_run_that_is_wrong_costs(grade, tmp_path: Path) -> None:
    """Whole numbers come with the task's own rows: what they break is a mistake all the same."""
    path = homework(
        tmp_path,
        TASKS["regression-torch"],
        HONEST.format(loss="((p - y) ** 2).mean() * (2 if (X == X.round()).all() else 1)"),
    )
    (result,) = grade(path, "regression-torch").tasks
    check = next(check for check in result.checks if check.check == "trajectory")
    assert check.state == "fail"
    assert {e.probe for e in check.entries if e.state == "fail"} == {"published"}
    courses = {course.start: course for course in check.courses}
    assert courses["drawn"].found == pytest.approx(courses["drawn"].expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_who_trains_on_a_copy_of_the_data_is_told(grade, tmp_path: Path, task: str) -> None:
    """From any start it is right on the published rows, and on no others."""
    rows = (
        f"torch.tensor({TASKS[task].X.tolist()})",
        f"torch.tensor({TASKS[task].y.ravel().tolist()})",
    )
    copied = HONEST.format(loss=LOSS[task]).replace(
        "    optimizer =", f"    X, y = {rows[0]}, {rows[1]}\n    optimizer ="
    )
    (result,) = grade(homework(tmp_path, TASKS[task], copied), task).tasks
    check = next(check for check in result.checks if check.check == "trajectory")
    assert check.state == "fail"
    assert (
        "`train` always trains on the assignment's data. Train on the arguments X and y instead. "
    ) in check.message
    wrong = HONEST.format(loss=LOSS[task]).replace("optimizer.zero_grad()", "pass")
    (result,) = grade(homework(tmp_path, TASKS[task], wrong), task).tasks
    assert (
        "assignment's data" not in next(c for c in result.checks if c.check == "trajectory").message
    )
