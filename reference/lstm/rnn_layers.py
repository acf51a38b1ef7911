"""An LSTM: one step and a sequence, forward and backward.

No function changes what it is handed. Only gradients may change. You choose what a cache holds.
"""

import numpy as np


def sigmoid(z):
    """Return the logistic function of each entry, which is finite for large numbers too."""
    return 0.5 * (1 + np.tanh(z / 2))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """Return the next hidden state, the next cell state and a cache.

    The columns of Wx, Wh and b belong to four gates, H columns each, in this order: input gate,
    forget gate, output gate, and the new content. The first three gates use the logistic function,
    the new content uses tanh. The forget gate multiplies the previous cell state, the input gate
    the new content, and the output gate tanh of the next cell state.

    Parameters
    ----------
    x : array, (N, D)
        The input of this step, a row for each example.
    prev_h : array, (N, H)
        The previous hidden state.
    prev_c : array, (N, H)
        The previous cell state.
    Wx : array, (D, 4H)
    Wh : array, (H, 4H)
    b : array, (4H,)

    Returns
    -------
    next_h : array, (N, H)
    next_c : array, (N, H)
    cache
    """
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i = sigmoid(a[:, :H])
    f = sigmoid(a[:, H : 2 * H])
    o = sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    next_c = f * prev_c + i * g
    tanh_c = np.tanh(next_c)
    return o * tanh_c, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    """Return the gradients by the inputs and the weights of one step.

    Parameters
    ----------
    dnext_h : array, (N, H)
        The gradient by the next hidden state.
    dnext_c : array, (N, H)
        The gradient by the next cell state, without the part that comes through the next hidden
        state.
    cache
        The cache of the forward pass.

    Returns
    -------
    dx : array, (N, D)
    dprev_h : array, (N, H)
    dprev_c : array, (N, H)
    dWx : array, (D, 4H)
    dWh : array, (H, 4H)
    db : array, (4H,)
    """
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c = cache
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    di = dc * g * i * (1 - i)
    df = dc * prev_c * f * (1 - f)
    do = dnext_h * tanh_c * o * (1 - o)
    dg = dc * i * (1 - g**2)
    da = np.hstack([di, df, do, dg])
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_forward(x, h0, Wx, Wh, b):
    """Return the hidden states of all T steps and a cache. All steps use the same weights.

    The cell state before the first step is zero.

    Parameters
    ----------
    x : array, (N, T, D)
        The inputs: x[:, t] is the input of step t.
    h0 : array, (N, H)
        The hidden state before the first step.
    Wx : array, (D, 4H)
    Wh : array, (H, 4H)
    b : array, (4H,)

    Returns
    -------
    h : array, (N, T, H)
        h[:, t] is the hidden state after step t.
    cache
    """
    states, caches = [], []
    state, cell = h0, np.zeros_like(h0)
    for t in range(x.shape[1]):
        state, cell, cache = lstm_step_forward(x[:, t], state, cell, Wx, Wh, b)
        states.append(state)
        caches.append(cache)
    return np.stack(states, axis=1), caches


def lstm_backward(dh, cache):
    """Return the gradients by the inputs and the weights of a sequence.

    Parameters
    ----------
    dh : array, (N, T, H)
        dh[:, t] is the gradient by the hidden state of step t as an output, without the part that
        comes through later steps.
    cache
        The cache of the forward pass.

    Returns
    -------
    dx : array, (N, T, D)
    dh0 : array, (N, H)
    dWx : array, (D, 4H)
    dWh : array, (H, 4H)
    db : array, (4H,)
    """
    dx, dstate, dcell = [], 0, 0
    dWx, dWh, db = 0, 0, 0
    for t in reversed(range(dh.shape[1])):
        step = lstm_step_backward(dh[:, t] + dstate, dcell, cache[t])
        dx_t, dstate, dcell, dWx_t, dWh_t, db_t = step
        dx.insert(0, dx_t)
        dWx = dWx + dWx_t
        dWh = dWh + dWh_t
        db = db + db_t
    return np.stack(dx, axis=1), dstate, dWx, dWh, db
