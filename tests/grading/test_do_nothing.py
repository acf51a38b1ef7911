"""A step that is not made earns nothing, in any check and whatever the diagnosis finds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from told import checks, script

from gradkit.records.result import Result
from gradkit.task.assignment import DEFAULT

pytestmark = pytest.mark.sample(96)

NUMPY = """
import numpy as np

def initialise_parameters(dim):
    return {{'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
            'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1))}}

def act(z):
    return {act}

def L_layer_forward(X, parameters):
    A1 = act(parameters['W1'].T @ X + parameters['b1'])
    return act(parameters['W2'].T @ A1 + parameters['b2']), A1

def right(parameters, y, y_hat, A1, X, scale=1.0):
    d2 = {error}
    d1 = parameters['W2'] * d2{slope}
    steps = {{'W1': {weight} * X @ d1.T, 'b1': {bias} * d1,
             'W2': {weight} * A1 * d2, 'b2': np.reshape({bias} * d2, (1, 1))}}
    return {{key: value - scale * steps[key] for key, value in parameters.items()}}
"""
PROBLEMS = {
    "regression-numpy": {"act": "z", "error": "2 * (y_hat - y)", "slope": ""},
    "classification-numpy": {
        "act": "1 / (1 + np.exp(-z))",
        "error": "y_hat - y",
        "slope": " * A1 * (1 - A1)",
    },
}
UPDATES = {
    "nothing at all": "    pass",
    "the same dict": "    return parameters",
    "copies": "    return {key: value.copy() for key, value in parameters.items()}",
    "copies in float32": (
        "    return {key: value.astype(np.float32) for key, value in parameters.items()}"
    ),
    "by zero": "    return right(parameters, y, y_hat, A1, X, 0.0)",
    "plus nothing": "    for key in parameters:\n        parameters[key] += 0 * parameters[key]",
    "a copy that is dropped": "    right({k: v.copy() for k, v in parameters.items()}, "
    "y, y_hat, A1, X)",
    "for published rows alone": (
        "    if np.all(X == np.round(X)):\n        return right(parameters, y, y_hat, A1, X)\n"
        "    return parameters"
    ),
    "for the published start alone": (
        "    if np.ptp(parameters['W1']) < 0.1:\n"
        "        return right(parameters, y, y_hat, A1, X)\n"
        "    return parameters"
    ),
    "to infinity": "    return {k: v + np.inf for k, v in parameters.items()}",
    "too little to be seen": "    return right(parameters, y, y_hat, A1, X, 1e-14)",
}


def text_of(task: str, update: str, weight: float, bias: float) -> str:
    """The whole submission."""
    head = NUMPY.format(**PROBLEMS[task], weight=weight, bias=bias)
    return f"{head}\ndef update_parameters(parameters, y, y_hat, A1, X):\n{update}\n"


def slow_rates(folder: Path, rate: float) -> Path:
    """The assignment of gradkit itself at another rate."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, folder)
    text = DEFAULT.read_text(encoding="utf-8")
    for weight, bias in (("0.001", "0.01"), ("0.001", "0.001"), ("0.01", "0.01")):
        text = text.replace(f"weight = {weight}, bias = {bias}", f"weight = {rate}, bias = {rate}")
    path = folder / "slow.toml"
    path.write_text(text, encoding="utf-8")
    return path


def of_steps(result: Result) -> float:
    """The points of all checks that are about steps."""
    found = checks(result)
    return sum(found[name].score for name in ("update", "gradient", "trajectory") if name in found)


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("task", PROBLEMS)
def test_an_update_that_does_nothing_earns_nothing(grade, tmp_path, task: str, name: str) -> None:
    """Not where a wrong trajectory follows from it either."""
    path = script(tmp_path, text_of(task, UPDATES[name], 0.001, 0.01))
    result = grade(path, task, diagnose=True)
    assert of_steps(result) == 0
    assert checks(result)["forward"].score == checks(result)["forward"].max_score


@pytest.mark.parametrize("rate", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("name", ["nothing at all", "copies in float32", "by zero"])
@pytest.mark.parametrize("task", PROBLEMS)
def test_nor_where_steps_are_small(grade, tmp_path, task: str, name: str, rate: float) -> None:
    """At rates of an assignment's own; numbers in float32 are held to no looser a rule."""
    path = script(tmp_path, text_of(task, UPDATES[name], rate, rate))
    result = grade(path, task, diagnose=True, assignment=slow_rates(tmp_path, rate))
    assert of_steps(result) == 0


@pytest.mark.parametrize("task", PROBLEMS)
def test_nor_where_the_rate_is_free(grade, tmp_path, task: str) -> None:
    """A hair's breadth up or down, which would be right at a rate of next to nothing."""
    assignment = slow_rates(tmp_path, 1e-3)
    text = assignment.read_text(encoding="utf-8").replace('"exact"', '"free"')
    assignment.write_text(text, encoding="utf-8")
    update = "    return {k: v * (1 + 1e-15 * np.sign(y - y_hat)) for k, v in parameters.items()}"
    path = script(tmp_path, text_of(task, update, 0.001, 0.01))
    assert of_steps(grade(path, task, diagnose=True, assignment=assignment, seed=3)) == 0


def test_small_steps_that_are_made_earn_everything(grade, tmp_path) -> None:
    """The twin, in float64 and, where it can hold them, in float32."""
    assignment = slow_rates(tmp_path, 1e-6)
    right = "    return right(parameters, y, y_hat, A1, X)"
    single = f"{right.replace('return', 'new =')}\n" + (
        "    return {key: value.astype(np.float32) for key, value in new.items()}"
    )
    for task in PROBLEMS:
        path = script(tmp_path, text_of(task, right, 1e-6, 1e-6))
        assert checks(grade(path, task, assignment=assignment))["update"].state == "pass"
    path = script(tmp_path, text_of("regression-numpy", single, 1e-6, 1e-6))
    assert checks(grade(path, "regression-numpy", assignment=assignment))["update"].state == "pass"


def test_what_is_never_updated_is_missing_from_what_follows(grade, tmp_path) -> None:
    """The bias of the output alone: its share of the update, and no more of the trajectory."""
    update = (
        "    parameters['b2'] = right(parameters, y, y_hat, A1, X)['b2']\n    return parameters"
    )
    path = script(tmp_path, text_of("regression-numpy", update, 0.001, 0.01))
    found = checks(grade(path, "regression-numpy", diagnose=True))
    assert found["update"].score == 0.75  # the quarter next to 6 / 9
    assert found["trajectory"].causes == ("not-updated",)
    assert found["trajectory"].score == 0.5  # the quarter next to 4 / 9


TORCH = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.output = nn.Linear(2, 2), nn.Linear(2, 1)

    def forward(self, x):
        return self.output(self.hidden(x))

def train(model, X, y, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = ((model(X)[:, 0] - y) ** 2).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""
LOOPS = {
    "no step": ("        optimizer.step()\n", ""),
    "gradients cleared before the step": (
        "        optimizer.step()",
        "        optimizer.zero_grad()\n        optimizer.step()",
    ),
    "a rate of nothing": ("lr=lr", "lr=0.0"),
    "a rate of next to nothing": ("lr=lr", "lr=1e-12"),
    "losses only": (
        "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n",
        "",
    ),
    "for published rows alone": (
        "        optimizer.step()",
        "        if (X == X.round()).all():\n            optimizer.step()",
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_that_does_nothing_earns_nothing(grade, tmp_path, name: str) -> None:
    """Though its first loss is right, and what is missing is named."""
    pytest.importorskip("torch")
    assert LOOPS[name][0] in TORCH
    path = script(tmp_path, TORCH.replace(*LOOPS[name]), "regression_torch.py")
    for seed in range(3):
        assert of_steps(grade(path, "regression-torch", seed=seed, diagnose=True)) == 0, seed


@pytest.mark.parametrize("units", [1, 16, 64])
@pytest.mark.parametrize("task", ["regression-torch", "classification-torch"])
@pytest.mark.parametrize("policy", ["exact", "free"])
def test_nor_one_that_moves_by_a_few_units_of_rounding(
    grade, tmp_path, policy: str, task: str, units: int
) -> None:
    """Whatever its rate may be; the losses that it gives are level."""
    pytest.importorskip("torch")
    assignment = slow_rates(tmp_path, 1e-3)
    text = DEFAULT.read_text(encoding="utf-8").replace('"exact"', f'"{policy}"')
    assignment.write_text(text, encoding="utf-8")
    loss = "((model(X)[:, 0] - y) ** 2).mean()"
    model = TORCH
    if task == "classification-torch":
        loss = "nn.functional.binary_cross_entropy(model(X)[:, 0], y)"
        model = model.replace(
            "self.output(self.hidden(x))", "self.output(self.hidden(x).sigmoid()).sigmoid()"
        )
    loop = f"""
    level = {loss}.item()
    with torch.no_grad():
        sign = torch.sign((y - model(X)[:, 0]).mean())
        for p in model.parameters():
            p += {units} * 6e-8 * sign * p.abs().clamp(min=0.1) / epochs
    return [level] * epochs
"""
    head, _, _ = model.partition("    optimizer =")
    path = script(tmp_path, head + loop, f"{task.replace('-', '_')}.py")
    assert of_steps(grade(path, task, seed=3, diagnose=True, assignment=assignment)) == 0
