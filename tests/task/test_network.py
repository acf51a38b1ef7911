"""The generic net: forward pass, losses, and gradients exact to rounding."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.records.task import Layer, Task
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.network import (
    ACTIVATIONS,
    LOSSES,
    Activation,
    kink_distance,
    parameter_shapes,
    pull_back,
)

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


# The same functions of complex numbers, each analytic off its kink, written apart from gradkit's.
ANALYTIC = {
    "linear": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.where(z.real > 0, z, 0),
    "softmax": lambda z: np.exp(z) / np.exp(z).sum(axis=-2, keepdims=True),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "leaky_relu": lambda z: np.where(z.real > 0, z, 0.01 * z),
}
ANALYTIC_LOSSES = {
    "squared_error": lambda y, a: ((y - a) ** 2).sum(axis=(-2, -1)),
    "binary_cross_entropy": lambda y, a: (
        -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(axis=(-2, -1))
    ),
    "cross_entropy": lambda y, a: -(y * np.log(a)).sum(axis=(-2, -1)),
}


def by_complex_step(task: Task, parameters: dict, X: np.ndarray, y: np.ndarray) -> dict:
    """f'(x) = Im f(x + ih) / h, to rounding (Squire and Trapp, SIAM Review 40, 1998)."""
    found = {}
    for key, value in parameters.items():
        found[key] = np.empty(value.shape)
        for index in np.ndindex(value.shape[1:]):
            moved = {k: v.astype(complex) for k, v in parameters.items()}
            moved[key][(slice(None), *index)] += 1e-30j
            A = X
            for number, layer in enumerate(task.layers, 1):
                z = np.swapaxes(moved[f"W{number}"], -1, -2) @ A + moved[f"b{number}"]
                A = ANALYTIC[layer.activation](z)
            value_at = ANALYTIC_LOSSES[task.loss](y, A)
            found[key][(slice(None), *index)] = value_at.imag / 1e-30
    return found


@pytest.mark.parametrize(("loss", "hidden", "sizes"), STACKS)
def test_gradient_agrees_with_the_complex_step(loss, hidden, sizes) -> None:
    """To rounding, in every entry."""
    task = net(loss, hidden, sizes)
    parameters, X, y = point(task, sizes[0], seed=3)
    exact = network.gradient(task, parameters, X, y)
    for key, found in by_complex_step(task, parameters, X, y).items():
        assert np.allclose(exact[key], found, rtol=1e-11, atol=1e-13 * np.abs(found).max()), key


@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_every_activation_has_its_slope(hidden: str) -> None:
    """Pulled back through it, a slope is what differences say: softmax's and all others'."""
    own = ACTIVATIONS[hidden]
    rng = np.random.default_rng(5)
    z, by_a = rng.normal(size=(2, 40, 4, 1))
    found = pull_back(own, z, own.value(z), by_a)
    for unit in range(4):
        move = 1e-6 * np.eye(4)[unit][:, None]
        ends = [(by_a * own.value(z + side * move)).sum(axis=(1, 2)) for side in (1, -1)]
        assert np.allclose(found[:, unit, 0], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-8)
    assert (own.value(z) >= own.low).all()
    assert (own.value(z) <= own.high).all()
    if own.slope is not None:
        wide = rng.normal(size=(1000, 1)) * 5
        assert np.abs(own.slope(own.value(wide))).max() <= own.steepest


def test_an_activation_without_a_slope_is_refused() -> None:
    """Nothing can be pulled back through it."""
    bare = Activation(value=np.sin, numpy="np.sin(Z)")
    with pytest.raises(TypeError, match="needs a slope or a pull_back; this one has neither"):
        pull_back(bare, np.ones(1), np.ones(1), np.ones(1))


def test_examples_in_columns_are_summed() -> None:
    """One parameter for all of them: the loss and the gradient are the sums of the single ones."""
    task = net("cross_entropy", "tanh", (3, 4, 3))
    parameters, X, y = point(task, 3, 1, n=5)
    one = {key: value[0] for key, value in parameters.items()}
    each = {key: np.repeat(value[None], 5, axis=0) for key, value in one.items()}
    X_columns, y_columns = X[:, :, 0].T, y[:, :, 0].T
    loss = network.loss(task, one, X_columns, y_columns)
    assert np.isclose(loss, network.loss(task, each, X, y).sum(), rtol=1e-13)
    together = network.gradient(task, one, X_columns, y_columns)
    for key, value in network.gradient(task, each, X, y).items():
        assert together[key].shape == one[key].shape
        assert np.allclose(together[key], value.sum(axis=0), rtol=1e-12, atol=1e-14)


def test_a_large_net_takes_a_few_copies_of_its_parameters() -> None:
    """784-128-10: the gradient's memory grows with the parameters, not with their square."""
    task = net("cross_entropy", "relu", (784, 128, 10))
    rng = np.random.default_rng(0)
    parameters = {
        key: 0.1 * rng.normal(size=(1, *shape))
        for key, shape in parameter_shapes(784, task.layers).items()
    }
    X, y = rng.normal(size=(1, 784, 1)), np.eye(10)[None, :, :1]
    size = sum(value.nbytes for value in parameters.values())
    tracemalloc.start()
    try:
        network.gradient(task, parameters, X, y)
        taken = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken <= 4 * size


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
        "softplus": torch.nn.functional.softplus,
        "leaky_relu": torch.nn.functional.leaky_relu,
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
    assert ACTIVATIONS["sigmoid"].value(z).ravel().tolist() == [0.0, 1.0]
    assert ACTIVATIONS["softmax"].value(z).ravel().tolist() == [0.0, 1.0]
    assert ACTIVATIONS["softplus"].value(z).ravel().tolist() == [0.0, 800.0]


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
    """Without a kink the distance is infinite."""
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
