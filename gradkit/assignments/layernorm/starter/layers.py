"""Layer normalisation, forward and backward.

No function changes what it is handed. You choose what a cache holds.
"""

import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    """Normalise each row of x, and return it scaled and shifted, with a cache.

    Mean and variance are those of one row. The variance is the mean of the squared deviations, over
    D and not D - 1. The row is divided by sqrt(variance + eps), with eps under the root. Then
    each column is scaled by its entry of gamma and shifted by its entry of beta.

    Parameters
    ----------
    x : array, (N, D)
    gamma : array, (D,)
    beta : array, (D,)
    ln_param : dict
        It may have "eps". If not, eps is 1e-5.

    Returns
    -------
    out : array, (N, D)
    cache
    """
    raise NotImplementedError


def layernorm_backward(dout, cache):
    """Return the gradients by x, gamma and beta.

    Parameters
    ----------
    dout : array, (N, D)
        The gradient by out.
    cache
        The cache of the forward pass.

    Returns
    -------
    dx : array, (N, D)
    dgamma : array, (D,)
    dbeta : array, (D,)
    """
    raise NotImplementedError
