"""Softmax regression and a two-layer net, by epochs of gradient descent on mini-batches."""

import numpy as np


def softmax_loss(Z, y):
    """Return the mean over examples of -log of the probability of the right class."""
    raise NotImplementedError


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    """Change theta in place, by a step for each batch in turn."""
    raise NotImplementedError


def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    """Change the weights of ``ReLU(X W1) W2`` in place, by a step for each batch in turn."""
    raise NotImplementedError
