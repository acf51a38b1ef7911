"""A top-level torch loop whose optimiser was given the parameters of named layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import full, not_passed, script, states

pytestmark = pytest.mark.sample(18)

pytest.importorskip("torch")

START = """
import torch
from torch import nn
X = torch.tensor([[8, 8], [7, 9], [6, 10], [5, 5]], dtype=torch.float32)
y = torch.tensor([1, 1, 0, 0], dtype=torch.float32)
hidden = nn.Linear(2, 2)
output = nn.Linear(2, 1)
model = nn.Sequential(hidden, nn.Sigmoid(), output, nn.Sigmoid())
loss_fn = nn.BCELoss()
"""
LISTED = START.replace(
    "model = nn.Sequential(hidden, nn.Sigmoid(), output, nn.Sigmoid())",
    "layers = [hidden, nn.Sigmoid(), output, nn.Sigmoid()]\nmodel = nn.Sequential(*layers)",
)
LOOP = """
for epoch in range(100):
    loss = loss_fn(model(X).squeeze(), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
BY_HAND = """
for epoch in range(100):
    loss = loss_fn(model(X).squeeze(), y)
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for layer in (hidden, output):
            layer.weight -= 0.01 * layer.weight.grad
            layer.bias -= 0.01 * layer.bias.grad
"""

PARAMETERS = "[*hidden.parameters(), *output.parameters()]"
GROUPS = '[{"params": hidden.parameters()}, {"params": output.parameters()}]'
OF_LIST = "[p for layer in layers for p in layer.parameters()]"


def with_optimizer(start: str, parameters: str) -> str:
    """Return a submission whose optimiser moves some parameters."""
    return f"{start}optimizer = torch.optim.SGD({parameters}, lr=0.01)\n{LOOP}"


RIGHT = {
    "layers": with_optimizer(START, PARAMETERS),
    "groups": with_optimizer(START, GROUPS),
    "list of layers": with_optimizer(LISTED, OF_LIST),
    "manual steps": START + BY_HAND,
}
WRONG = {
    "layers": (PARAMETERS, "[*hidden.parameters()]"),
    "groups": ('{"params": output.parameters()}', '{"params": output.parameters(), "lr": 0.1}'),
    "list of layers": ("for layer in layers for", "for layer in layers[1:] for"),
    "manual steps": ("(hidden, output)", "(output,)"),
}


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("way", RIGHT)
def test_the_layers_of_the_model_are_trained(grade, tmp_path: Path, way: str) -> None:
    """The model that the loop trains is the one with these layers, not a copy of it."""
    for seed in (3, 4, 5):
        result = grade(script(tmp_path, RIGHT[way]), "classification-torch", seed=seed)
        assert full(result), not_passed(result)


@pytest.mark.parametrize("way", RIGHT)
def test_layers_that_are_left_out_do_not_move(grade, tmp_path: Path, way: str) -> None:
    """The wrong twin leaves a layer out, or moves one by another rate."""
    right, wrong = WRONG[way]
    assert right in RIGHT[way]
    text = RIGHT[way].replace(right, wrong)
    result = grade(script(tmp_path, text), "classification-torch", seed=3)
    assert states(result)["trajectory"] == "fail"
    assert states(result)["forward"] == "pass"


def test_two_models_of_one_name(grade, tmp_path: Path) -> None:
    """The loop trains the model that has the name at the loop, with the layers of that model."""
    first = START.replace("nn.Sigmoid(), output", "nn.Tanh(), output")
    text = f"{first}\nprint(model)\n{with_optimizer(START, PARAMETERS)}"
    result = grade(script(tmp_path, text), "classification-torch", seed=3)
    assert full(result), not_passed(result)
