"""Batch normalisation, forward and backward.

No function changes what it is handed, but for running averages. What a cache holds is up to you.
"""

import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    """Normalise each column of x, and return it scaled and shifted, with a cache.

    With mode "train", mean and variance are the batch's, and their running averages in bn_param
    are brought up to date. With mode "test" they are the running averages.

    A variance is the mean of the squared deviations, over N and not N - 1. What is divided by is
    sqrt(variance + eps), with eps under the root. A running average becomes momentum times what it
    was, and 1 - momentum times the batch's.

    Parameters
    ----------
    x : array, (N, D)
    gamma : array, (D,)
    beta : array, (D,)
    bn_param : dict
        "mode", which is "train" or "test". All else may be missing: "eps", then 1e-5, "momentum",
        then 0.9, "running_mean", (D,), and "running_var", (D,), then zeros. With "train" the last
        two are set, or put in; with "test" nothing of it is changed.

    Returns
    -------
    out : array, (N, D)
    cache
    """
    raise NotImplementedError


def batchnorm_backward(dout, cache):
    """Return the gradients of x, gamma and beta, node by node.

    Parameters
    ----------
    dout : array, (N, D)
        The gradient of out, with mode "train".
    cache
        What the forward pass returned.

    Returns
    -------
    dx : array, (N, D)
    dgamma : array, (D,)
    dbeta : array, (D,)
    """
    raise NotImplementedError


def batchnorm_backward_alt(dout, cache):
    """Return the same from the formula that is left when all nodes are put together.

    Parameters
    ----------
    dout : array, (N, D)
    cache
        What the forward pass returned, the same for both.

    Returns
    -------
    dx : array, (N, D)
    dgamma : array, (D,)
    dbeta : array, (D,)
    """
    raise NotImplementedError
