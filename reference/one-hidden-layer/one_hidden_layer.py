"""A net with one hidden layer, tanh and then sigmoid, on a batch whose examples are columns.

No function changes what it is handed, but update_parameters may.
"""

import numpy as np

HIDDEN = 4


def layer_sizes(X, Y):
    """Return how many inputs, hidden units and outputs there are.

    Parameters
    ----------
    X : array, (n_x, m)
    Y : array, (n_y, m)

    Returns
    -------
    n_x : int
    n_h : int
        4, whatever X and Y are.
    n_y : int
    """
    return X.shape[0], HIDDEN, Y.shape[0]


def initialize_parameters(n_x, n_h, n_y):
    """Return small random weights, and biases of 0.

    Parameters
    ----------
    n_x : int
    n_h : int
    n_y : int
        How many inputs, hidden units and outputs there are.

    Returns
    -------
    parameters : dict
        "W1", (n_h, n_x), "b1", (n_h, 1), "W2", (n_y, n_h), and "b2", (n_y, 1).
        Weights are normally distributed with a standard deviation of 0.01.
    """
    return {
        "W1": np.random.randn(n_h, n_x) * 0.01,
        "b1": np.zeros((n_h, 1)),
        "W2": np.random.randn(n_y, n_h) * 0.01,
        "b2": np.zeros((n_y, 1)),
    }


def forward_propagation(X, parameters):
    """Return the probabilities, and what the backward pass needs.

    Parameters
    ----------
    X : array, (n_x, m)
        m examples, each a column.
    parameters : dict
        "W1", (n_h, n_x), "b1", (n_h, 1), "W2", (n_y, n_h), and "b2", (n_y, 1).

    Returns
    -------
    A2 : array, (n_y, m)
    cache
        Whatever backward_propagation reads.
    """
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, {"A1": A1, "A2": A2}


def compute_cost(A2, Y):
    """Return the mean cross entropy over the examples, with the natural logarithm.

    Parameters
    ----------
    A2 : array, (1, m)
        Probabilities.
    Y : array, (1, m)
        Labels, 0 or 1.

    Returns
    -------
    cost : number
    """
    m = Y.shape[1]
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m


def backward_propagation(parameters, cache, X, Y):
    """Return the gradients of the mean cross entropy over the examples.

    Parameters
    ----------
    parameters : dict
        "W1", (n_h, n_x), "b1", (n_h, 1), "W2", (n_y, n_h), and "b2", (n_y, 1).
    cache
        What forward_propagation returned for them.
    X : array, (n_x, m)
    Y : array, (n_y, m)

    Returns
    -------
    grads : dict
        "dW1", (n_h, n_x), "db1", (n_h, 1), "dW2", (n_y, n_h), and "db2", (n_y, 1).
    """
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def update_parameters(parameters, grads, learning_rate=1.2):
    """Return the parameters after one step of gradient descent.

    Parameters
    ----------
    parameters : dict
        "W1", (n_h, n_x), "b1", (n_h, 1), "W2", (n_y, n_h), and "b2", (n_y, 1).
    grads : dict
        "dW1", (n_h, n_x), "db1", (n_h, 1), "dW2", (n_y, n_h), and "db2", (n_y, 1).
    learning_rate : number

    Returns
    -------
    parameters : dict
        "W1", (n_h, n_x), "b1", (n_h, 1), "W2", (n_y, n_h), and "b2", (n_y, 1).
        A new dict, or the one that was handed in.
    """
    return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}
