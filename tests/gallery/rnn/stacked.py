import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    # one product with the input and the state side by side
    both = np.concatenate([x, prev_h], axis=1)
    W = np.concatenate([Wx, Wh])
    z = np.exp(2 * (both @ W + b))
    return (z - 1) / (z + 1), {"both": both, "W": W, "slope": 4 * z / (z + 1) ** 2}


def rnn_step_backward(dnext_h, cache):
    D = cache["W"].shape[0] - cache["W"].shape[1]
    da = cache["slope"] * dnext_h
    dboth, dW = np.einsum("nh,kh->nk", da, cache["W"]), np.einsum("nk,nh->kh", cache["both"], da)
    return dboth[:, :D], dboth[:, D:], dW[:D], dW[D:], np.ones(len(da)) @ da


def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.empty((T + 1,) + h0.shape)
    h[0] = h0
    inputs = np.tensordot(x, Wx, axes=1) + b
    for t in range(T):
        h[t + 1] = np.tanh(inputs[:, t] + h[t] @ Wh)
    return h[1:].transpose(1, 0, 2), (x, h, Wx, Wh)


def rnn_backward(dh, cache):
    x, h, Wx, Wh = cache
    da = np.zeros_like(dh)
    back = np.zeros_like(h[0])
    for t in range(dh.shape[1])[::-1]:
        da[:, t] = (dh[:, t] + back) * (1 - h[t + 1] * h[t + 1])
        back = da[:, t] @ Wh.T
    dx = da @ Wx.T
    dWx = np.einsum("ntd,nth->dh", x, da)
    dWh = np.einsum("tng,nth->gh", h[:-1], da)
    return dx, back, dWx, dWh, da.sum(axis=(0, 1))
