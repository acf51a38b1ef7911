"""Torch layers in plain lists: seen by the forward pass, not by the optimiser."""

from __future__ import annotations

import pytest
from said import codes, finding, states

pytestmark = pytest.mark.sample(6)

TASK = "regression-torch"

MODULE = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        {layers}

    def forward(self, x):
        return {output}

def train(model, X, y, epochs, lr):
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for epoch in range(epochs):
        loss = criterion(model(X).squeeze(), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""
HIDDEN = {
    "the first in a list": (
        "self.a = [nn.Linear(2, 2)]; self.b = nn.Linear(2, 1)",
        "self.b(self.a[0](x))",
    ),
    "the second in a dict": (
        "self.a = nn.Linear(2, 2); self.b = {'out': nn.Linear(2, 1)}",
        "self.b['out'](self.a(x))",
    ),
    "both in nested tuples": (
        "self.a = ((nn.Linear(2, 2),), [nn.Linear(2, 1)])",
        "self.a[1][0](self.a[0][0](x))",
    ),
}


@pytest.fixture
def module_of(torch_workshop):
    """The text of a submission with these layers."""
    return lambda layers, output: MODULE.format(layers=layers, output=output)


@pytest.mark.parametrize("name", HIDDEN)
def test_layers_in_plain_containers_are_named(diagnosed, module_of, name: str) -> None:
    """The forward pass is right on weights that are not among the parameters.

    Where there are no others, the optimizer stops, and that is reported too.
    """
    result = diagnosed(module_of(*HIDDEN[name]), TASK)
    assert codes(result) - {"crash"} == {"unregistered-parameters"}
    assert finding(result, "unregistered-parameters").check == "model"
    assert (states(result)["model"], states(result)["forward"]) == ("fail", "pass")


@pytest.mark.parametrize("name", ["the first in a list", "the second in a dict"])
def test_a_frozen_layer_costs_its_share_of_the_run(diagnosed, module_of, name: str) -> None:
    """The run in which that layer stands still fails for the same reason."""
    result = diagnosed(module_of(*HIDDEN[name]), TASK)
    (run,) = [check for check in result.checks if check.check == "trajectory"]
    assert run.causes == ("unregistered-parameters",)
    assert 0 < run.score < run.max_score


def test_a_module_list_is_right(diagnosed, module_of) -> None:
    """The twin: registered, all is well."""
    layers = "self.a = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])"
    result = diagnosed(module_of(layers, "self.a[1](self.a[0](x))"), TASK)
    assert (codes(result), result.score) == (set(), 20.0)


@pytest.mark.parametrize(
    ("layers", "output"),
    [
        ("self.a = nn.Linear(2, 3); self.b = nn.Linear(3, 1)", "self.b(self.a(x))"),
        ("self.b = nn.Linear(2, 1)", "self.b(x)"),
    ],
)
def test_other_layers_are_not_called_unregistered(diagnosed, module_of, layers, output) -> None:
    """Wrong sizes, and a layer that does not exist."""
    result = diagnosed(module_of(layers, output), TASK)
    assert states(result)["model"] == "fail"
    assert codes(result) <= {"wrong-constant"}


def test_a_layer_of_another_size_in_a_list_is_two_mistakes(diagnosed, module_of) -> None:
    """Each has its line, and both have to be mended."""
    layers = "self.a = [nn.Linear(2, 3)]; self.b = nn.Linear(3, 1)"
    result = diagnosed(module_of(layers, "self.b(self.a[0](x))"), TASK)
    assert states(result)["model"] == "fail"
    assert codes(result) == {"unregistered-parameters", "wrong-constant"}
    assert all(layers in each.source for each in result.findings)
