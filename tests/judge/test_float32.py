"""Steps in single precision: those of honest arithmetic pass, crude differences do not.

A step that is stored in float32 is known by its digits, and held to what float32 loses.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cases import TASKS, case
from msgspec.structs import replace
from soak import SIZE

from gradkit.judge import judge
from gradkit.judge.gradient import gradient as judge_gradient
from gradkit.records.task import Task
from gradkit.task import network
from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(36)

EXERCISES = Path(__file__).parents[1] / "exercises"
NETS: dict[str, Task] = {
    **{name: task for name, task in TASKS.items() if not task.framework.trains},
    **{
        folder: next(
            task
            for task in read_assignment(EXERCISES / folder / "assignment.toml").tasks
            if not task.framework.trains
        )
        for folder in ("softmax_classifier", "tanh_regression")
    },
}
ACTIVATIONS: dict[str, Callable] = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
}
DERIVATIVES: dict[str, Callable] = {
    "linear": np.ones_like,
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
}


def forward(task: Task, p: dict, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In whatever precision the parameters are."""
    A1 = ACTIVATIONS[task.layers[0].activation](p["W1"].T @ X + p["b1"])
    return ACTIVATIONS[task.layers[1].activation](p["W2"].T @ A1 + p["b2"]), A1


def slopes(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """The gradient by hand, in the precision of what goes in."""
    d2 = y_hat - y if task.loss != "squared_error" else 2 * (y_hat - y)
    d1 = (p["W2"] @ d2) * DERIVATIVES[task.layers[0].activation](A1)
    return {"W1": X @ d1.T, "b1": d1, "W2": A1 @ d2.T, "b2": d2}


def single(value: np.ndarray) -> np.ndarray:
    """Cast to float32."""
    return np.asarray(value, np.float32)


def all_of_it(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """Everything in float32."""
    p, args = {key: single(value) for key, value in p.items()}, map(single, (y, y_hat, A1, X))
    return stepped(task, p, slopes(task, p, *args), np.float32)


def with_own_forward(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """Everything in float32, and the forward pass made once more."""
    p = {key: single(value) for key, value in p.items()}
    y_hat, A1 = forward(task, p, single(X))
    return stepped(task, p, slopes(task, p, single(y), y_hat, A1, single(X)), np.float32)


def inputs_alone(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """Inputs in float32, parameters stored so in the end."""
    found = stepped(task, p, slopes(task, p, *map(single, (y, y_hat, A1, X))), float)
    return {key: single(value) for key, value in found.items()}


def stored(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """In float64, and cast in the end."""
    found = stepped(task, p, slopes(task, p, y, y_hat, A1, X), float)
    return {key: single(value) for key, value in found.items()}


def cast_and_back(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
    """Its type is float64 again; its digits are not."""
    return {k: v.astype(float) for k, v in stored(task, p, y, y_hat, A1, X).items()}


def differences(h: float) -> Callable:
    """Forward differences of the loss with step h, cast to float32."""

    def step(task: Task, p: dict, y, y_hat, A1, X) -> dict[str, np.ndarray]:
        entries = [(key, i) for key, value in p.items() for i in np.ndindex(value.shape)]
        moved = {k: np.repeat(v[None], len(entries) + 1, 0) for k, v in p.items()}
        for number, (key, index) in enumerate(entries):
            moved[key][(number, *index)] += h
        losses = network.loss(task, moved, X[None], y[None])
        slope = {key: np.zeros_like(value) for key, value in p.items()}
        for number, (key, index) in enumerate(entries):
            slope[key][index] = (losses[number] - losses[-1]) / h
        return {k: single(v) for k, v in stepped(task, p, slope, float).items()}

    return step


def stepped(task: Task, p: dict, slope: dict, kind: type) -> dict[str, np.ndarray]:
    """A step down these slopes, at rates of this kind of number."""
    rates = {"W": kind(task.rates.weight), "b": kind(task.rates.bias)}
    return {key: value - rates[key[0]] * slope[key] for key, value in p.items()}


def verdicts(task: Task, step: Callable, seed: int):
    """The checks of single steps, where every call steps like this."""
    made = case(task=task, seed=seed)
    (batch,) = made.probes.update
    keys = task.starts[0].parameters
    after = [
        step(
            task,
            {key: batch.inputs[key][n] for key in keys},
            *(batch.inputs[name][n] for name in ("y", "y_hat", "A1", "X")),
        )
        for n in range(len(batch.labels))
    ]
    outcome = made.observations.outcomes[batch.name]
    outputs = {key: np.stack([each[key] for each in after]) for key in keys}
    outcomes = {**made.observations.outcomes, batch.name: replace(outcome, outputs=outputs)}
    made = replace(made, observations=replace(made.observations, outcomes=outcomes))
    (judged,) = judge(made, ("update",))
    return judged, judge_gradient(made, {"update": judged})


HONEST = (all_of_it, with_own_forward, inputs_alone, stored, cast_and_back)


@pytest.mark.parametrize("step", HONEST, ids=lambda step: step.__name__)
@pytest.mark.parametrize("net", NETS)
def test_honest_single_precision_passes(net: str, step: Callable) -> None:
    """Wherever on the way it is."""
    for seed in range(3):
        states = [verdict.state for verdict in verdicts(NETS[net], step, seed)]
        assert states == ["pass", "pass"], seed


@pytest.mark.slow
@pytest.mark.parametrize("step", HONEST, ids=lambda step: step.__name__)
@pytest.mark.parametrize("net", NETS)
def test_honest_single_precision_passes_on_many_seeds(net: str, step: Callable) -> None:
    """The same."""
    for seed in range(40 * SIZE):
        states = [verdict.state for verdict in verdicts(NETS[net], step, 5000 + seed)]
        assert states == ["pass", "pass"], seed


@pytest.mark.parametrize("h", [1e-4, 1e-5])
@pytest.mark.parametrize("net", NETS)
def test_crude_differences_in_single_precision_do_not_pass(net: str, h: float) -> None:
    """What they are off by is more than float32 loses, by all of its digits."""
    for seed in range(10):
        update, _ = verdicts(NETS[net], differences(h), seed)
        assert update.state == "fail", seed


@pytest.mark.parametrize("net", NETS)
def test_crude_differences_are_off_in_most_entries(net: str) -> None:
    """At the usual step of 1e-4; of these what a small slope hides is fewer than half."""
    for seed in range(10):
        update, gradient = verdicts(NETS[net], differences(1e-4), seed)
        # The gradient check looks at a few probes, in none of which an old value is small.
        assert gradient.state == "fail" or net == "classification-numpy"
        failed = sum(entry.state == "fail" for entry in update.entries)
        assert failed > len(update.entries) / 2, seed


def test_the_cast_alone_makes_no_difference() -> None:
    """The same differences fail in float64 too, as they always did."""
    task = NETS["regression-numpy"]
    crude = differences(1e-4)
    update, _ = verdicts(task, lambda *asked: {k: v + 1e-12 for k, v in crude(*asked).items()}, 0)
    assert update.state == "fail"
