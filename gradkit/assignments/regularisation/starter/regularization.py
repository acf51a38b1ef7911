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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
