"""Write a numpy submission around an update function; the rest of the file is right."""

from __future__ import annotations

import textwrap

FORWARD = {
    "column": "np.dot(W.T, A) + b",
    "out_in": "np.dot(W, A) + b",
    "row": "np.dot(A, W) + b",
    "flat": "np.ravel(A) @ W + b",
}
SHAPES = {
    "column": ("n, m", "m, 1"),
    "out_in": ("m, n", "m, 1"),
    "row": ("n, m", "1, m"),
    "flat": ("n, m", "m"),
}

HEAD = """\
import numpy as np

def initialise_parameters(dim):
    parameters = {{}}
    for l in range(1, len(dim)):
        n, m = dim[l - 1], dim[l]
        parameters['W' + str(l)] = np.ones(({weights})) * 0.1
        parameters['b' + str(l)] = np.zeros(({biases}))
    return parameters

def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))

def linear_forward(A, W, b):
    return {layer}

def L_layer_forward(X, parameters):
    A = X
    for l in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters['W' + str(l)], parameters['b' + str(l)])
    return A, A_prev

"""


def homework(task: str, update: str, layout: str = "column") -> str:
    """Return a whole submission of a numpy task with the given source of `update_parameters`.

    ``layout`` is a key of `FORWARD`.
    """
    layer = FORWARD[layout]
    if task.startswith("classification"):
        layer = f"sigmoid({layer})"
    weights, biases = SHAPES[layout]
    head = HEAD.format(layer=layer, weights=weights, biases=biases)
    return head + textwrap.dedent(update).strip("\n") + "\n"
