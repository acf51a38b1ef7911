"""Affine and ReLU layers, forward and backward."""

import numpy as np


def affine_forward(x, w, b):
    """Return ``x @ w + b``, with each example of x as a row, and what the backward needs."""
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    """Return the gradients of x, w and b."""
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    return dx, dw, dout.sum(axis=0)


def relu_forward(x):
    """Return x where it is positive, and else 0."""
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    """Return the gradient of x."""
    return dout * (cache > 0)
