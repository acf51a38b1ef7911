"""An LSTM: one step and a sequence, forward and backward.

No function changes what it is handed. Only gradients may change. You choose what a cache holds.
"""

import numpy as np


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
