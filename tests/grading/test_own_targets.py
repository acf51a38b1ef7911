"""Targets that are read from a file that is not here: flat or a column, as the code has them."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, full, not_passed, script

pytestmark = pytest.mark.sample(9)

TEXT = """
import numpy as np
import pandas as pd
import torch
from torch import nn

df = pd.read_csv("placement.csv")
X = torch.tensor(df[["cgpa", "resume_score"]].values, dtype=torch.float32)
{targets}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))

    def forward(self, x):
        return self.layers(x)

model = Net()
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(20):
    optimizer.zero_grad()
    loss = loss_fn({predictions}, y)
    loss.backward()
    optimizer.step()
"""
ONE = "y = torch.tensor(df['lpa'].values, dtype=torch.float32)"
LOAD = """
def load():
    data = np.loadtxt("placement.csv", delimiter=",", skiprows=1)
    return torch.tensor(data[:, :2]).float(), torch.tensor(data[:, 2:]).float()

X, y = load()
"""


@pytest.mark.parametrize(
    ("targets", "predictions"),
    [
        (ONE, "model(X).squeeze()"),
        (f"{ONE}\ny = y.reshape(-1, 1)", "model(X)"),
        (f"{ONE}.view(-1, 1)", "model(X)"),
        (ONE.replace("['lpa']", "[['lpa']]"), "model(X)"),
        (ONE.replace("df['lpa']", "df.iloc[:, 2:]"), "model(X)"),
        (LOAD, "model(X)"),
    ],
)
def test_what_lies_as_the_predictions_is_right(
    grade, tmp_path: Path, targets: str, predictions: str
) -> None:
    """The loop is handed targets as it makes them itself."""
    text = TEXT.format(targets=targets, predictions=predictions)
    result = grade(script(tmp_path, text), "regression-torch")
    assert full(result), not_passed(result)


def test_what_the_text_has_flat_is_flat(grade, tmp_path: Path) -> None:
    """Compared with a column of predictions each is compared with each."""
    path = script(tmp_path, TEXT.format(targets=ONE, predictions="model(X)"))
    result = grade(path, "regression-torch", diagnose=True)
    assert checks(result)["trajectory"].state == "fail"
    assert [each.mistake for each in result.tasks[0].findings] == ["broadcast-target"]


FUNCTION = (
    TEXT[: TEXT.index("model = ")].replace("{targets}", "")
    + """
def train(model, X, y, epochs=20, lr=0.001):
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for epoch in range(epochs):
        optimizer.zero_grad()
        loss = loss_fn(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

if __name__ == "__main__":
    X = torch.rand(4, 2)
    y = torch.tensor({numbers})
    train(Net(), X, y)
"""
)


def test_what_is_written_out_flat_is_flat(grade, tmp_path: Path) -> None:
    """Where the file is run as a program, too; a column is one."""
    path = script(tmp_path, FUNCTION.format(numbers="[4.0, 6.0, 5.0, 7.0]"))
    result = grade(path, "regression-torch", diagnose=True)
    assert [each.mistake for each in result.tasks[0].findings] == ["broadcast-target"]
    path = script(tmp_path, FUNCTION.format(numbers="[[4.0], [6.0], [5.0], [7.0]]"))
    assert full(grade(path, "regression-torch"))
