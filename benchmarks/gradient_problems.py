"""Problems for gradient checkers: a function, a point, the exact gradient, and ways to be wrong.

Every exact gradient is a formula written beside its function, or back-propagation written
out below; none comes from a checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

Params = dict[str, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """``f`` takes a dict of arrays and gives a float; ``gradient`` is exact at ``params``."""

    name: str
    kind: str
    f: Callable[[Params], float]
    params: Params
    gradient: Params


def problems(seed: int) -> list[Problem]:
    """Return all problems, drawn by the seed."""
    rng = np.random.default_rng(seed)
    made = [*_smooth(rng), *_scaled(rng), *_noisy(rng), *_kinked(rng)]
    for number, (activation, loss, batch) in enumerate(NETS):
        made.append(
            _net(
                rng,
                f"net {number}: {activation}, {loss}, batch {batch}",
                "net",
                activation,
                loss,
                batch,
            )
        )
    made.append(_net(rng, "float32 net", "float32", "tanh", "squares", 4, dtype=np.float32))
    made.append(_net(rng, "float32 net, sigmoid", "float32", "sigmoid", "bce", 8, dtype=np.float32))
    made.append(_net(rng, "saturated net", "saturated", "sigmoid", "squares", 4, size=6.0))
    return made


NETS = (
    ("linear", "squares", 1),
    ("sigmoid", "bce", 4),
    ("tanh", "squares", 8),
    ("relu", "squares", 16),
    ("relu", "bce", 4),
)


def _smooth(rng: np.random.Generator) -> Iterator[Problem]:
    x = rng.normal(size=5)
    yield Problem(
        "Rosenbrock",
        "smooth",
        lambda p: float(
            np.sum(100 * (p["x"][1:] - p["x"][:-1] ** 2) ** 2 + (1 - p["x"][:-1]) ** 2)
        ),
        {"x": x},
        {"x": _rosenbrock(x)},
    )
    A, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 1))
    X, Y = rng.normal(size=(4, 6)), rng.normal(size=(3, 6))
    residual = A @ X + b - Y
    yield Problem(
        "least squares",
        "smooth",
        lambda p: float(np.sum((p["A"] @ X + p["b"] - Y) ** 2) / 6),
        {"A": A, "b": b},
        {"A": 2 * residual @ X.T / 6, "b": 2 * residual.sum(1, keepdims=True) / 6},
    )


def _rosenbrock(x: np.ndarray) -> np.ndarray:
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def _scaled(rng: np.random.Generator) -> Iterator[Problem]:
    for scale in (1e-8, 1e8):
        x = rng.normal(size=4)
        yield Problem(
            f"loss times {scale:g}",
            "scaled",
            lambda p, s=scale: float(s * np.sum(np.sin(p["x"]) * p["x"])),
            {"x": x},
            {"x": scale * (np.cos(x) * x + np.sin(x))},
        )
    sizes = 10.0 ** np.arange(-8, 9, 4)
    x = rng.uniform(1, 2, 5) * sizes
    yield Problem(
        "parameters from 1e-8 to 1e8",
        "scaled",
        lambda p: float(np.sum((p["x"] / sizes) ** 3)),
        {"x": x},
        {"x": 3 * (x / sizes) ** 2 / sizes},
    )
    y = rng.normal(size=4)
    yield Problem(
        "small slope on a large offset",
        "scaled",
        lambda p: float(1e6 + np.sum(p["x"] ** 2)),
        {"x": y},
        {"x": 2 * y},
    )


def _noisy(rng: np.random.Generator) -> Iterator[Problem]:
    x = rng.normal(size=4)

    def f(p: Params) -> float:
        # The same point has the same value: noise as of an iterative solver.
        ripple = np.sin(1e9 * np.sum(p["x"] * np.arange(1, 5)))
        return float(np.sum(np.exp(p["x"])) * (1 + 1e-10 * ripple))

    yield Problem("noise of 1e-10", "noisy", f, {"x": x}, {"x": np.exp(x)})


def _kinked(rng: np.random.Generator) -> Iterator[Problem]:
    for distance in (1e-6, -3e-7):
        x = np.array([distance, 0.7, -1.3])
        yield Problem(
            f"kink at {abs(distance):g}",
            "kink",
            lambda p: float(np.sum(np.maximum(p["x"], 0) * [1.0, 2.0, 3.0]) + np.sum(p["x"] ** 2)),
            {"x": x},
            {"x": (x > 0) * [1.0, 2.0, 3.0] + 2 * x},
        )


def _net(
    rng: np.random.Generator,
    name: str,
    kind: str,
    activation: str,
    loss: str,
    batch: int,
    dtype: type = np.float64,
    size: float = 1.0,
) -> Problem:
    """Return a 3-4-2 net with examples in columns and the mean loss over the batch."""
    X = rng.normal(size=(3, batch))
    Y = (
        rng.integers(0, 2, (2, batch)).astype(float)
        if loss == "bce"
        else rng.normal(size=(2, batch))
    )
    params = {
        "W1": size * rng.normal(size=(4, 3)),
        "b1": size * rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(2, 4)),
        "b2": rng.normal(size=(2, 1)),
    }

    def f(p: Params) -> float:
        q = {key: value.astype(dtype) for key, value in p.items()}
        A = _activate(activation, q["W1"] @ X.astype(dtype) + q["b1"])
        Z = q["W2"] @ A + q["b2"]
        if loss == "bce":
            # log(1 + exp(z)) - y z, which does not overflow
            value = np.sum(np.logaddexp(0, Z) - Y.astype(dtype) * Z, dtype=dtype)
        else:
            value = np.sum((Z - Y.astype(dtype)) ** 2, dtype=dtype)
        return float(value / batch)

    Z1 = params["W1"] @ X + params["b1"]
    A = _activate(activation, Z1)
    Z = params["W2"] @ A + params["b2"]
    dZ = (1 / (1 + np.exp(-Z)) - Y if loss == "bce" else 2 * (Z - Y)) / batch
    dZ1 = params["W2"].T @ dZ * _slope(activation, Z1, A)
    gradient = {
        "W1": dZ1 @ X.T,
        "b1": dZ1.sum(1, keepdims=True),
        "W2": dZ @ A.T,
        "b2": dZ.sum(1, keepdims=True),
    }
    return Problem(name, kind, f, params, gradient)


def _activate(name: str, z: np.ndarray) -> np.ndarray:
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return {"linear": z, "tanh": np.tanh(z), "relu": np.maximum(z, 0)}[name]


def _slope(name: str, z: np.ndarray, a: np.ndarray) -> np.ndarray:
    if name == "sigmoid":
        return a * (1 - a)
    return {"linear": np.ones_like(z), "tanh": 1 - a**2, "relu": (z > 0).astype(float)}[name]


def errors(problem: Problem, seed: int) -> Iterator[tuple[str, Params]]:
    """Yield wrong gradients with their kind.

    They are structural errors, and single entries that are off by a relative amount.
    """
    rng = np.random.default_rng(seed)
    exact = problem.gradient
    yield "structural", {key: -value for key, value in exact.items()}
    yield "structural", {key: 2 * value for key, value in exact.items()}
    for key, value in exact.items():
        yield "structural", {**exact, key: np.zeros_like(value)}
        if value.ndim == 2 and value.shape[0] == value.shape[1] > 1:
            yield "structural", {**exact, key: value.T.copy()}
        if value.ndim == 2 and value.shape[1] == 1 < value.shape[0]:
            yield "structural", {**exact, key: np.full_like(value, value.sum())}
    for size in (1e-3, 1e-5, 1e-7):
        for key, value in exact.items():
            large = np.flatnonzero(np.abs(value.ravel()) >= 1e-3 * np.abs(value).max())
            if not len(large):
                continue
            wrong = value.copy()
            wrong.ravel()[rng.choice(large)] *= 1 + size
            yield f"one entry off by {size:g}", {**exact, key: wrong}
