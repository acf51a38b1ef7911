import numpy as np

def affine_forward(x, w, b):
    X = np.asmatrix(x.reshape(x.shape[0], -1))
    out = X * np.asmatrix(w) + b
    return out, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    dout = np.asmatrix(dout)
    X = np.asmatrix(x.reshape(x.shape[0], -1))
    dx = np.asarray(dout * np.asmatrix(w).T).reshape(x.shape)
    dw = X.T * dout
    db = np.asarray(dout.sum(axis=0)).ravel()
    return dx, dw, db

def relu_forward(x):
    return np.asmatrix(np.maximum(0, x)), x

def relu_backward(dout, cache):
    return np.asmatrix(np.multiply(dout, (cache > 0)))
