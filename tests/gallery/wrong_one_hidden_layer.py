"""Wrong answers to the exercise of one hidden layer, and its course's starters."""

from __future__ import annotations

DW1, DB1, DW2, DB2 = (f"grads['{name}']" for name in ("dW1", "db1", "dW2", "db2"))
GRADS = {DW1, DB1, DW2, DB2}
UPDATED = {f"updated['{name}']" for name in ("W1", "b1", "W2", "b2")}

MISSING = "`{}` is m times the expected value"

WRONG: dict[str, tuple[dict[str, str], set[str], str]] = {
    "no 1/m in the cost": (
        {"np.log(1 - A2)) / m": "np.log(1 - A2))"},
        {"cost"},
        "`cost` is m times",
    ),
    "no 1/m in dW1": ({"dZ1 @ X.T / m": "dZ1 @ X.T"}, {DW1}, MISSING.format(DW1)),
    "no 1/m in db1": (
        {"np.sum(dZ1, axis=1, keepdims=True) / m": "np.sum(dZ1, axis=1, keepdims=True)"},
        {DB1},
        MISSING.format(DB1),
    ),
    "no 1/m in dW2": ({"dZ2 @ A1.T / m": "dZ2 @ A1.T"}, {DW2}, MISSING.format(DW2)),
    "no 1/m in db2": (
        {"np.sum(dZ2, axis=1, keepdims=True) / m": "np.sum(dZ2, axis=1, keepdims=True)"},
        {DB2},
        MISSING.format(DB2),
    ),
    "no 1/m at all": ({" / m": ""}, {"cost", *GRADS}, MISSING.format(DW1)),
    "1/m twice": ({"dZ2 = A2 - Y": "dZ2 = (A2 - Y) / m"}, GRADS, "too many"),
    "dW2 from before the tanh": (
        {"dZ2 @ A1.T": 'dZ2 @ cache["Z1"].T', '{"A1": A1': '{"Z1": Z1, "A1": A1'},
        {DW2},
        f"`{DW2}` is not right.",
    ),
    "the slope of tanh of the wrong array": (
        {"(1 - A1**2)": '(1 - cache["Z1"] ** 2)', '{"A1": A1': '{"Z1": Z1, "A1": A1'},
        {DW1, DB1},
        f"`{DB1}` is not right.",
    ),
    "the cached A1 changed in place": (
        {
            'dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)': (
                'A1 *= A1\n    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1)'
            )
        },
        {DW1, DB1, DW2},
        f"`{DW2}` is different when the same call is made again",
    ),
    "the cached A2 changed in place": (
        {"dZ2 = A2 - Y": "A2 -= Y\n    dZ2 = A2"},
        GRADS,
        "an input, such as the cache, is changed in place.",
    ),
    "parameters changed in place": (
        {"    dZ1 = parameters": '    parameters["W2"] *= 2\n    dZ1 = parameters'},
        {"parameters left alone", DW1, DB1},
        "`parameters` is changed in place, but must stay the same. Work on a copy.",
    ),
    "a constant forward, a zero backward": (
        {
            "    A2 = 1 / (1 + np.exp(-Z2))": "    A2 = np.full_like(Z2, 0.5)",
            "dZ2 = A2 - Y": "dZ2 = 0 * Y",
        },
        {"A2", *GRADS},
        f"`{DW1}` is 0 in every entry.",
    ),
    "tanh left out of both": (
        {"np.tanh(Z1)": "Z1", " * (1 - A1**2)": ""},
        {"A2", *GRADS},  # they are right for that alone
        "`A2` is not right.",
    ),
    "a step upwards": (
        {"value - learning_rate": "value + learning_rate"},
        UPDATED,
        "`updated['W1']` is not right.",
    ),
    "weights the other way round": (
        {"np.random.randn(n_h, n_x)": "np.random.randn(n_x, n_h)"},
        {"initial['W1'].shape"},
        "`initial['W1'].shape` has the right numbers",
    ),
    "weights that are not small": (
        {"np.random.randn(n_h, n_x) * 0.01": "np.random.randn(n_h, n_x)"},
        {"np.less(np.abs(initial['W1']).max(), 0.5)"},
        "`np.less(np.abs(initial['W1']).max(), 0.5)`",
    ),
    "weights that are all the same": (
        {"np.random.randn(n_h, n_x)": "np.ones((n_h, n_x))"},
        {"np.ptp(initial['W1'], axis=0).all()"},
        "`np.ptp(initial['W1'], axis=0).all()`",
    ),
    "weights of 0": (
        {"np.random.randn(n_y, n_h)": "np.zeros((n_y, n_h))"},
        {"np.ptp(initial['W2']).all()"},
        "`np.ptp(initial['W2']).all()` is false; it should be true.",
    ),
    "flat biases": (
        {'"b1": np.zeros((n_h, 1))': '"b1": np.zeros(n_h)'},
        {"initial['b1']"},
        "The numbers are right; only the shape is wrong.",
    ),
    "examples for inputs": (
        {"X.shape[0], HIDDEN": "X.shape[1], HIDDEN"},
        {"size_x"},
        "`size_x` is not right.",
    ),
}
"""Edits of the model solution, the outputs that they make wrong, and what is said."""


NONE = """
import numpy as np
from planar_utils import sigmoid
from testCases_v2 import *


def layer_sizes(X, Y):
    ### START CODE HERE ###
    n_x = None
    n_h = None
    n_y = None
    ### END CODE HERE ###
    return (n_x, n_h, n_y)


def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(2)
    ### START CODE HERE ###
    W1 = None
    b1 = None
    W2 = None
    b2 = None
    ### END CODE HERE ###
    assert (W1.shape == (n_h, n_x))
    parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    return parameters


def forward_propagation(X, parameters):
    ### START CODE HERE ###
    W1 = None
    b1 = None
    W2 = None
    b2 = None
    Z1 = None
    A1 = None
    Z2 = None
    A2 = None
    ### END CODE HERE ###
    assert(A2.shape == (1, X.shape[1]))
    cache = {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
    return A2, cache


def compute_cost(A2, Y):
    m = Y.shape[1]
    ### START CODE HERE ###
    logprobs = None
    cost = None
    ### END CODE HERE ###
    cost = float(np.squeeze(cost))
    assert(isinstance(cost, float))
    return cost


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    ### START CODE HERE ###
    W1 = None
    W2 = None
    A1 = None
    A2 = None
    dZ2 = None
    dW2 = None
    db2 = None
    dZ1 = None
    dW1 = None
    db1 = None
    ### END CODE HERE ###
    grads = {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
    return grads


def update_parameters(parameters, grads, learning_rate=1.2):
    ### START CODE HERE ###
    W1 = None
    b1 = None
    W2 = None
    b2 = None
    dW1 = None
    W1 = None
    b1 = None
    ### END CODE HERE ###
    parameters = {"W1": W1, "b1": b1, "W2": W2, "b2": b2}
    return parameters
"""

STARTERS = {"none": NONE, "nothing": NONE.replace("    logprobs = None\n    cost = None\n", "")}
"""Starters in which values, or also their names, are to be written."""

FUNCTIONS = {"layer_sizes", "initialize_parameters", "forward_propagation"}
FUNCTIONS |= {"compute_cost", "update_parameters"}
