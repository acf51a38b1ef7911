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
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1]))
    if bn_param["mode"] == "test":
        return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta, None
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    std = np.sqrt(var + eps)
    x_hat = (x - mean) / std
    bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean
    bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    return gamma * x_hat + beta, (x_hat, gamma, std)


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
    x_hat, gamma, std = cache
    centred = x_hat * std
    dx_hat = dout * gamma
    dvar = np.sum(dx_hat * centred, axis=0) * -0.5 / std**3
    # The mean counts through x_hat alone: what it does to the variance adds up to 0.
    dmean = np.sum(dx_hat, axis=0) / -std
    dx = dx_hat / std + (2 * centred * dvar + dmean) / len(dout)
    dgamma = np.sum(dout * x_hat, axis=0)
    dbeta = np.sum(dout, axis=0)
    return dx, dgamma, dbeta


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
    x_hat, gamma, std = cache
    mean_dout, mean_both = dout.mean(axis=0), np.mean(dout * x_hat, axis=0)
    dx = gamma / std * (dout - mean_dout - x_hat * mean_both)
    return dx, len(dout) * mean_both, len(dout) * mean_dout
