"""Wrong answers to the exercise of recurrent cells, and the starter of its course."""

from __future__ import annotations

from layers_helpers import wrong

NEXT = 'a_next = np.tanh(parameters["Waa"] @ a_prev + parameters["Wax"] @ xt + parameters["ba"])'
PREDICTION = 'yt_pred = softmax(parameters["Wya"] @ a_next + parameters["by"])'
STEP = "a_next, yt_pred, cache = rnn_cell_forward(x[:, :, t], a_next, parameters)"
SEQUENCE = "return np.stack(states, axis=2), np.stack(predictions, axis=2), (caches, x)"
CONCAT = "concat = np.concatenate((a_prev, xt))\n    ft = "
FORGET = 'ft = sigmoid(parameters["Wf"] @ concat + parameters["bf"])'
CANDIDATE = 'cct = np.tanh(parameters["Wc"] @ concat + parameters["bc"])'
MEMORY = "c_next = ft * c_prev + it * cct"
HIDDEN = "a_next = ot * np.tanh(c_next)"
LSTM_PREDICTION = 'yt_pred = softmax(parameters["Wy"] @ a_next + parameters["by"])'
START = "a_next, c_next = a0, np.zeros_like(a0)"
LSTM_STEP = "lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)"
SLOPE = "dz = da_next * (1 - a_next**2)"
DA_PREV = '"da_prev": parameters["Waa"].T @ dz'
DWAA = '"dWaa": dz @ a_prev.T'
DBA = '"dba": np.sum(dz, axis=1, keepdims=True),'
BACK = "step = rnn_cell_backward(da[:, :, t] + da_prev, cells[t])"
DC = "dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)"
DF = "df = dc * c_prev * ft * (1 - ft)"
DCC = "dcc = dc * it * (1 - cct**2)"
DO = "do = da_next * np.tanh(c_next) * ot * (1 - ot)"
DC_PREV = '{"dc_prev": dc * ft}'
DXT = '"dxt": dconcat[n_a:]}'
LSTM_BACK = "step = lstm_cell_backward(da[:, :, t] + da_prev, dc_prev, cells[t])"
LSTM_STATES = 'da_prev, dc_prev = step["da_prev"], step["dc_prev"]'


def entries(name: str, *keys: str) -> str:
    """Return the expressions of the entries of a dict of outputs."""
    return ", ".join(f"{name}['{key}']" for key in keys)


RNN = ("dWax", "dWaa", "dba")
LSTM = ("dWf", "dbf", "dWi", "dbi", "dWc", "dbc", "dWo", "dbo")
RNN_CELL = entries("step", "dxt", "da_prev", *RNN)
RNN_ALL = entries("grads", "dx", "da0", *RNN)
LSTM_CELL = entries("lstm_step", "dxt", "da_prev", "dc_prev", *LSTM)
LSTM_ALL = entries("lstm_grads", "dx", "da0", *LSTM)

