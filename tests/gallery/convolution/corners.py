import numpy as np


def zero_pad(X, pad):
    """Pad the height and width of all images with zeros."""
    return np.pad(X, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode='constant', constant_values=0)


def conv_single_step(a_slice, W, b):
    s = np.multiply(a_slice, W)
    Z = np.sum(s)
    Z = Z + float(b)
    return Z


def create_mask_from_window(window):
    return window == np.max(window)


def conv_forward_naive(x, w, b, conv_param):
    (m, n_C_prev, n_H_prev, n_W_prev) = x.shape
    (n_C, n_C_prev, f_h, f_w) = w.shape
    stride = conv_param['stride']
    pad = conv_param['pad']

    # dimensions of the output volume
    n_H = int((n_H_prev - f_h + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f_w + 2 * pad) / stride) + 1

    Z = np.zeros((m, n_C, n_H, n_W))
    x_pad = zero_pad(x, pad)

    for i in range(m):                      # loop over the batch
        a_prev_pad = x_pad[i]
        for h in range(n_H):                # vertical axis
            vert_start = h * stride
            vert_end = vert_start + f_h
            for v in range(n_W):            # horizontal axis
                horiz_start = v * stride
                horiz_end = horiz_start + f_w
                a_slice = a_prev_pad[:, vert_start:vert_end, horiz_start:horiz_end]
                for c in range(n_C):        # loop over filters
                    Z[i, c, h, v] = conv_single_step(a_slice, w[c], b[c])

    assert Z.shape == (m, n_C, n_H, n_W)
    cache = (x, w, b, conv_param)
    return Z, cache


def conv_backward_naive(dout, cache):
    (x, w, b, conv_param) = cache
    (m, n_C_prev, n_H_prev, n_W_prev) = x.shape
    (n_C, n_C_prev, f_h, f_w) = w.shape
    stride = conv_param['stride']
    pad = conv_param['pad']
    (m, n_C, n_H, n_W) = dout.shape

    dx = np.zeros(x.shape)
    dw = np.zeros(w.shape)
    db = np.zeros(b.shape)

    x_pad = zero_pad(x, pad)
    dx_pad = zero_pad(dx, pad)

    for i in range(m):
        a_prev_pad = x_pad[i]
        da_prev_pad = dx_pad[i]
        for h in range(n_H):
            for v in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    vert_end = vert_start + f_h
                    horiz_start = v * stride
                    horiz_end = horiz_start + f_w
                    a_slice = a_prev_pad[:, vert_start:vert_end, horiz_start:horiz_end]
                    da_prev_pad[:, vert_start:vert_end, horiz_start:horiz_end] += w[c] * dout[i, c, h, v]
                    dw[c] += a_slice * dout[i, c, h, v]
                    db[c] += dout[i, c, h, v]
        # cut the padding off again
        dx[i] = da_prev_pad[:, pad:-pad, pad:-pad]

    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    (m, n_C, n_H_prev, n_W_prev) = x.shape
    f_h = pool_param['pool_height']
    f_w = pool_param['pool_width']
    stride = pool_param['stride']
    n_H = int(1 + (n_H_prev - f_h) / stride)
    n_W = int(1 + (n_W_prev - f_w) / stride)
    A = np.zeros((m, n_C, n_H, n_W))
    for i in range(m):
        for h in range(n_H):
            vert_start = h * stride
            vert_end = vert_start + f_h
            for v in range(n_W):
                horiz_start = v * stride
                horiz_end = horiz_start + f_w
                for c in range(n_C):
                    a_slice = x[i, c, vert_start:vert_end, horiz_start:horiz_end]
                    A[i, c, h, v] = np.max(a_slice)
    cache = (x, pool_param)
    return A, cache


def max_pool_backward_naive(dout, cache):
    (x, pool_param) = cache
    stride = pool_param['stride']
    f_h = pool_param['pool_height']
    f_w = pool_param['pool_width']
    m, n_C, n_H, n_W = dout.shape
    dx = np.zeros(x.shape)
    for i in range(m):
        for h in range(n_H):
            for v in range(n_W):
                for c in range(n_C):
                    vert_start = h * stride
                    vert_end = vert_start + f_h
                    horiz_start = v * stride
                    horiz_end = horiz_start + f_w
                    a_slice = x[i, c, vert_start:vert_end, horiz_start:horiz_end]
                    mask = create_mask_from_window(a_slice)
                    dx[i, c, vert_start:vert_end, horiz_start:horiz_end] += mask * dout[i, c, h, v]
    return dx
