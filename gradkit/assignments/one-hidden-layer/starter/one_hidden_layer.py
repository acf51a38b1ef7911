"""A net with one hidden layer, tanh and then sigmoid, on a batch whose examples are columns.

No function changes what it is handed, but update_parameters may.
"""

import numpy as np


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
