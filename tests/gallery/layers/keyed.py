import numpy as np


def affine_forward(x, w, b):
    X = np.reshape(x, (x.shape[0], np.prod(x.shape[1:])))
    out = np.einsum("nd,dm->nm", X, w)
    out += b[None, :]
    return out, {"x": x, "w": w, "b": b}


def affine_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    grads = {}
    grads["x"] = np.einsum("nm,dm->nd", dout, w).reshape(*x.shape)
    X = x.reshape(x.shape[0], -1)
    grads["w"] = np.tensordot(X, dout, axes=([0], [0]))
    grads["b"] = np.ones(len(dout)) @ dout
    return tuple(grads[k] for k in ("x", "w", "b"))


def relu_forward(x):
    return 0.5 * (x + np.abs(x)), np.sign(x)


def relu_backward(dout, cache):
    return dout * 0.5 * (1 + cache)
