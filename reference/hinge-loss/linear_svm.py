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
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(X)):
        scores = X[i] @ W
        for j in range(W.shape[1]):
            margin = scores[j] - scores[y[i]] + 1
            if j != y[i] and margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss /= len(X)
    dW /= len(X)
    return loss + reg * np.sum(W**2), dW + 2 * reg * W


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
    N = len(X)
    scores = X @ W
    margins = np.maximum(scores - scores[np.arange(N), y][:, np.newaxis] + 1, 0)
    margins[np.arange(N), y] = 0
    dscores = (margins > 0).astype(float)
    dscores[np.arange(N), y] = -dscores.sum(axis=1)
    data_loss = margins.sum() / N
    dW = X.T @ dscores / N
    return data_loss + reg * np.sum(W**2), dW + 2 * reg * W
