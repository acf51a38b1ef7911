"""The softmax loss of a linear classifier, and its gradient."""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    """Return the loss and its gradient, one example and one class at a time."""
    raise NotImplementedError


def softmax_loss_vectorized(W, X, y, reg):
    """Return the same without a loop."""
    raise NotImplementedError
