"""The formulas of a script, in plain numpy, give what the generic net gives."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.records.task import TORCH, Layer, Start, Task
from gradkit.reproducer.script import (
    ACTIVATIONS,
    LOSSES,
    expected,
    formulas,
    text_of,
)
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, mean_scale
from gradkit.task.probes import draw

TASK = read_assignment().tasks[0]


def deep(activation: str, output: str, loss: str, outputs: int) -> Task:
    """A task on three layers."""
    layers = (Layer(3, activation), Layer(4, "tanh"), Layer(outputs, output))
    shapes = network.parameter_shapes(2, layers)
    generator = np.random.default_rng(3)
    start = Start("random", {key: generator.normal(size=shape) for key, shape in shapes.items()})
    y = np.eye(outputs)[generator.integers(outputs, size=4)]
    y = y if loss == "cross_entropy" else np.round(generator.uniform(size=(4, outputs)))
    return replace(TASK, layers=layers, loss=loss, starts=(start,), y=y, framework=TORCH)


def run(text: str, **names: Any) -> dict[str, Any]:
    """The names that a script leaves."""
    space = {"np": np, **names}
    exec(text, space)
    return space


def test_every_activation_and_loss_has_a_formula() -> None:
    """None is left out, and none is there that a task cannot have."""
    assert set(ACTIVATIONS) == set(network.ACTIVATIONS)
    assert set(LOSSES) == set(network.LOSSES)


@pytest.mark.parametrize(
    ("activation", "output", "loss", "outputs"),
    [
        ("sigmoid", "linear", "squared_error", 1),
        ("relu", "sigmoid", "binary_cross_entropy", 2),
        ("tanh", "softmax", "cross_entropy", 3),
        ("linear", "tanh", "squared_error", 2),
    ],
)
def test_formulas_agree_with_the_net(activation: str, output: str, loss: str, outputs: int) -> None:
    """Output, hidden layer and loss of a batch of columns."""
    task = deep(activation, output, loss, outputs)
    p, X, y = dict(task.starts[0].parameters), task.X.T / 10, task.y.T
    space = run(text_of("formulas", **formulas(task)), X=X, y=y)
    stacked = {key: np.repeat(value[None], 4, 0) for key, value in p.items()}
    columns, targets = X.T[:, :, None], task.y[:, :, None]
    A, hidden = space["forward"](p, X)
    y_hat, A1 = network.forward(task.layers, stacked, columns)
    np.testing.assert_allclose(A, y_hat[:, :, 0].T, rtol=1e-13)
    np.testing.assert_allclose(hidden, A1[:, :, 0].T, rtol=1e-13)
    right = network.loss(task, stacked, columns, targets).mean()
    np.testing.assert_allclose(space["loss"](p), right, rtol=1e-13)


@pytest.mark.parametrize("name", ["regression-numpy", "classification-numpy"])
def test_a_step_by_differences_is_the_oracles(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the rounding of a difference times a rate."""
    task = next(each for each in read_assignment().tasks if each.id == name)
    oracle = Derived(task)
    batch = draw(task, 1, oracle.forward, takes_rate=False).update[0]
    after = oracle.update(batch.inputs)
    inputs = {key: value[0] for key, value in batch.inputs.items()}
    rates = {"W": task.rates.weight, "b": task.rates.bias}
    for key, value in after.items():
        for index in np.ndindex(value[0].shape):
            run(expected(task, entry=(key, index), rate=rates[key[0]]), given=inputs)
            printed = float(capsys.readouterr().out.removeprefix("expected "))
            assert printed == pytest.approx(value[0][index], abs=1e-11)


@pytest.mark.parametrize("name", ["regression-torch", "classification-torch"])
def test_training_by_differences_is_the_oracles(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Losses, and a parameter afterwards."""
    task = next(each for each in read_assignment().tasks if each.id == name)
    trained = Derived(task).train(replace(_first_run(task), epochs=4))
    given = {**task.starts[0].parameters, "X": task.X, "y": task.y}
    rate, scale = task.rates.weight, mean_scale(task)
    run(expected(task, epochs=4, rate=rate, scale=scale), given=given)
    printed = capsys.readouterr().out.removeprefix("expected ")
    np.testing.assert_allclose(json.loads(printed), trained["loss"], rtol=1e-8)
    run(expected(task, entry=("W1", (0, 1)), epochs=4, rate=rate, scale=scale), given=given)
    printed = capsys.readouterr().out.removeprefix("expected ")
    assert float(printed) == pytest.approx(trained["final/W1"][0, 1], rel=1e-8)


def _first_run(task: Task) -> Any:
    probes = draw(task, 0, Derived(task).forward, takes_rate=True)
    return next(run for run in probes.runs if run.check == "trajectory")
