"""The softmax loss of a linear classifier, and its gradient.

No function changes what it is handed.
"""

import numpy as np


def softmax_loss_naive(W, X, y, reg):
    """Return the loss and its gradient, one example and one class at a time.

    The loss is the mean over the examples of -log of the probability of the right class, and on top
    reg * sum(W²). Both are finite for scores of a thousand too.

    Parameters
    ----------
    W : array, (D, C)
    X : array, (N, D)
        N examples, each a row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    reg : number

    Returns
    -------
    loss : number
    dW : array, (D, C)
    """
    raise NotImplementedError


def softmax_loss_vectorized(W, X, y, reg):
    """Return the same without a loop.

    The loss is the mean over the examples of -log of the probability of the right class, and on top
    reg * sum(W²). Both are finite for scores of a thousand too.

    Parameters
    ----------
    W : array, (D, C)
    X : array, (N, D)
        N examples, each a row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    reg : number

    Returns
    -------
    loss : number
    dW : array, (D, C)
    """
    raise NotImplementedError
