"""The generic net: forward pass, losses, and gradients exact to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradkit.records.task import Layer, Task
from gradkit.truth import network
from gradkit.truth.assignment import read_assignment
from gradkit.truth.network import ACTIVATIONS, LOSSES, kink_distance, parameter_shapes

TASK = read_assignment().tasks[0]
OUTPUTS = {"squared_error": "linear", "binary_cross_entropy": "sigmoid", "cross_entropy": "softmax"}
STACKS = [
    (loss, hidden, sizes)
    for loss in LOSSES
    for hidden in ACTIVATIONS
    if hidden != "softmax"
    for sizes in ((2, 2, 1), (3, 4, 2), (2, 3, 2, 3), (2, 1))
]


def net(loss: str, hidden: str, sizes: tuple[int, ...]) -> Task:
    """A task of these layer sizes; its last activation suits the loss."""
    inner = [Layer(units, hidden) for units in sizes[1:-1]]
    layers = (*inner, Layer(sizes[-1], OUTPUTS[loss]))
    return replace(TASK, layers=layers, loss=loss)


def point(task: Task, features: int, seed: int, n: int = 3) -> tuple[dict, np.ndarray, np.ndarray]:
    """Parameters, X and y of n examples, away from kinks."""
    rng = np.random.default_rng(seed)
    shapes = parameter_shapes(features, task.layers)
    while True:
        parameters = {key: rng.normal(size=(n, *shape)) for key, shape in shapes.items()}
        X = rng.normal(size=(n, features, 1))
        if kink_distance(task.layers, parameters, X).min() > 1e-3:
            break
    outputs = task.layers[-1].units
    if task.loss == "cross_entropy":
        y = np.eye(outputs)[rng.integers(outputs, size=n)][:, :, None]
    elif task.loss == "binary_cross_entropy":
        y = rng.integers(0, 2, size=(n, outputs, 1)).astype(float)
    else:
        y = rng.normal(size=(n, outputs, 1))
    return parameters, X, y


@pytest.mark.parametrize(("loss", "hidden", "sizes"), STACKS)
def test_gradient_agrees_with_real_differences(loss, hidden, sizes) -> None:
    """Richardson-extrapolated central differences in every entry, for every stack of layers."""
    task = net(loss, hidden, sizes)
    parameters, X, y = point(task, sizes[0], seed=1)
    exact = network.gradient(task, parameters, X, y)
    for key, value in parameters.items():
        for index in np.ndindex(value.shape[1:]):
            slopes = []
            for h in (2e-4, 1e-4):
                ends = []
                for sign in (1, -1):
                    moved = {k: v.copy() for k, v in parameters.items()}
                    moved[key][(slice(None), *index)] += sign * h
                    ends.append(network.loss(task, moved, X, y))
                slopes.append((ends[0] - ends[1]) / (2 * h))
            estimate = (4 * slopes[1] - slopes[0]) / 3
            found = exact[key][(slice(None), *index)]
            assert np.allclose(found, estimate, rtol=1e-7, atol=1e-9), (key, index)


@pytest.mark.parametrize(("loss", "hidden", "sizes"), STACKS)
def test_gradient_agrees_with_torch(loss, hidden, sizes) -> None:
    """Autograd in float64 gives the same to 1e-12."""
    torch = pytest.importorskip("torch")
    task = net(loss, hidden, sizes)
    parameters, X, y = point(task, sizes[0], seed=2)
    exact = network.gradient(task, parameters, X, y)
    leaves = {key: torch.tensor(value, requires_grad=True) for key, value in parameters.items()}
    acts = {
        "linear": lambda z: z,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "softmax": lambda z: torch.softmax(z, dim=-2),
    }
    A = torch.tensor(X)
    for number, layer in enumerate(task.layers, 1):
        W, b = leaves[f"W{number}"], leaves[f"b{number}"]
        A = acts[layer.activation](W.transpose(-1, -2) @ A + b)
    t = torch.tensor(y)
    if loss == "squared_error":
        total = ((t - A) ** 2).sum()
    elif loss == "cross_entropy":
        total = -(t * torch.log(A)).sum()
    else:
        total = -(t * torch.log(A) + (1 - t) * torch.log(1 - A)).sum()
    total.backward()
    assert np.isclose(network.loss(task, parameters, X, y).sum(), total.item(), rtol=1e-13)
    for key, leaf in leaves.items():
        assert np.allclose(exact[key], leaf.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_gradient_is_the_published_correct_rule() -> None:
    """On 2-2-1 it is the rule that the exercise writes down, and not its index-swapped twin."""
    for seed in range(50):
        task = net("binary_cross_entropy", "sigmoid", (2, 2, 1))
        parameters, X, y = point(task, 2, seed, n=1)
        y_hat, A1 = network.forward(task.layers, parameters, X)
        found = network.gradient(task, parameters, X, y)
        d = -(y - y_hat)[0, 0, 0]
        back = d * parameters["W2"][0] * A1[0] * (1 - A1[0])
        right = {"W2": A1[0] * d, "b2": [[d]], "W1": X[0] @ back.T, "b1": back}
        assert all(np.allclose(found[key][0], right[key], rtol=1e-12) for key in right)
        assert not np.allclose(found["W1"][0], right["W1"].T, rtol=1e-3)


def test_hidden_is_what_enters_the_last_layer() -> None:
    """Of a deeper net too; of a single layer it is X itself."""
    task = net("squared_error", "tanh", (2, 3, 2, 1))
    parameters, X, _ = point(task, 2, 0)
    y_hat, hidden = network.forward(task.layers, parameters, X)
    assert hidden.shape == (3, 2, 1)
    last = np.swapaxes(parameters["W3"], 1, 2) @ hidden + parameters["b3"]
    assert np.array_equal(y_hat, last)
    single = net("squared_error", "linear", (2, 1))
    parameters, X, _ = point(single, 2, 0)
    assert network.forward(single.layers, parameters, X)[1] is X


def test_sigmoid_and_softmax_do_not_overflow() -> None:
    """Large arguments of either sign give 0 and 1, with no warning."""
    z = np.array([[-800.0], [800.0]])
    assert ACTIVATIONS["sigmoid"](z).ravel().tolist() == [0.0, 1.0]
    assert ACTIVATIONS["softmax"](z).ravel().tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("loss", "hidden", "sizes"), STACKS)
def test_rounding_units_bound_what_single_precision_loses(loss, hidden, sizes) -> None:
    """At a hundred points; and where outputs are linear some of them lose that much."""
    task = net(loss, hidden, sizes)
    drawn = [point(task, sizes[0], seed, n=1) for seed in range(100)]
    parameters = {
        key: np.concatenate([p[key] for p, _, _ in drawn]).astype(np.float32) for key in drawn[0][0]
    }
    X = np.concatenate([x for _, x, _ in drawn]).astype(np.float32)
    wide = {key: value.astype(float) for key, value in parameters.items()}
    exact = network.forward(task.layers, wide, X.astype(float))
    single = network.forward(task.layers, parameters, X)
    units = network.rounding_units(task.layers, parameters, X)
    for right, found, unit in zip(exact, single, units, strict=True):
        assert found.dtype == np.float32
        lost = np.abs(found - right) / np.finfo(np.float32).eps
        assert (lost <= 2 * np.maximum(unit, 1)).all()
        if loss == "squared_error" and found is single[0]:
            assert (lost / unit).max() > 0.02


def test_cancelling_sums_lose_more_than_their_own_size() -> None:
    """The units are those of the terms: 8 − 8 may be off by roundings of 8."""
    layers = (Layer(1, "linear"),)
    parameters = {"W1": np.array([[[1.0], [-1.0]]]), "b1": np.zeros((1, 1, 1))}
    output, hidden = network.rounding_units(layers, parameters, np.full((1, 2, 1), 8.0))
    assert output.tolist() == [[[32.0]]]
    assert hidden.tolist() == [[[8.0], [8.0]]]


def test_kink_distance_is_the_smallest_sum_before_a_relu() -> None:
    """Only relu has a kink; without one the distance is infinite."""
    layers = (Layer(2, "relu"), Layer(1, "linear"))
    parameters = {
        "W1": np.array([[[1.0, 0.0], [0.0, 1.0]]]),
        "b1": np.array([[[-0.25], [3.0]]]),
        "W2": np.ones((1, 2, 1)),
        "b2": np.zeros((1, 1, 1)),
    }
    X = np.array([[[0.5], [1.0]]])
    assert kink_distance(layers, parameters, X).tolist() == [0.25]
    assert kink_distance(TASK.layers, parameters, X).tolist() == [np.inf]


def test_shapes_are_canonical_and_in_order() -> None:
    """Weights (in, out), biases (out, 1), layer by layer."""
    shapes = parameter_shapes(3, (Layer(4, "tanh"), Layer(2, "linear")))
    assert list(shapes.items()) == [("W1", (3, 4)), ("b1", (4, 1)), ("W2", (4, 2)), ("b2", (2, 1))]
