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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
