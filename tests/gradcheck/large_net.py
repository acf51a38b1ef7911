"""A classifier of any size with hand-written backpropagation, for checks by directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Params = dict[str, np.ndarray]


def large_net(
    sizes: tuple[int, int, int], activation: str, seed: int | Sequence[int], batch: int = 32
) -> tuple[Callable[[Params], float], Callable[..., Params], Params]:
    """Return loss, gradient and parameters; ``drop=True`` forgets the activation's derivative."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(sizes[0], batch))
    Y = np.eye(sizes[2])[:, rng.integers(sizes[2], size=batch)]
    params = {
        "W1": rng.normal(size=(sizes[0], sizes[1])) / np.sqrt(sizes[0]),
        "b1": np.zeros((sizes[1], 1)),
        "W2": rng.normal(size=(sizes[1], sizes[2])) / np.sqrt(sizes[1]),
        "b2": np.zeros((sizes[2], 1)),
    }

    def act(Z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if activation == "tanh":
            A = np.tanh(Z)
            return A, 1 - A * A
        A = 1 / (1 + np.exp(-Z))
        return A, A * (1 - A)

    def loss(p: Params) -> float:
        A, _ = act(p["W1"].T @ X + p["b1"])
        Z = p["W2"].T @ A + p["b2"]
        S = Z - Z.max(axis=0)
        return float(-(Y * (S - np.log(np.exp(S).sum(axis=0)))).sum() / batch)

    def gradient(p: Params, drop: bool = False) -> Params:
        A, slope = act(p["W1"].T @ X + p["b1"])
        Z = p["W2"].T @ A + p["b2"]
        e = np.exp(Z - Z.max(axis=0))
        dZ = (e / e.sum(axis=0) - Y) / batch
        dA = p["W2"] @ dZ * (1 if drop else slope)
        return {
            "W1": X @ dA.T,
            "b1": dA.sum(axis=1, keepdims=True),
            "W2": A @ dZ.T,
            "b2": dZ.sum(axis=1, keepdims=True),
        }

    return loss, gradient, params
