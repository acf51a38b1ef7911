"""A recurrent network and an LSTM: a cell and a sequence, forward and backward.

Examples are columns, and steps are the last axis. The probabilities of a cell are the softmax of a
linear function of its next hidden state; gradients do not come from them.

No function changes what it is handed, except for gradients. You choose what a cache holds. You may
import softmax and sigmoid from rnn_utils.
"""

import numpy as np


def rnn_cell_forward(xt, a_prev, parameters):
    """Return the next hidden state of a simple cell, its probabilities and a cache.

    The next state is tanh of a linear function of the input and the previous state.

    Parameters
    ----------
    xt : array, (n_x, m)
        The input of this step, a column for each example.
    a_prev : array, (n_a, m)
        The previous hidden state.
    parameters : dict
        "Wax", (n_a, n_x), "Waa", (n_a, n_a), and "ba", (n_a, 1), of the state; "Wya", (n_y, n_a),
        and "by", (n_y, 1), of the probabilities.

    Returns
    -------
    a_next : array, (n_a, m)
    yt_pred : array, (n_y, m)
    cache
        The course has (a_next, a_prev, xt, parameters).
    """
    raise NotImplementedError


def rnn_forward(x, a0, parameters):
    """Return the hidden states and probabilities of all steps, and a cache.

    All steps use the same parameters.

    Parameters
    ----------
    x : array, (n_x, m, T_x)
        The inputs: x[:, :, t] is the input of step t.
    a0 : array, (n_a, m)
        The hidden state before the first step.
    parameters : dict
        "Wax", (n_a, n_x), "Waa", (n_a, n_a), "ba", (n_a, 1), "Wya", (n_y, n_a), and
        "by", (n_y, 1).

    Returns
    -------
    a : array, (n_a, m, T_x)
        a[:, :, t] is the hidden state after step t.
    y_pred : array, (n_y, m, T_x)
    caches
        The course has a pair: the list of the caches of the cells, and x.
    """
    raise NotImplementedError


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """Return the next hidden state and the next memory of an LSTM cell, probabilities and a cache.

    Each gate is the logistic function of a linear function of the previous hidden state on top of
    the input. The candidate is tanh of such a function. The next memory is the forget gate times
    the previous memory plus the update gate times the candidate. The next hidden state is the
    output gate times tanh of the next memory.

    Parameters
    ----------
    xt : array, (n_x, m)
        The input of this step, a column for each example.
    a_prev : array, (n_a, m)
        The previous hidden state.
    c_prev : array, (n_a, m)
        The previous memory.
    parameters : dict
        "Wf", (n_a, n_a + n_x), and "bf", (n_a, 1), of the forget gate;
        "Wi", (n_a, n_a + n_x), and "bi", (n_a, 1), of the update gate;
        "Wc", (n_a, n_a + n_x), and "bc", (n_a, 1), of the candidate;
        "Wo", (n_a, n_a + n_x), and "bo", (n_a, 1), of the output gate;
        "Wy", (n_y, n_a), and "by", (n_y, 1), of the probabilities.

    Returns
    -------
    a_next : array, (n_a, m)
    c_next : array, (n_a, m)
    yt_pred : array, (n_y, m)
    cache
        The course has (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters).
    """
    raise NotImplementedError


def lstm_forward(x, a0, parameters):
    """Return the hidden states, probabilities and memories of all steps, and a cache.

    All steps use the same parameters. The memory before the first step is 0.

    Parameters
    ----------
    x : array, (n_x, m, T_x)
        The inputs: x[:, :, t] is the input of step t.
    a0 : array, (n_a, m)
        The hidden state before the first step.
    parameters : dict
        "Wf", (n_a, n_a + n_x), "bf", (n_a, 1), "Wi", (n_a, n_a + n_x), "bi", (n_a, 1),
        "Wc", (n_a, n_a + n_x), "bc", (n_a, 1), "Wo", (n_a, n_a + n_x), "bo", (n_a, 1),
        "Wy", (n_y, n_a), and "by", (n_y, 1).

    Returns
    -------
    a : array, (n_a, m, T_x)
        a[:, :, t] is the hidden state after step t.
    y : array, (n_y, m, T_x)
    c : array, (n_a, m, T_x)
        The memories.
    caches
        The course has a pair: the list of the caches of the cells, and x.
    """
    raise NotImplementedError


def rnn_cell_backward(da_next, cache):
    """Return the gradients of a simple cell.

    Parameters
    ----------
    da_next : array, (n_a, m)
        The gradient by the next hidden state.
    cache
        The cache of the forward pass.

    Returns
    -------
    gradients : dict
        "dxt", (n_x, m), "da_prev", (n_a, m), "dWax", (n_a, n_x), "dWaa", (n_a, n_a), and
        "dba", (n_a, 1).
    """
    raise NotImplementedError


def rnn_backward(da, caches):
    """Return the gradients of a sequence of simple cells.

    Parameters
    ----------
    da : array, (n_a, m, T_x)
        da[:, :, t] is the gradient by the hidden state of step t as an output, without the part
        that comes through later steps.
    caches
        The caches of the forward pass.

    Returns
    -------
    gradients : dict
        "dx", (n_x, m, T_x), "da0", (n_a, m), "dWax", (n_a, n_x), "dWaa", (n_a, n_a), and
        "dba", (n_a, 1).
    """
    raise NotImplementedError


def lstm_cell_backward(da_next, dc_next, cache):
    """Return the gradients of an LSTM cell.

    Parameters
    ----------
    da_next : array, (n_a, m)
        The gradient by the next hidden state.
    dc_next : array, (n_a, m)
        The gradient by the next memory, without the part that comes through the next hidden state.
    cache
        The cache of the forward pass.

    Returns
    -------
    gradients : dict
        "dxt", (n_x, m), "da_prev", (n_a, m), "dc_prev", (n_a, m),
        "dWf", (n_a, n_a + n_x), "dbf", (n_a, 1), "dWi", (n_a, n_a + n_x), "dbi", (n_a, 1),
        "dWc", (n_a, n_a + n_x), "dbc", (n_a, 1), "dWo", (n_a, n_a + n_x), and "dbo", (n_a, 1).
    """
    raise NotImplementedError


def lstm_backward(da, caches):
    """Return the gradients of a sequence of LSTM cells.

    Parameters
    ----------
    da : array, (n_a, m, T_x)
        da[:, :, t] is the gradient by the hidden state of step t as an output, without the part
        that comes through later steps. Memories are no outputs.
    caches
        The caches of the forward pass.

    Returns
    -------
    gradients : dict
        "dx", (n_x, m, T_x), "da0", (n_a, m),
        "dWf", (n_a, n_a + n_x), "dbf", (n_a, 1), "dWi", (n_a, n_a + n_x), "dbi", (n_a, 1),
        "dWc", (n_a, n_a + n_x), "dbc", (n_a, 1), "dWo", (n_a, n_a + n_x), and "dbo", (n_a, 1).
    """
    raise NotImplementedError
