"""The SVM (hinge) loss of a linear classifier, and its gradient.

No function changes what it is handed.
"""

import numpy as np


def svm_loss_naive(W, X, y, reg):
    """Return the loss and its gradient, computed with loops.

    The margin of a class is its score minus the score of the right class, plus 1. The loss of an
    example is the sum of the positive margins of all wrong classes. The result is the mean of
    these losses over the N examples, plus reg * sum(W²).

    Parameters
    ----------
    W : array, (D, C)
    X : array, (N, D)
        N examples, one in each row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    reg : number

    Returns
    -------
    loss : number
    dW : array, (D, C)
        The gradient of the loss by W.
    """
    raise NotImplementedError


def svm_loss_vectorized(W, X, y, reg):
    """Return the loss and its gradient, computed without a loop.

    The margin of a class is its score minus the score of the right class, plus 1. The loss of an
    example is the sum of the positive margins of all wrong classes. The result is the mean of
    these losses over the N examples, plus reg * sum(W²).

    Parameters
    ----------
    W : array, (D, C)
    X : array, (N, D)
        N examples, one in each row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    reg : number

    Returns
    -------
    loss : number
    dW : array, (D, C)
        The gradient of the loss by W.
    """
    raise NotImplementedError
