import numpy as np


def affine_forward(x, w, b):
    out = None
    N = x.shape[0]
    D = np.prod(x.shape[1:])
    x_row = np.reshape(x, (N, D))
    out = np.dot(x_row, w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    dx, dw, db = None, None, None
    N = x.shape[0]
    dx = np.dot(dout, w.T)
    dx = dx.reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.ones((1, N)).dot(dout).reshape(-1)
    return dx, dw, db


def relu_forward(x):
    out = x.copy()
    out[out < 0] = 0
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx, x = None, cache
    dx = dout
    dx[x <= 0] = 0
    return dx
