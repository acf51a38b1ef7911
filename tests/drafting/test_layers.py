"""Nets of several layers: their parameters, and the caches of all layers."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.write import write_draft

pytestmark = pytest.mark.usefixtures("warm")

NET = '''
import numpy as np


def initialize(dims):
    """Draw the parameters of all layers.

    dims -- list of the sizes of all layers
    """
    parameters = {}
    for l in range(1, len(dims)):
        parameters["W" + str(l)] = np.random.randn(dims[l], dims[l - 1])
        parameters["b" + str(l)] = np.zeros((dims[l], 1))
    return parameters


def layer_forward(A, W, b):
    """Return the output of a layer, and its cache.

    A -- inputs of shape (previous, count)
    W -- weights of shape (current, previous)
    b -- biases of shape (current, 1)
    """
    return np.tanh(W @ A + b), (A, W)


def net_forward(X, parameters):
    """Return the output of the net, and the caches of its layers.

    X -- data of shape (input, count)
    """
    caches = []
    A = X
    for l in range(1, len(parameters) // 2 + 1):
        A, cache = layer_forward(A, parameters["W" + str(l)], parameters["b" + str(l)])
        caches.append(cache)
    assert A.shape == (1, X.shape[1])
    return A, caches


def net_backward(dA, A, layer_cache_list):
    """Return the gradients of all layers."""
    grads = {}
    for l in range(len(layer_cache_list), 0, -1):
        before, W = layer_cache_list[l - 1]
        dZ = dA * (1 - A**2)
        grads["dW" + str(l)] = dZ @ before.T
        grads["db" + str(l)] = dZ.sum(axis=1, keepdims=True)
        dA, A = W.T @ dZ, before
    return grads
'''


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assignment that is drafted from a net; no function is left out."""
    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(NET, encoding="utf-8")
    _, left_out = write_draft(folder / "hw", folder / "net.py")
    assert not left_out
    return folder / "hw" / "assignment.toml"


def test_layers_follow_each_other(drafted: Path) -> None:
    """The parameters have the sizes that the function that draws them gives to the layers."""
    file: dict[str, Any] = tomllib.loads(drafted.read_text(encoding="utf-8"))
    (task,) = [task for task in file["tasks"] if "parameters" in task["inputs"]]
    parameters = task["inputs"]["parameters"]
    shapes = [parameters[f"W{n}"].removeprefix("normal(").rstrip(")").split(", ") for n in (1, 2)]
    assert {key[0] for key in parameters} == {"W", "b"}
    assert shapes[1][1] == shapes[0][0] != shapes[0][1]
    assert parameters["b1"] == f"normal({shapes[0][0]}, 1)"


def test_caches_of_all_layers_link_forward_and_backward(drafted: Path) -> None:
    """The backward pass takes the list that the forward pass returns, also by another name."""
    file: dict[str, Any] = tomllib.loads(drafted.read_text(encoding="utf-8"))
    calls = [check["call"] for task in file["tasks"] for check in task["checks"]]
    assert "new_A, caches = net_forward(X, parameters)" in calls
    assert any("net_backward(" in call and call.endswith(", caches)") for call in calls)
    assert not [problem for task in audit_file(drafted, None).tasks for problem in task.problems]
