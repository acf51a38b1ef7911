"""Affine and ReLU layers, forward and backward.

No function changes what it is handed. What a cache holds is up to you.
"""

import numpy as np


def affine_forward(x, w, b):
    """Return the output of an affine layer, and a cache of what its backward pass needs.

    Parameters
    ----------
    x : array, (N, d1, ..., dk)
        N examples; each is a row of D = d1 · ... · dk numbers to the layer.
    w : array, (D, M)
    b : array, (M,)

    Returns
    -------
    out : array, (N, M)
    cache
    """
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    """Return the gradients of x, w and b, each in the shape of its own.

    Parameters
    ----------
    dout : array, (N, M)
        The gradient of the output: sums over the batch are not divided by N.
    cache
        What the forward pass returned.

    Returns
    -------
    dx : array, (N, d1, ..., dk)
    dw : array, (D, M)
    db : array, (M,)
    """
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    return dx, dw, dout.sum(axis=0)


def relu_forward(x):
    """Return the rectified linear unit of x, and a cache for its backward pass.

    Parameters
    ----------
    x : array, of any shape

    Returns
    -------
    out : array, in the shape of x
    cache
    """
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """Return the gradient of x, from that of the output and the cache.

    Parameters
    ----------
    dout : array, of any shape
        The gradient of the output.
    cache
        What the forward pass returned.

    Returns
    -------
    dx : array, in the shape of dout
    """
    return dout * (cache > 0)
