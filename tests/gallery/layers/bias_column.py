import numpy as np


def affine_forward(x, w, b):
    N = len(x)
    X = x.reshape((N, w.shape[0]))
    # bias trick: append a column of ones and put b below w
    X1 = np.hstack([X, np.ones((N, 1))])
    w1 = np.vstack([w, b[np.newaxis, :]])
    out = X1.dot(w1)
    return out, (X1, w1, x.shape)


def affine_backward(dout, cache):
    X1, w1, xshape = cache
    dX1 = dout.dot(w1.transpose())
    dw1 = X1.transpose().dot(dout)
    dx = dX1[:, :-1].reshape(xshape)
    dw = dw1[:-1, :]
    db = dw1[-1, :]
    return dx, dw, db


def relu_forward(x):
    out = x * (x > 0)
    cache = out
    return out, cache


def relu_backward(dout, cache):
    out = cache
    drelu = np.zeros(out.shape)
    drelu[out > 0] = 1
    dx = np.multiply(dout, drelu)
    return dx
