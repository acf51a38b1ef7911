"""Answers by heart and answers that change: said where they are, and of nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gradkit.diagnosis.catalogue import MEMORISED, NONDETERMINISTIC, mistake
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result, TaskResult
from gradkit.report.data import render
from gradkit.report.text import to_text
from gradkit.sandbox import Workshop
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, expect
from gradkit.task.probes import TWICE, draw

pytestmark = [pytest.mark.sample(72), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]
TASKS = {task.id: task for task in read_assignment().tasks}

FORWARD = """
def linear_forward(A_prev, W, b):
    return W.T @ A_prev + b

def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters['W1'], parameters['b1'])
    return linear_forward(A1, parameters['W2'], parameters['b2']), A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    error = 2 * (y - y_hat)
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * error * A1
    parameters['b2'] = parameters['b2'] + 0.01 * error
    parameters['W1'] = parameters['W1'] + 0.001 * X @ (W2 * error).T
    parameters['b1'] = parameters['b1'] + 0.01 * W2 * error
"""
TORCH = """
import torch
import torch.nn as nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.last = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x):
        return self.last(self.hidden(x))
"""
TRAIN = """
def train(model, X, y, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses = []
    for epoch in range(epochs):
        loss = ((model(X) - y.reshape(-1, 1)) ** 2).LOSS
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
"""

Grade = Callable[..., TaskResult]


@pytest.fixture(scope="module")
def grade(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory):
    """``grade(task, source)`` gives the task's result."""
    folder = tmp_path_factory.mktemp("suspicion")
    with Session(Settings(no_reference=True), workshop) as session:

        def once(task: str, source: str, seed: int = 1, *, whole: bool = False):
            path = folder / "work.py"
            path.write_text("import numpy as np\n" + source, encoding="utf-8")
            session.settings = Settings(tasks=(task,), seed=seed, no_reference=True)
            result = session.check(path)
            return result if whole else result.tasks[0]

        yield once


def remarks(result: TaskResult) -> set[str]:
    """Codes of the remarks in a result, which never cost anything."""
    found = [finding for finding in result.findings if not finding.check]
    assert all(finding.deduction == 0 for finding in found)
    assert {mistake(finding.mistake).topic for finding in found} <= {"remarks"}
    return {finding.mistake for finding in found}


def published(task: str) -> dict[str, dict[str, object]]:
    """What the task's published start and data give."""
    oracle = Derived(TASKS[task])
    return expect(oracle, draw(TASKS[task], 0, oracle.forward, takes_rate=False))


def table_of_outputs() -> str:
    """A forward pass that knows the published outputs, and gives one of them to all others."""
    outputs = published("regression-numpy")["forward/published"]["y_hat"].ravel()
    rows = dict(zip(["8,8", "6,10", "7,9", "5,12"], map(float, outputs), strict=True))
    return f"""
KNOWN = {rows!r}

def L_layer_forward(X, parameters):
    key = ','.join(f'{{value:g}}' for value in X.ravel())
    return np.array([[KNOWN.get(key, KNOWN['8,8'])]]), np.array([[1.6], [1.6]])
"""


def final_parameters() -> str:
    """An update that sets everything to where the published run ends."""
    ends = published("regression-numpy")["run/published"]
    lines = [
        f"    parameters['{key}'] = np.array({ends[f'final/{key}'].tolist()!r})"
        for key in ("W1", "b1", "W2", "b2")
    ]
    return "def update_parameters(parameters, y, y_hat, A1, X):\n" + "\n".join(lines)


def list_of_losses() -> str:
    """A training function that returns the published losses."""
    losses = published("regression-torch")["run/published"]["loss"].tolist()
    return f"{TORCH}\ndef train(model, X, y, epochs):\n    return {losses!r}[:epochs]\n"


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(9)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_answers_by_heart_are_said(grade: Grade, seed: int) -> None:
    """A table of outputs with a default, copied parameters, a list of losses."""
    assert remarks(grade("regression-numpy", table_of_outputs() + UPDATE, seed)) == {MEMORISED}
    assert remarks(grade("regression-numpy", FORWARD + final_parameters(), seed)) == {MEMORISED}


def test_losses_by_heart_are_said(grade: Grade) -> None:
    """The published losses, from another start and on other data."""
    pytest.importorskip("torch")
    assert remarks(grade("regression-torch", list_of_losses())) == {MEMORISED}


def test_a_remark_changes_no_points(grade: Grade) -> None:
    """The check that fails loses what it would lose without the remark."""
    result = grade("regression-numpy", FORWARD + final_parameters())
    update = next(check for check in result.checks if check.check == "update")
    assert update.state == "fail"
    assert update.score == 0


HONEST = {
    "right": FORWARD + UPDATE,
    "swapped index": FORWARD + UPDATE.replace("X @ (W2 * error).T", "(W2 * error) @ X.T"),
    "constant, but none that is published": FORWARD.replace(
        "return linear_forward(A1, parameters['W2'], parameters['b2']), A1",
        "return np.zeros((1, 1)), A1",
    )
    + UPDATE,
    "not updated": FORWARD + "def update_parameters(parameters, y, y_hat, A1, X):\n    pass\n",
    "set to zero": FORWARD
    + "def update_parameters(parameters, y, y_hat, A1, X):\n"
    + "    for key in parameters:\n        parameters[key] = parameters[key] * 0.0\n",
    "bias forgotten": FORWARD.replace("W.T @ A_prev + b", "W.T @ A_prev") + UPDATE,
    "one weight for all": FORWARD.replace("parameters['W2'], ", "parameters['W2'] * 0, ") + UPDATE,
}


@pytest.mark.sample(27)
@pytest.mark.parametrize("name", HONEST)
def test_honest_code_is_not_accused(grade: Grade, name: str) -> None:
    """Right or wrong, what computes from its inputs is no answer by heart."""
    for seed in range(5):
        assert remarks(grade("regression-numpy", HONEST[name], seed)) == set()


@pytest.mark.parametrize(
    "change",
    [
        ("parameters['W2'] + 0.001", "parameters['W2'] + 1e-15 * np.random.rand(2, 1) + 0.001"),
        ("    W2 =", "    globals()['n'] = globals().get('n', 0) + 1\n    W2 ="),
    ],
)
def test_answers_that_change_are_said(grade: Grade, change: tuple[str, str]) -> None:
    """Even where every check passes; a counter that changes nothing is no matter."""
    result = grade("regression-numpy", FORWARD + UPDATE.replace(*change))
    random = "random" in change[1]
    assert remarks(result) == ({NONDETERMINISTIC} if random else set())
    assert result.score == (19.75 if result.checks[0].state != "pass" else 20)


def test_dropout_in_training_is_said(grade: Grade) -> None:
    """Two runs from one start that do not take the same course."""
    pytest.importorskip("torch")
    source = TORCH.replace("self.hidden(x)", "torch.dropout(self.hidden(x), 0.5, train=True)")
    train = TRAIN.replace("RATE", "0.001").replace("LOSS", "mean()")
    assert NONDETERMINISTIC in remarks(grade("regression-torch", source + train))
    assert remarks(grade("regression-torch", TORCH + train)) == set()


def test_rows_in_another_order_are_no_other_answer(grade: Grade) -> None:
    """All of them in one batch of a loader that shuffles: their mean loss differs in rounding."""
    pytest.importorskip("torch")
    train = """
from torch.utils.data import DataLoader, TensorDataset

def train(model, X, y, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        for rows, targets in DataLoader(TensorDataset(X, y), batch_size=len(X), shuffle=True):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(rows).reshape(targets.shape), targets)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    return losses
"""
    assert remarks(grade("regression-torch", TORCH + train)) == set()


@pytest.mark.parametrize(("loss", "noted"), [("mean()", False), ("sum() / 4", True)])
def test_a_number_of_rows_in_the_code(grade: Grade, loss: str, noted: bool) -> None:
    """Right on the assignment's four rows: full marks, and a note where it is for four only."""
    pytest.importorskip("torch")
    train = TRAIN.replace("RATE", "0.001").replace("LOSS", loss)
    result = grade("regression-torch", TORCH + train)
    assert result.score == 20
    notes = " ".join(result.checks[-1].notes)
    assert ("contain the number of rows, or of steps, as a constant" in notes) is noted


def test_students_do_not_see_it(grade: Grade) -> None:
    """Answers by heart are for a person to judge: below the highest level there is no word."""
    result: Result = grade("regression-numpy", table_of_outputs() + UPDATE, whole=True)
    for level in (1, 2, 3):
        assert MEMORISED not in render([result], level)
        assert "published answers" not in to_text([result], level)
    assert MEMORISED in render([result], 4)
    assert "The published answers are returned for every input" in to_text([result], 4)
    found = json.loads(render([result], 4))["tasks"][0]["findings"]
    assert [finding["check"] for finding in found if finding["mistake"] == MEMORISED] == [""]


def test_the_run_with_doubled_rows_is_asked() -> None:
    """It belongs to torch tasks; its losses are those of the task's own rows."""
    task = TASKS["regression-torch"]
    oracle = Derived(task)
    expected = expect(oracle, draw(task, 7, oracle.forward, takes_rate=False))
    assert expected[TWICE]["loss"] == pytest.approx(expected["run/other"]["loss"][:3])
