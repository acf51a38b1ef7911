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
    stride, pad = conv_param["stride"], conv_param["pad"]
    height, width = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows = 1 + (padded.shape[2] - height) // stride
    columns = 1 + (padded.shape[3] - width) // stride
    out = np.zeros((len(x), len(w), rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + height, left : left + width]
            out[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b, conv_param)


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
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    height, width = w.shape[2:]
    padded = np.pad(x, ((0,), (0,), (pad,), (pad,)))
    dpadded = np.zeros_like(padded)
    dw = np.zeros_like(w)
    db = dout.sum(axis=(0, 2, 3))
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            place = np.s_[:, :, top : top + height, left : left + width]
            dpadded[place] += np.tensordot(dout[:, :, i, j], w, 1)
            dw += np.tensordot(dout[:, :, i, j].T, padded[place], 1)
    dx = dpadded[:, :, pad : dpadded.shape[2] - pad, pad : dpadded.shape[3] - pad]
    return dx, dw, db


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
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    rows = 1 + (x.shape[2] - height) // stride
    columns = 1 + (x.shape[3] - width) // stride
    out = np.zeros((*x.shape[:2], rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            out[:, :, i, j] = x[:, :, top : top + height, left : left + width].max(axis=(2, 3))
    return out, (x, pool_param)


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
    x, pool_param = cache
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            place = np.s_[:, :, top : top + height, left : left + width]
            largest = x[place].max(axis=(2, 3), keepdims=True)
            dx[place] += (x[place] == largest) * dout[:, :, i : i + 1, j : j + 1]
    return dx
