"""Output and hidden layer are found in whatever comes back, by structure, size and name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradkit.binding.returns import find_returns

X = np.array([[0.5], [0.25]])
OUTPUT, HIDDEN = np.array([[3.0]]), np.array([[1.0], [2.0]])
W1, W2 = np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.7], [0.9]])
B1 = np.array([[0.05], [0.06]])
INPUTS = {"X": X, "W1": W1, "W2": W2, "b1": B1}


def described(value: Any, leaves: dict[str, np.ndarray]) -> Any:
    """The worker's description of a value."""
    if isinstance(value, dict):
        return {"dict": [[key, described(item, leaves)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return {"list": [described(item, leaves) for item in value]}
    if value is None:
        return {"none": True}
    if isinstance(value, str):
        return {"other": "str"}
    name = str(len(leaves))
    leaves[name] = np.asarray(value)
    return {"array": name}


@pytest.mark.parametrize(
    ("returned", "paths"),
    [
        ((OUTPUT, HIDDEN), {"y_hat": (0,), "A1": (1,)}),
        (OUTPUT, {"y_hat": ()}),
        (3.0, {"y_hat": ()}),
        ((OUTPUT, None), {"y_hat": (0,)}),
        ((OUTPUT, {"Z1": X + 1, "A1": HIDDEN, "A2": OUTPUT}), {"y_hat": (0,), "A1": (1, "A1")}),
        ((OUTPUT, {"hidden": HIDDEN}), {"y_hat": (0,), "A1": (1, "hidden")}),
        ({"A1": HIDDEN, "A2": OUTPUT}, {"y_hat": ("A2",), "A1": ("A1",)}),
        ({"y_hat": OUTPUT, "h": HIDDEN}, {"y_hat": ("y_hat",), "A1": ("h",)}),
        # Caches of one tuple per layer: the last one begins with what entered it.
        (
            (OUTPUT, [(X, W1, B1, X + 1), (HIDDEN, W2, OUTPUT + 1, OUTPUT)]),
            {"y_hat": (0,), "A1": (1, 1, 0)},
        ),
        # Four arrays, forwards or backwards through the layers.
        ((X + 1, HIDDEN, OUTPUT + 1, OUTPUT), {"y_hat": (3,), "A1": (1,)}),
        ((OUTPUT, HIDDEN, OUTPUT + 1, X + 1), {"y_hat": (0,), "A1": (1,)}),
        # An input or a parameter that is handed back is no hidden layer.
        ((OUTPUT, [X, W2]), {"y_hat": (0,)}),
        # A plain pair is what was asked for, whatever its sizes are.
        ((OUTPUT, W1), {"y_hat": (0,), "A1": (1,)}),
        ((HIDDEN, OUTPUT), {"y_hat": (0,), "A1": (1,)}),
        (HIDDEN, {}),
        ((HIDDEN, HIDDEN), {}),
        ("done", {}),
        (None, {}),
        ((), {}),
    ],
)
def test_paths(returned, paths) -> None:
    """Empty where no output of the right size is to be found."""
    leaves: dict[str, np.ndarray] = {}
    tree = described(returned, leaves)
    assert find_returns(tree, leaves, INPUTS, outputs=1, hidden=2) == paths
