"""A layer as two functions, a step with a dict of gradients, and a layer as a class."""

import numpy as np


def scale_forward(x, gamma, beta):
    """Return each column of x, (N, D), scaled by gamma and shifted by beta, and a cache."""
    return gamma * x + beta, (x, gamma)


def scale_backward(dout, cache):
    """Return the gradients of x, gamma and beta."""
    x, gamma = cache
    return dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)


def propagate(parameters, X, Y):
    """Return the mean squared error over the examples, and its gradients.

    Parameters
    ----------
    parameters : dict
        W, (k, n), and b, (k, 1).
    X, Y : arrays, (n, m) and (k, m)

    Returns
    -------
    cost : float
    grads : dict
        dW and db, in the shapes of W and b.
    """
    m = X.shape[1]
    error = parameters["W"] @ X + parameters["b"] - Y
    cost = np.sum(error**2) / m
    dW = 2 * error @ X.T / m
    db = 2 * error.sum(axis=1, keepdims=True) / m
    return cost, {"dW": dW, "db": db}


class Linear:
    """A linear layer; W is (out, in), b is (out,)."""

    def __init__(self, inputs, outputs):
        """Make the parameters: zeros."""
        self.W = np.zeros((outputs, inputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        """Return the output for x, (N, in)."""
        self.x = x
        return x @ self.W.T + self.b

    def backward(self, dout):
        """Return the gradient of x, and keep those of W and b as dW and db."""
        self.dW = dout.T @ self.x
        self.db = dout.sum(axis=0)
        return dout @ self.W
