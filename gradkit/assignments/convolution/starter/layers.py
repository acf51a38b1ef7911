"""Convolution and max pooling, forward and backward, window by window.

No function changes what it is handed. What a cache holds is up to you.
"""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    """Return each filter's sum over each window of the padded images, and a cache.

    A sum is of the products of what stands in the same place of window and filter, which is not
    turned round, over all channels, and the filter's bias is added.

    Parameters
    ----------
    x : array, (N, C, H, W)
        N images of C channels.
    w : array, (F, C, HH, WW)
        F filters.
    b : array, (F,)
    conv_param : dict
        "stride", how far it is from window to window, down and across, and "pad", how many rows
        and columns of zeros are put on each side.

    Returns
    -------
    out : array, (N, F, HO, WO)
        HO and WO are how many windows there are, down and across. They end with the last row and
        column.
    cache
    """
    raise NotImplementedError


def conv_backward_naive(dout, cache):
    """Return the gradients of x, w and b: each window adds its share.

    Parameters
    ----------
    dout : array, (N, F, HO, WO)
        The gradient of out: sums over the batch are not divided by N.
    cache
        What the forward pass returned.

    Returns
    -------
    dx : array, (N, C, H, W)
        Of the images without their padding.
    dw : array, (F, C, HH, WW)
    db : array, (F,)
    """
    raise NotImplementedError


def max_pool_forward_naive(x, pool_param):
    """Return the largest number of each window, and a cache.

    Parameters
    ----------
    x : array, (N, C, H, W)
        N images of C channels.
    pool_param : dict
        "pool_height" and "pool_width", the size of a window, and "stride", how far it is from
        window to window, down and across. There is no padding.

    Returns
    -------
    out : array, (N, C, HO, WO)
        HO and WO are how many windows there are, down and across.
    cache
    """
    raise NotImplementedError


def max_pool_backward_naive(dout, cache):
    """Return the gradient of x: that of each window goes to its largest number.

    No two numbers of a window are equal, and windows do not overlap.

    Parameters
    ----------
    dout : array, (N, C, HO, WO)
        The gradient of out.
    cache
        What the forward pass returned.

    Returns
    -------
    dx : array, (N, C, H, W)
    """
    raise NotImplementedError
