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
    loss, dW = 0.0, np.zeros_like(W)
    for i in range(len(X)):
        scores = X[i] @ W
        powers = np.exp(scores - np.max(scores))
        probabilities = powers / np.sum(powers)
        loss -= np.log(probabilities[y[i]])
        for j in range(W.shape[1]):
            dW[:, j] += (probabilities[j] - (j == y[i])) * X[i]
    loss /= len(X)
    dW /= len(X)
    return loss + reg * np.sum(W**2), dW + 2 * reg * W


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
    N = len(X)
    scores = X @ W
    powers = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    dscores = powers / np.sum(powers, axis=1, keepdims=True)
    data_loss = -np.mean(np.log(dscores[np.arange(N), y]))
    dscores[np.arange(N), y] -= 1
    dW = X.T @ dscores / N
    return data_loss + reg * np.sum(W**2), dW + 2 * reg * W
