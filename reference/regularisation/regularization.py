"""L2 regularisation and dropout in a net of three layers: ReLU, ReLU, sigmoid.

Examples are the columns of X. No function changes what it is handed. You may import compute_cost,
relu and sigmoid from reg_utils.
"""

import numpy as np


def compute_cost_with_regularization(A3, Y, parameters, lambd):
    """Return the mean cross entropy over the examples plus the L2 penalty.

    The penalty is lambd / (2 m) times the sum of the squares of all weights. Biases have none.

    Parameters
    ----------
    A3 : array, (1, m)
        Probabilities.
    Y : array, (1, m)
        Labels, 0 or 1.
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), of the layers l = 1, 2, 3.
    lambd : number

    Returns
    -------
    cost : number
    """
    m = Y.shape[1]
    W1, W2, W3 = parameters["W1"], parameters["W2"], parameters["W3"]
    cross_entropy = -np.sum(Y * np.log(A3) + (1 - Y) * np.log(1 - A3)) / m
    penalty = lambd / (2 * m) * (np.sum(W1**2) + np.sum(W2**2) + np.sum(W3**2))
    return cross_entropy + penalty


def backward_propagation_with_regularization(X, Y, cache, lambd):
    """Return the gradients of the cost with the L2 penalty.

    Parameters
    ----------
    X : array, (n_0, m)
        m examples, each a column.
    Y : array, (1, m)
        Labels, 0 or 1.
    cache : tuple
        (Z1, A1, W1, b1, Z2, A2, W2, b2, Z3, A3, W3, b3), of a forward pass without dropout.
    lambd : number

    Returns
    -------
    gradients : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1), of the layers l = 1, 2, 3. It may have more.
    """
    m = X.shape[1]
    Z1, A1, W1, _, Z2, A2, W2, _, _, A3, W3, _ = cache
    dZ3 = A3 - Y
    dW3 = (dZ3 @ A2.T + lambd * W3) / m
    db3 = np.sum(dZ3, axis=1, keepdims=True) / m
    dZ2 = W3.T @ dZ3 * (Z2 > 0)
    dW2 = (dZ2 @ A1.T + lambd * W2) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = (dZ1 @ X.T + lambd * W1) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW3": dW3, "db3": db3, "dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1}


def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    """Return the probabilities, with inverted dropout after both ReLUs, and a cache.

    Each unit of each example is kept with probability keep_prob, independently of all others. Its
    activation is then divided by keep_prob. The activation of a unit that is dropped becomes 0.
    Draw random numbers with np.random. Any seed and any way to draw a mask is right.

    Parameters
    ----------
    X : array, (n_0, m)
        m examples, each a column.
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), of the layers l = 1, 2, 3.
    keep_prob : number

    Returns
    -------
    A3 : array, (n_3, m)
    cache
        The course has (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3).
    """
    W1, b1 = parameters["W1"], parameters["b1"]
    W2, b2 = parameters["W2"], parameters["b2"]
    W3, b3 = parameters["W3"], parameters["b3"]
    Z1 = W1 @ X + b1
    D1 = np.random.rand(*Z1.shape) < keep_prob
    A1 = np.maximum(Z1, 0) * D1 / keep_prob
    Z2 = W2 @ A1 + b2
    D2 = np.random.rand(*Z2.shape) < keep_prob
    A2 = np.maximum(Z2, 0) * D2 / keep_prob
    Z3 = W3 @ A2 + b3
    A3 = 1 / (1 + np.exp(-Z3))
    cache = (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3)
    return A3, cache


def backward_propagation_with_dropout(X, Y, cache, keep_prob):
    """Return the gradients of the mean cross entropy, for the units that were dropped.

    Parameters
    ----------
    X : array, (n_0, m)
        m examples, each a column.
    Y : array, (1, m)
        Labels, 0 or 1.
    cache : tuple
        (Z1, D1, A1, W1, b1, Z2, D2, A2, W2, b2, Z3, A3, W3, b3), of a forward pass with dropout.
        D1 and D2 are True where a unit was kept and else False, A1 and A2 are the activations after
        dropout.
    keep_prob : number
        As in the forward pass.

    Returns
    -------
    gradients : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1), of the layers l = 1, 2, 3. Also "dA1", (n_1, m),
        and "dA2", (n_2, m), m times the gradients by the activations before dropout: 0 where a unit
        was dropped. It may have more.
    """
    m = X.shape[1]
    Z1, D1, A1, _, _, Z2, D2, A2, W2, _, _, A3, W3, _ = cache
    dZ3 = A3 - Y
    dW3 = dZ3 @ A2.T / m
    db3 = np.sum(dZ3, axis=1, keepdims=True) / m
    dA2 = W3.T @ dZ3 * D2 / keep_prob
    dZ2 = dA2 * (Z2 > 0)
    dW2 = dZ2 @ A1.T / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dA1 = W2.T @ dZ2 * D1 / keep_prob
    dZ1 = dA1 * (Z1 > 0)
    dW1 = dZ1 @ X.T / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    weights = {"dW3": dW3, "dW2": dW2, "dW1": dW1}
    return {**weights, "db3": db3, "db2": db2, "db1": db1, "dA2": dA2, "dA1": dA1}
