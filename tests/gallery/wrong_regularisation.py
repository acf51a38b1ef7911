"""Wrong answers to the exercise of regularisation in a net, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

PENALTY = "penalty = lambd / (2 * m) * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))"
COST = "return cross_entropy + penalty"
DW3 = "dW3 = (dZ3 @ A2.T + lambd * W3) / m"
DW2 = "dW2 = (dZ2 @ A1.T + lambd * W2) / m"
DW1 = "dW1 = (dZ1 @ X.T + lambd * W1) / m"
DZ2 = "dZ2 = W3.T @ dZ3 * (Z2 > 0)"
RETURNED = 'return {"dW3": dW3, "db3": db3, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}'
D1 = "D1 = np.random.rand(*Z1.shape) < keep_prob"
D2 = "D2 = np.random.rand(*Z2.shape) < keep_prob"
A1 = "A1 = np.maximum(Z1, 0) * D1 / keep_prob"
A2 = "A2 = np.maximum(Z2, 0) * D2 / keep_prob"
A3 = "return A3, cache"
DA2 = "dA2 = W3.T @ dZ3 * D2 / keep_prob"
DA1 = "dA1 = W2.T @ dZ2 * D1 / keep_prob"
GRADIENTS = 'return {**weights, "db3": db3, "db2": db2, "db1": db1, "dA2": dA2, "dA1": dA1}'


def grads(*names: str) -> str:
    """Return the expressions of entries of the dict of gradients."""
    return ", ".join(f"grads['{name}']" for name in names)


FIRST = grads("dW1", "db1")
SECOND = grads("dW1", "db1", "dW2", "db2")

WRONG = [
    wrong(
        "no half",
        PENALTY,
        PENALTY.replace("(2 * m)", "m"),
        regularisation_cost="cost",
    ),
    wrong(
        "not divided by the examples",
        PENALTY,
        PENALTY.replace("(2 * m)", "2"),
        regularisation_cost="cost",
    ),
    wrong(
        "no squares",
        PENALTY,
        PENALTY.replace("np.sum(W1**2)", "np.sum(W1)"),
        regularisation_cost="cost",
    ),
    wrong(
        "a matrix left out",
        PENALTY,
        PENALTY.replace(" + np.sum(W3**2)", ""),
        regularisation_cost="cost",
    ),
    wrong("no penalty", COST, "return cross_entropy", regularisation_cost="cost"),
    wrong(
        "the weights of another layer",
        DW1,
        DW1.replace("lambd * W1", "lambd * np.mean(W2)"),
        regularisation_regularised_backward=grads("dW1"),
    ),
    wrong(
        "half of the gradient of the penalty",
        DW3,
        DW3.replace("lambd * W3", "lambd * W3 / 2"),
        regularisation_regularised_backward=grads("dW3"),
    ),
    wrong(
        "a penalty that is not divided",
        DW2,
        "dW2 = dZ2 @ A1.T / m + lambd * W2",
        regularisation_regularised_backward=grads("dW2"),
    ),
    wrong(
        "the penalty subtracted",
        DW2,
        DW2.replace("+ lambd", "- lambd"),
        regularisation_regularised_backward=grads("dW2"),
    ),
    wrong(
        "a ReLU without its slope",
        DZ2,
        "dZ2 = W3.T @ dZ3",
        regularisation_regularised_backward=SECOND,
    ),
    wrong(
        "bias with a penalty",
        RETURNED,
        RETURNED.replace('"db1": db1', '"db1": db1 + lambd * cache[3] / m'),
        regularisation_regularised_backward=grads("db1"),
    ),
    wrong(
        "nothing is divided by keep_prob after the first layer",
        A1,
        A1.replace(" / keep_prob", ""),
        regularisation_dropout_forward="activations",
    ),
    wrong(
        "multiplied by keep_prob after the second layer",
        A2,
        A2.replace("/ keep_prob", "* keep_prob"),
        regularisation_dropout_forward="activations",
    ),
    wrong(
        "kept with 1 - keep_prob in the first layer",
        D1,
        D1.replace("<", ">"),
        "`mask_1_is_random` is false",
        regularisation_dropout_forward="all_kept, mask_1_is_random",
    ),
    wrong(
        "kept with 1 - keep_prob in the second layer",
        D2,
        D2.replace("<", ">"),
        "`mask_2_is_random` is false",
        regularisation_dropout_forward="all_kept, mask_2_is_random",
    ),
    wrong(
        "one mask for all examples",
        D1,
        "D1 = np.random.rand(len(Z1), 1) < keep_prob",
        "`mask_1_is_random` is false",
        regularisation_dropout_forward="mask_1_is_random",
    ),
    wrong(
        "one mask for all units",
        D2,
        "D2 = np.random.rand(Z2.shape[1]) < keep_prob",
        "`mask_2_is_random` is false",
        regularisation_dropout_forward="mask_1_is_random, mask_2_is_random",
    ),
    wrong(
        "nothing is dropped in the second layer",
        A2,
        "A2 = np.maximum(Z2, 0)",
        regularisation_dropout_forward="activations, mask_2_is_random",
    ),
    wrong(
        "the input is changed",
        A3,
        "X *= 2\n    return A3, cache",
        "`X` is changed in place",
        regularisation_dropout_forward="X left alone",
    ),
    wrong(
        "no scale on the way back",
        DA2,
        DA2.replace(" / keep_prob", ""),
        regularisation_dropout_backward=f"{SECOND}, {grads('dA1', 'dA2')}",
    ),
    wrong(
        "no scale in the first layer on the way back",
        DA1,
        DA1.replace(" / keep_prob", ""),
        regularisation_dropout_backward=f"{FIRST}, {grads('dA1')}",
    ),
    wrong(
        "no mask on the way back",
        DA2,
        DA2.replace(" * D2", ""),
        regularisation_dropout_backward=f"{SECOND}, {grads('dA1', 'dA2')}",
    ),
    several(
        "no mask, but the slope of what is left",
        {DA2: DA2.replace(" * D2", ""), "dZ2 = dA2 * (Z2 > 0)": "dZ2 = dA2 * (A2 > 0)"},
        regularisation_dropout_backward=grads("dA2"),
    ),
]

NAMES = ("dW3", "db3", "dW2", "db2", "dW1", "db1")
ZEROS = ", ".join(f'"{name}": 0 * {name}' for name in NAMES)
CONSTANT = {
    COST: "return 1.0",
    RETURNED: f"return {{{ZEROS}}}",
    A3: "return 0 * A3 + 0.5, cache",
    GRADIENTS: f'return {{{ZEROS}, "dA1": 0 * dA1, "dA2": 0 * dA2}}',
}

STARTER = """
import numpy as np
from reg_utils import compute_cost, relu, sigmoid


