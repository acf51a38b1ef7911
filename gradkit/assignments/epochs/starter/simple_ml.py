"""Softmax regression and a two-layer net, by epochs of gradient descent on mini-batches.

No function changes what it is handed, but for what is learnt: theta, W1 and W2.
"""

import numpy as np


def softmax_loss(Z, y):
    """Return the mean over examples of -log of the probability of the right class.

    Parameters
    ----------
    Z : array, (N, C)
        What goes into the softmax, a row for each example.
    y : array of int, (N,)
        Labels, from 0 to C - 1.

    Returns
    -------
    loss : number
    """
    raise NotImplementedError


def softmax_regression_epoch(X, y, theta, lr=0.1, batch=100):
    """Change theta in place, by a step for each batch in turn.

    Batches are taken in the order of the examples, the first `batch` of them to begin with. A step
    is one of gradient descent on the mean loss over its batch. Nothing is returned.

    Parameters
    ----------
    X : array, (N, D)
        N examples, each a row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    theta : array, (D, C)
        What is learnt, without a bias.
    lr : number
        The learning rate.
    batch : int
        How many examples a batch has; N is a multiple of it.
    """
    raise NotImplementedError


def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    """Change the weights of ``ReLU(X W1) W2`` in place, by a step for each batch in turn.

    Batches are taken in the order of the examples, the first `batch` of them to begin with. A step
    is one of gradient descent on the mean loss over its batch: both gradients are taken before
    either weight is changed. Nothing is returned.

    Parameters
    ----------
    X : array, (N, D)
        N examples, each a row.
    y : array of int, (N,)
        Labels, from 0 to C - 1.
    W1 : array, (D, H)
    W2 : array, (H, C)
        What is learnt, without biases.
    lr : number
        The learning rate.
    batch : int
        How many examples a batch has; N is a multiple of it.
    """
    raise NotImplementedError