# These tests correct nothing: with a wrong forward pass, its backward pass is wrong too.
WRONG = [
    wrong(
        "no bias",
        NEXT,
        NEXT.replace(' + parameters["ba"]', ""),
        recurrent_cells_rnn_cell_forward="a_next, yt_pred",
        recurrent_cells_rnn_cell_backward=RNN_CELL,
    ),
    wrong(
        "the logistic function for tanh",
        NEXT,
        NEXT.replace("np.tanh", "sigmoid"),
        recurrent_cells_rnn_cell_forward="a_next, yt_pred",
        recurrent_cells_rnn_cell_backward=RNN_CELL,
    ),
    wrong(
        "scores for probabilities",
        PREDICTION,
        'yt_pred = parameters["Wya"] @ a_next + parameters["by"]',
        recurrent_cells_rnn_cell_forward="yt_pred",
    ),
    wrong(
        "probabilities of the previous state",
        PREDICTION,
        PREDICTION.replace("a_next", "a_prev"),
        recurrent_cells_rnn_cell_forward="yt_pred",
    ),
    wrong(
        "the state of the start in every step",
        STEP,
        STEP.replace("t], a_next", "t], a0"),
        recurrent_cells_rnn_forward="a, y_pred",
        recurrent_cells_rnn_backward=RNN_ALL,
    ),
    wrong(
        "steps in front",
        SEQUENCE,
        SEQUENCE.replace("states, axis=2", "states, axis=0"),
        recurrent_cells_rnn_forward="a",
    ),
    wrong(
        "the update gate forgets",
        FORGET,
        FORGET.replace('"Wf"', '"Wi"').replace('"bf"', '"bi"'),
        recurrent_cells_lstm_cell_forward="lstm_a_next, lstm_c_next, lstm_yt_pred",
        recurrent_cells_lstm_cell_backward=LSTM_CELL,
    ),
    wrong(
        "a candidate of the logistic function",
        CANDIDATE,
        CANDIDATE.replace("np.tanh", "sigmoid"),
        recurrent_cells_lstm_cell_forward="lstm_a_next, lstm_c_next, lstm_yt_pred",
        recurrent_cells_lstm_cell_backward=LSTM_CELL,
    ),
    wrong(
        "gates the other way round",
        MEMORY,
        "c_next = it * c_prev + ft * cct",
        recurrent_cells_lstm_cell_forward="lstm_a_next, lstm_c_next, lstm_yt_pred",
        recurrent_cells_lstm_cell_backward=LSTM_CELL,
    ),
    wrong(
        "a memory without tanh",
        HIDDEN,
        "a_next = ot * c_next",
        recurrent_cells_lstm_cell_forward="lstm_a_next, lstm_yt_pred",
    ),
    wrong(
        "no output gate",
        HIDDEN,
        "a_next = np.tanh(c_next)",
        recurrent_cells_lstm_cell_forward="lstm_a_next, lstm_yt_pred",
    ),
    wrong(
        "probabilities of the memory",
        LSTM_PREDICTION,
        LSTM_PREDICTION.replace("a_next", "c_next"),
        recurrent_cells_lstm_cell_forward="lstm_yt_pred",
    ),
    wrong(
        "a memory that starts as the state",
        START,
        "a_next, c_next = a0, a0",
        recurrent_cells_lstm_forward="lstm_a, lstm_y, lstm_c",
        recurrent_cells_lstm_backward=LSTM_ALL,
    ),
    wrong("no slope", SLOPE, "dz = da_next", recurrent_cells_rnn_cell_backward=RNN_CELL),
    wrong(
        "tanh once more",
        SLOPE,
        "dz = da_next * (1 - np.tanh(a_next) ** 2)",
        recurrent_cells_rnn_cell_backward=RNN_CELL,
    ),
    wrong(
        "weights that are not transposed",
        DA_PREV,
        DA_PREV.replace(".T", ""),
        recurrent_cells_rnn_cell_backward=entries("step", "da_prev"),
    ),
    wrong(
        "the next state for the previous one",
        DWAA,
        DWAA.replace("a_prev", "a_next"),
        recurrent_cells_rnn_cell_backward=entries("step", "dWaa"),
    ),
    wrong(
        "a mean for a sum",
        DBA,
        DBA.replace("np.sum", "np.mean"),
        recurrent_cells_rnn_cell_backward=entries("step", "dba"),
    ),
    wrong(
        "nothing from later steps",
        BACK,
        BACK.replace(" + da_prev", ""),
        recurrent_cells_rnn_backward=RNN_ALL,
    ),
    wrong(
        "nothing through the hidden state to the memory",
        DC,
        "dc = dc_next",
        recurrent_cells_lstm_cell_backward=entries(
            "lstm_step", "dxt", "da_prev", "dc_prev", *LSTM[:6]
        ),
    ),
    wrong(
        "the new memory for the old one",
        DF,
        DF.replace("c_prev", "c_next"),
        recurrent_cells_lstm_cell_backward=entries("lstm_step", "dxt", "da_prev", "dWf", "dbf"),
    ),
    wrong(
        "the slope of the logistic function for tanh",
        DCC,
        DCC.replace("(1 - cct**2)", "cct * (1 - cct)"),
        recurrent_cells_lstm_cell_backward=entries("lstm_step", "dxt", "da_prev", "dWc", "dbc"),
    ),
    wrong(
        "the output gate without its slope",
        DO,
        DO.replace(" * ot * (1 - ot)", ""),
        recurrent_cells_lstm_cell_backward=entries("lstm_step", "dxt", "da_prev", "dWo", "dbo"),
    ),
    wrong(
        "the update gate keeps the memory",
        DC_PREV,
        DC_PREV.replace("ft", "it"),
        recurrent_cells_lstm_cell_backward=entries("lstm_step", "dc_prev"),
    ),
    wrong(
        "no hidden state from later steps",
        LSTM_BACK,
        LSTM_BACK.replace(" + da_prev", ""),
        recurrent_cells_lstm_backward=LSTM_ALL,
    ),
    wrong(
        "no memory from later steps",
        LSTM_STATES,
        'da_prev = step["da_prev"]',
        recurrent_cells_lstm_backward=LSTM_ALL,
    ),
]

