"""A simple recurrent network: one step and a sequence, forward and backward.

No function changes what it is handed. Only gradients may change. You choose what a cache holds.
"""

import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """Return the next hidden state and a cache.

    The next state is tanh of a linear function of the input and the previous state.

    Parameters
    ----------
    x : array, (N, D)
        The input of this step, a row for each example.
    prev_h : array, (N, H)
        The previous hidden state.
    Wx : array, (D, H)
    Wh : array, (H, H)
    b : array, (H,)

    Returns
    -------
    next_h : array, (N, H)
    cache
    """
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    """Return the gradients by the inputs and the weights of one step.

    Parameters
    ----------
    dnext_h : array, (N, H)
        The gradient by the next hidden state.
    cache
        The cache of the forward pass.

    Returns
    -------
    dx : array, (N, D)
    dprev_h : array, (N, H)
    dWx : array, (D, H)
    dWh : array, (H, H)
    db : array, (H,)
    """
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def rnn_forward(x, h0, Wx, Wh, b):
    """Return the hidden states of all T steps and a cache. All steps use the same weights.

    Parameters
    ----------
    x : array, (N, T, D)
        The inputs: x[:, t] is the input of step t.
    h0 : array, (N, H)
        The hidden state before the first step.
    Wx : array, (D, H)
    Wh : array, (H, H)
    b : array, (H,)

    Returns
    -------
    h : array, (N, T, H)
        h[:, t] is the hidden state after step t.
    cache
    """
    states, caches, state = [], [], h0
    for t in range(x.shape[1]):
        state, cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        states.append(state)
        caches.append(cache)
    return np.stack(states, axis=1), caches


def rnn_backward(dh, cache):
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
    dWx : array, (D, H)
    dWh : array, (H, H)
    db : array, (H,)
    """
    T = dh.shape[1]
    dx, dstate = [], 0
    dWx, dWh, db = 0, 0, 0
    for t in reversed(range(T)):
        dx_t, dstate, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dstate, cache[t])
        dx.insert(0, dx_t)
        dWx = dWx + dWx_t
        dWh = dWh + dWh_t
        db = db + db_t
    return np.stack(dx, axis=1), dstate, dWx, dWh, db