def compute_cost_with_regularization(A3, Y, parameters, lambd):
    m = Y.shape[1]
    W1 = parameters["W1"]
    W2 = parameters["W2"]
    W3 = parameters["W3"]
    cross_entropy_cost = compute_cost(A3, Y)
    ### START CODE HERE ###
    L2_regularization_cost = None
    ### END CODE HERE ###
    cost = cross_entropy_cost + L2_regularization_cost
    return cost


def backward_propagation_with_regularization(X, Y, cache, lambd):
    m = X.shape[1]
    (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3) = cache
    dZ3 = A3 - Y
    ### START CODE HERE ###
    dW3 = 1.0 / m * np.dot(dZ3, A2.T) + None
    ### END CODE HERE ###
    db3 = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(W3.T, dZ3)
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    ### START CODE HERE ###
    dW2 = 1.0 / m * np.dot(dZ2, A1.T) + None
    ### END CODE HERE ###
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    ### START CODE HERE ###
    dW1 = 1.0 / m * np.dot(dZ1, X.T) + None
    ### END CODE HERE ###
    db1 = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    gradients = {"dW3": dW3, "db3": db3, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}
    return gradients


def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    np.random.seed(1)
    W1, b1 = parameters["W1"], parameters["b1"]
    W2, b2 = parameters["W2"], parameters["b2"]
    W3, b3 = parameters["W3"], parameters["b3"]
    Z1 = np.dot(W1, X) + b1
    A1 = relu(Z1)
    ### START CODE HERE ###
    D1 = None
    D1 = None
    A1 = None
    A1 = None
    ### END CODE HERE ###
    Z2 = np.dot(W2, A1) + b2
    A2 = relu(Z2)
    ### START CODE HERE ###
    D2 = None
    D2 = None
    A2 = None
    A2 = None
    ### END CODE HERE ###
    Z3 = np.dot(W3, A2) + b3
    A3 = sigmoid(Z3)
    cache = (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3)
    return A3, cache


def backward_propagation_with_dropout(X, Y, cache, keep_prob):
    m = X.shape[1]
    (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3) = cache
    dZ3 = A3 - Y
    dW3 = 1.0 / m * np.dot(dZ3, A2.T)
    db3 = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(W3.T, dZ3)
    ### START CODE HERE ###
    dA2 = None
    dA2 = None
    ### END CODE HERE ###
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    dW2 = 1.0 / m * np.dot(dZ2, A1.T)
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    ### START CODE HERE ###
    dA1 = None
    dA1 = None
    ### END CODE HERE ###
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1.0 / m * np.dot(dZ1, X.T)
    db1 = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    gradients = {"dW3": dW3, "db3": db3, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}
    return gradients
"""
