"""Wrong answers to the exercise of a net of any depth, and its course's starter.

Callers of a wrong function are judged with a right one in its place, so they are right.
"""

from __future__ import annotations


def of_layers(*layers: int) -> set[str]:
    """The gradients of some layers in the net."""
    return {f"grads['{name}{i}']" for i in layers for name in ("dW", "db")}


NET = {f"grads['{name}']" for name in ("dW1", "db1", "dW2", "db2", "dW3", "db3")}
RELU = {"dA_relu", "dW_relu", "db_relu"}
SIGMOID = {"dA_sigmoid", "dW_sigmoid", "db_sigmoid"}
UPDATED = {f"updated['{name}{i}']" for i in (1, 2, 3) for name in ("W", "b")}

SUM = "np.sum(dZ, axis=1, keepdims=True)"

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/m in the cost": (
        {"np.log(1 - AL)) / m": "np.log(1 - AL))"},
        {"cost"},
        "`cost` is m times the expected value",
    ),
    "no 1/m in dW": (
        {"A_prev.T / m": "A_prev.T"},
        {"dW"},
        "`dW` is m times the expected value",
    ),
    "no 1/m in db": (
        {f"{SUM} / m": SUM},
        {"db"},
        "`db` is m times the expected value",
    ),
    "no 1/m at all": ({" / m": ""}, {"cost", "dW", "db"}, "`cost` is m times"),
    "1/m in dA_prev too": (
        {"return W.T @ dZ, dW, db": "return W.T @ dZ / m, dW, db"},
        {"dA_prev"},
        "`dA_prev` is 1/m of the expected value",
    ),
    "1/m in the first step back too": (
        {"dA = (1 - Y) / (1 - AL) - Y / AL": "dA = ((1 - Y) / (1 - AL) - Y / AL) / Y.shape[1]"},
        of_layers(1, 2, 3),
        "`grads['db3']` is 1/m of the expected value",
    ),
    "db over all axes": (
        {SUM: "np.sum(dZ)"},
        {"db"},
        "is summed over all axes.",
    ),
    "ReLU without its mask": (
        {"dZ = dA * (Z > 0)": "dZ = dA * 1"},
        RELU,
        "`dA_relu` is not right.",
    ),
    "the sigmoid without its slope": (
        {"dZ = dA * A * (1 - A)": "dZ = dA"},
        SIGMOID,
        "`dW_sigmoid` is not right.",
    ),
    "sigmoid in all layers, backward": (
        {'activation = "relu" if i < len(caches) else': 'activation = "sigmoid" if i else'},
        of_layers(1, 2),
        "`grads['dW2']` is not right.",
    ),
    "the next layer's cache": (
        {"caches[i - 1], activation)": "caches[max(i - 2, 0)], activation)"},
        {"model-backward"},
        "ValueError: ",
    ),
    "cached Z changed in place": (
        {
            "dZ = dA * (Z > 0)": "np.greater(Z, 0, out=Z)\n        Z *= dA\n        dZ = Z",
        },
        RELU,
        "`dA_relu` is different when the same call is made again: an input, such as the "
        "cache, is changed in place.",
    ),
    "what came in changed in place": (
        {"    dW = dZ @ A_prev.T / m": "    A_prev /= m\n    dW = dZ @ A_prev.T"},
        {"dW", "A left alone"},
        "`A` is changed in place, but must stay the same. Work on a copy.",
    ),
    "dA changed in place": (
        {"dZ = dA * (Z > 0)": "dA[Z <= 0] = 0\n        dZ = dA"},
        {"dA left alone"},
        "`dA` is changed in place, but must stay the same. Work on a copy.",
    ),
    "a constant forward, a zero backward": (
        {
            "    return A, caches": "    return 0 * A + 0.5, caches",
            "dW = dZ": "dW = 0 * dZ",
            SUM: f"0 * {SUM}",
        },
        {"AL", "dW", "db"},
        "`dW` is 0 in every entry.",
    ),
    "sigmoid in all layers": (
        {
            '"relu" if i < layers else "sigmoid"': '"sigmoid"',
            '"relu" if i < len(caches) else': '"sigmoid" if i else',
        },
        {"AL", *NET},  # the gradients are right for that alone
        "`AL` is not right.",
    ),
    "ReLU in all layers": (
        {'"relu" if i < layers else "sigmoid"': '"relu"'},
        {"AL"},
        "`AL` is not right.",
    ),
    "the last layer left out": (
        {"for i in range(1, layers + 1)": "for i in range(1, layers)"},
        {"AL", *of_layers(1, 2, 3)},
        "`AL` has shape",
    ),
    "ReLU for the sigmoid": (
        {'np.maximum(Z, 0) if activation == "relu" else sigmoid(Z)': "np.maximum(Z, 0)"},
        {"A_sigmoid"},  # what comes back is still right for a sigmoid
        "`A_sigmoid` is not right.",
    ),
    "no bias": (
        {"return W @ A + b, (A, W)": "return W @ A, (A, W)"},
        {"Z"},
        "`Z` is not right.",
    ),
    "a step upwards": (
        {"value - learning_rate": "value + learning_rate"},
        UPDATED,
        "`updated['W1']`",
    ),
    "weights the other way round": (
        {"(layer_dims[i], layer_dims[i - 1])": "(layer_dims[i - 1], layer_dims[i])"},
        {"initial['W1'].shape", "initial['W2'].shape", "initial['W3'].shape"},
        "`initial['W3'].shape` has",
    ),
    "weights of 0": (
        {"np.random.randn(layer_dims[i]": "0 * np.random.randn(layer_dims[i]"},
        {"np.ptp(initial['W2'], axis=0).all()"},
        "`np.ptp(initial['W2'], axis=0).all()` is false",
    ),
    "one layer too few": (
        {"range(1, len(layer_dims))": "range(1, len(layer_dims) - 1)"},
        {"initial['W3'].shape", "initial['b3']", "np.size([*initial])"},
        "`initial['b3']` is missing",
    ),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""


