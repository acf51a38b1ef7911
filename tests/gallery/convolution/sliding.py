import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param['stride'], conv_param['pad']
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    views = sliding_window_view(xp, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    # views: (N, C, H', W', HH, WW)
    out = np.einsum('nchwij,fcij->nfhw', views, w)
    out += b[None, :, None, None]
    return out, (x, w, views, conv_param)


def conv_backward_naive(dout, cache):
    x, w, views, conv_param = cache
    stride, pad = conv_param['stride'], conv_param['pad']
    N, C, H, W = x.shape
    F, C, HH, WW = w.shape
    db = dout.sum(axis=(0, 2, 3))
    dw = np.einsum('nchwij,nfhw->fcij', views, dout)
    # spread every output gradient over the pixels it came from
    dxp = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    rows, cols = dout.shape[2:]
    for i in range(HH):
        for j in range(WW):
            share = np.einsum('nfhw,fc->nchw', dout, w[:, :, i, j])
            dxp[:, :, i:i + stride * rows:stride, j:j + stride * cols:stride] += share
    dx = dxp[:, :, pad:H + pad, pad:W + pad]
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    size = (pool_param['pool_height'], pool_param['pool_width'])
    stride = pool_param['stride']
    views = sliding_window_view(x, size, axis=(2, 3))[:, :, ::stride, ::stride]
    out = np.amax(views, axis=(4, 5))
    return out, (x, out, pool_param)


def max_pool_backward_naive(dout, cache):
    x, out, pool_param = cache
    ph, pw = pool_param['pool_height'], pool_param['pool_width']
    stride = pool_param['stride']
    rows, cols = out.shape[2], out.shape[3]
    dx = np.zeros_like(x)
    for i in range(rows):
        for j in range(cols):
            r, c = i * stride, j * stride
            is_max = x[:, :, r:r + ph, c:c + pw] == out[:, :, i, j][:, :, None, None]
            dx[:, :, r:r + ph, c:c + pw] += is_max * dout[:, :, i, j][:, :, None, None]
    return dx
