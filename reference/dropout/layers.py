"""Inverted dropout, forward and backward.

No function changes what it is handed. You choose what a cache holds.
"""

import numpy as np


def dropout_forward(x, dropout_param):
    """Drop entries of x at random, and return the result with a cache.

    With mode "train", each entry is kept with probability p, independently of all others. A kept
    entry is divided by p, so that the mean stays the same. A dropped entry becomes 0. Draw random
    numbers with np.random.

    With mode "test", the result is x.

    Parameters
    ----------
    x : array, (N, D)
    dropout_param : dict
        "mode", which is "train" or "test", and "p", the probability of keeping an entry.

    Returns
    -------
    out : array, (N, D)
    cache
    """
    if dropout_param["mode"] == "test":
        return x, (dropout_param, None)
    p = dropout_param["p"]
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, (dropout_param, mask)


def dropout_backward(dout, cache):
    """Return the gradient by x.

    Parameters
    ----------
    dout : array, (N, D)
        The gradient by out.
    cache
        The cache of the forward pass, in either mode.

    Returns
    -------
    dx : array, (N, D)
    """
    dropout_param, mask = cache
    if dropout_param["mode"] == "test":
        return dout
    return dout * mask