STARTERS = {
    "none": """
import numpy as np
from dnn_utils_v2 import sigmoid, sigmoid_backward, relu, relu_backward


def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    parameters = {}
    L = len(layer_dims)
    for l in range(1, L):
        ### START CODE HERE ###
        parameters['W' + str(l)] = None
        parameters['b' + str(l)] = None
        ### END CODE HERE ###
        assert(parameters['W' + str(l)].shape == (layer_dims[l], layer_dims[l-1]))
    return parameters


def linear_forward(A, W, b):
    ### START CODE HERE ###
    Z = None
    ### END CODE HERE ###
    assert(Z.shape == (W.shape[0], A.shape[1]))
    cache = (A, W, b)
    return Z, cache


def linear_activation_forward(A_prev, W, b, activation):
    if activation == "sigmoid":
        ### START CODE HERE ###
        Z, linear_cache = None
        A, activation_cache = None
        ### END CODE HERE ###
    elif activation == "relu":
        ### START CODE HERE ###
        Z, linear_cache = None
        A, activation_cache = None
        ### END CODE HERE ###
    assert (A.shape == (W.shape[0], A_prev.shape[1]))
    cache = (linear_cache, activation_cache)
    return A, cache


def L_model_forward(X, parameters):
    caches = []
    A = X
    L = len(parameters) // 2
    for l in range(1, L):
        A_prev = A
        ### START CODE HERE ###
        A, cache = None
        None
        ### END CODE HERE ###
    ### START CODE HERE ###
    AL, cache = None
    None
    ### END CODE HERE ###
    assert(AL.shape == (1, X.shape[1]))
    return AL, caches


def compute_cost(AL, Y):
    m = Y.shape[1]
    ### START CODE HERE ###
    cost = None
    ### END CODE HERE ###
    cost = np.squeeze(cost)
    assert(cost.shape == ())
    return cost


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = A_prev.shape[1]
    ### START CODE HERE ###
    dW = None
    db = None
    dA_prev = None
    ### END CODE HERE ###
    assert (dA_prev.shape == A_prev.shape)
    return dA_prev, dW, db


def linear_activation_backward(dA, cache, activation):
    linear_cache, activation_cache = cache
    if activation == "relu":
        ### START CODE HERE ###
        dZ = None
        dA_prev, dW, db = None
        ### END CODE HERE ###
    elif activation == "sigmoid":
        ### START CODE HERE ###
        dZ = None
        dA_prev, dW, db = None
        ### END CODE HERE ###
    return dA_prev, dW, db


def L_model_backward(AL, Y, caches):
    grads = {}
    L = len(caches)
    m = AL.shape[1]
    Y = Y.reshape(AL.shape)
    ### START CODE HERE ###
    dAL = None
    current_cache = None
    grads["dA" + str(L)], grads["dW" + str(L)], grads["db" + str(L)] = None
    ### END CODE HERE ###
    for l in reversed(range(L-1)):
        ### START CODE HERE ###
        current_cache = None
        dA_prev_temp, dW_temp, db_temp = None
        grads["dA" + str(l + 1)] = None
        grads["dW" + str(l + 1)] = None
        grads["db" + str(l + 1)] = None
        ### END CODE HERE ###
    return grads


def update_parameters(parameters, grads, learning_rate):
    L = len(parameters) // 2
    ### START CODE HERE ###
    for l in range(L):
        parameters["W" + str(l+1)] = None
        parameters["b" + str(l+1)] = None
    ### END CODE HERE ###
    return parameters
""",
}

FUNCTIONS = {"initialize_parameters_deep", "linear_forward", "linear_activation_forward"}
FUNCTIONS |= {"L_model_forward", "compute_cost", "update_parameters"}
"""Functions that need none of the others."""
