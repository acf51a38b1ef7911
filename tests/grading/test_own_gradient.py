"""What the gradient of a net earns that matches only the student's own wrong forward pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, script

from gradkit.grading import own_gradient

pytestmark = [pytest.mark.sample(18), pytest.mark.usefixtures("warm")]

NUMPY = """
import numpy as np


def initialise_parameters(dim):
    return {{
        "W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
        "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1)),
    }}


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def L_layer_forward(X, parameters):
    A1 = {hidden}
    return {output}, A1


def update_parameters(parameters, y, y_hat, A1, X):
    delta = y_hat - y
    hidden = {pulled} * parameters["W2"] * delta
    parameters["W2"] = parameters["W2"] - 0.001 * {factor} * A1 * delta
    parameters["b2"] = parameters["b2"] - 0.01 * delta
    parameters["W1"] = parameters["W1"] - 0.001 * X @ hidden.T
    parameters["b1"] = parameters["b1"] - 0.01 * hidden
"""
Z1 = 'parameters["W1"].T @ X + parameters["b1"]'
Z2 = 'sigmoid(parameters["W2"].T @ A1 + parameters["b2"])'
PARTS = {"hidden": f"sigmoid({Z1})", "output": Z2, "pulled": "A1 * (1 - A1)", "factor": "1"}
HALF = "right only for your own forward pass, which is wrong"


def text(**parts: str) -> str:
    """Return a numpy classification with some parts replaced."""
    return NUMPY.format(**{**PARTS, **parts})


def gradient(grade, folder: Path, source: str):
    """Return the gradient check of a numpy classification."""
    return checks(grade(script(folder, source, "hw.py"), "classification-numpy"))["gradient"]


def test_a_right_gradient_needs_no_second_comparison(grade, tmp_path: Path, monkeypatch) -> None:
    """The student's forward pass is only asked where forward and gradient fail."""
    monkeypatch.setattr(own_gradient, "with_own_forward", None)
    assert gradient(grade, tmp_path, text()).state == "pass"
    assert gradient(grade, tmp_path, text(factor="2")).state == "fail"


# A different output layer, whose loss has another gradient; the hidden layer is right.
SHIFTED = 'sigmoid(parameters["W2"].T @ A1 + 3 * parameters["b2"])'


def test_a_gradient_of_the_own_forward_pass_earns_half(grade, tmp_path: Path) -> None:
    """The output layer is wrong, and the hidden layer is right, so the pass is right in part."""
    own = text(output=SHIFTED).replace("0.01 * delta", "0.01 * 3 * delta")
    found = gradient(grade, tmp_path, own)
    # One array of four, b2, earns half of its share: 5 - 5/8, in quarters of a point.
    assert (found.state, found.max_score) == ("pass", 5)
    assert found.score == pytest.approx(5 - 5 / 8, abs=0.13)
    assert any(HALF in note for note in found.notes)
    assert "`b2`" in found.notes[0]


def test_a_gradient_of_neither_forward_pass_fails(grade, tmp_path: Path) -> None:
    """The wrong twin: a step that is twice as long as the own loss asks for."""
    own = text(output=SHIFTED, factor="2").replace("0.01 * delta", "0.01 * 3 * delta")
    found = gradient(grade, tmp_path, own)
    assert found.state == "fail"
    assert {entry.parameter for entry in found.entries if entry.state == "fail"} == {"W2"}
    assert any("`b2` is right only for your own forward pass" in note for note in found.notes)


def test_a_forward_pass_that_is_wrong_everywhere_earns_nothing(grade, tmp_path: Path) -> None:
    """It may be any function that is easy to differentiate."""
    own = text(hidden=Z1, pulled="1")
    found = gradient(grade, tmp_path, own)
    assert found.state == "fail"
    assert not any("own forward pass" in note for note in found.notes)


def test_a_forward_pass_that_stops_leaves_the_verdict(grade, tmp_path: Path, monkeypatch) -> None:
    """What it gives at the inputs that are judged is all there is to go by."""

    def stop(*_: object) -> None:
        raise own_gradient._StoppedError

    monkeypatch.setattr(own_gradient, "_outputs", stop)
    own = text(output=SHIFTED).replace("0.01 * delta", "0.01 * 3 * delta")
    found = gradient(grade, tmp_path, own)
    assert (found.state, found.notes) == ("fail", ())


TORCH = """
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, X):
        return {output}


def train(model, X, y, epochs, lr):
    optimiser = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = nn.BCELoss(){reduction}
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses
"""
MEAN = "(model(X).squeeze(), y.squeeze())"


def test_in_torch_a_model_that_is_wrong_everywhere_costs_its_mistake(grade, tmp_path: Path) -> None:
    """Its outputs are wrong at every input, so its gradient fails, for the mistake in the model."""
    pytest.importorskip("torch")
    wrong = "torch.sigmoid(self.last(torch.tanh(self.first(X))))"
    source = TORCH.format(output=wrong, reduction=MEAN)
    found = checks(grade(script(tmp_path, source, "hw.py"), "classification-torch"))["gradient"]
    assert (found.state, found.score) == ("fail", 3.5)
    assert found.causes
