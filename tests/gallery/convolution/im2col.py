import numpy as np


def indices(shape, HH, WW, stride):
    N, C, H, W = shape
    rows = (H - HH) // stride + 1
    cols = (W - WW) // stride + 1
    c = np.repeat(np.arange(C), HH * WW).reshape(-1, 1)
    i0 = np.tile(np.repeat(np.arange(HH), WW), C)
    j0 = np.tile(np.arange(WW), HH * C)
    i1 = stride * np.repeat(np.arange(rows), cols)
    j1 = stride * np.tile(np.arange(cols), rows)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    return c, i, j, rows, cols


def im2col(x, HH, WW, stride):
    c, i, j, rows, cols = indices(x.shape, HH, WW, stride)
    return x[:, c, i, j], rows, cols


def col2im(columns, shape, HH, WW, stride):
    x = np.zeros(shape)
    c, i, j, _, _ = indices(shape, HH, WW, stride)
    np.add.at(x, (slice(None), c, i, j), columns)
    return x


def conv_forward_naive(x, w, b, conv_param):
    F, C, HH, WW = w.shape
    p = conv_param["pad"]
    xp = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)], "constant")
    columns, rows, cols = im2col(xp, HH, WW, conv_param["stride"])
    out = w.reshape(F, -1) @ columns + b.reshape(-1, 1)
    return out.reshape(len(x), F, rows, cols), {
        "columns": columns,
        "w": w,
        "shape": xp.shape,
        "conv_param": conv_param,
    }


def conv_backward_naive(dout, cache):
    w, columns, p = cache["w"], cache["columns"], cache["conv_param"]["pad"]
    F, C, HH, WW = w.shape
    dflat = dout.reshape(len(dout), F, -1)
    db = dflat.sum(axis=2).sum(axis=0)
    dw = np.matmul(dflat, columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
    dcolumns = w.reshape(F, -1).T @ dflat
    dx = col2im(dcolumns, cache["shape"], HH, WW, cache["conv_param"]["stride"])
    if p > 0:
        dx = dx[:, :, p:-p, p:-p]
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    ph, pw, s = [pool_param[k] for k in ("pool_height", "pool_width", "stride")]
    split = x.reshape(N * C, 1, H, W)
    columns, rows, cols = im2col(split, ph, pw, s)
    best = np.argmax(columns, axis=1)
    out = np.take_along_axis(columns, best[:, None, :], axis=1)
    return out.reshape(N, C, rows, cols), (split.shape, x.shape, columns.shape, best, ph, pw, s)


def max_pool_backward_naive(dout, cache):
    split, shape, columns, best, ph, pw, s = cache
    dcolumns = np.zeros(columns)
    flat = dout.reshape(columns[0], 1, -1)
    np.put_along_axis(dcolumns, best[:, None, :], flat, axis=1)
    return col2im(dcolumns, split, ph, pw, s).reshape(shape)