CALLERS = ["rnn-forward", "rnn-backward", "lstm-forward", "lstm-backward"]
"""Checks of functions that call those that are made constant."""

CONSTANT = {
    "return a_next, yt_pred, cache": "return 1 + 0 * a_next, 1 + 0 * yt_pred, cache",
    "return a_next, c_next, yt_pred, cache": (
        "return 1 + 0 * a_next, 1 + 0 * c_next, 1 + 0 * yt_pred, cache"
    ),
    SLOPE: "dz = 0 * da_next",
    DC: "da_next, dc = 0 * da_next, 0 * dc_next",
}

STARTER = """
import numpy as np
from rnn_utils import *


def rnn_cell_forward(xt, a_prev, parameters):
    Wax = parameters["Wax"]
    Waa = parameters["Waa"]
    Wya = parameters["Wya"]
    ba = parameters["ba"]
    by = parameters["by"]
    ### START CODE HERE ###
    a_next = None
    yt_pred = None
    ### END CODE HERE ###
    cache = (a_next, a_prev, xt, parameters)
    return a_next, yt_pred, cache


def rnn_forward(x, a0, parameters):
    caches = []
    n_x, m, T_x = x.shape
    n_y, n_a = parameters["Wya"].shape
    ### START CODE HERE ###
    a = None
    y_pred = None
    a_next = None
    for t in range(None):
        a_next, yt_pred, cache = None
        a[:, :, t] = None
        y_pred[:, :, t] = None
        None
    ### END CODE HERE ###
    caches = (caches, x)
    return a, y_pred, caches


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    ### START CODE HERE ###
    concat = None
    ft = None
    it = None
    cct = None
    c_next = None
    ot = None
    a_next = None
    yt_pred = None
    ### END CODE HERE ###
    cache = (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)
    return a_next, c_next, yt_pred, cache


def lstm_forward(x, a0, parameters):
    caches = []
    ### START CODE HERE ###
    n_x, m, T_x = None
    n_y, n_a = None
    a = None
    c = None
    y = None
    a_next = None
    c_next = None
    for t in range(None):
        a_next, c_next, yt, cache = None
        a[:, :, t] = None
        y[:, :, t] = None
        c[:, :, t] = None
        None
    ### END CODE HERE ###
    caches = (caches, x)
    return a, y, c, caches


def rnn_cell_backward(da_next, cache):
    (a_next, a_prev, xt, parameters) = cache
    ### START CODE HERE ###
    dtanh = None
    dxt = None
    dWax = None
    da_prev = None
    dWaa = None
    dba = None
    ### END CODE HERE ###
    return {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def rnn_backward(da, caches):
    ### START CODE HERE ###
    (caches, x) = None
    (a1, a0, x1, parameters) = None
    n_a, m, T_x = None
    dx = None
    dWax = None
    dWaa = None
    dba = None
    da0 = None
    for t in reversed(range(None)):
        gradients = None
        dx[:, :, t] = None
    da0 = None
    ### END CODE HERE ###
    return {"dx": dx, "da0": da0, "dWax": dWax, "dWaa": dWaa, "dba": dba}


def lstm_cell_backward(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    ### START CODE HERE ###
    dot = None
    dcct = None
    dWf = None
    dbf = None
    da_prev = None
    dc_prev = None
    dxt = None
    ### END CODE HERE ###
    return {"dxt": dxt, "da_prev": da_prev, "dc_prev": dc_prev, "dWf": dWf, "dbf": dbf}


def lstm_backward(da, caches):
    (caches, x) = caches
    ### START CODE HERE ###
    n_a, m, T_x = None
    dx = None
    dWf = None
    for t in reversed(range(None)):
        gradients = None
        dx[:, :, t] = None
    da0 = None
    ### END CODE HERE ###
    return {"dx": dx, "da0": da0, "dWf": dWf}
"""
