"""Wrong answers to the exercise of an LSTM, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

A = "a = x @ Wx + prev_h @ Wh + b"
F = "f = sigmoid(a[:, H : 2 * H])"
G = "g = np.tanh(a[:, 3 * H :])"
CELL = "next_c = f * prev_c + i * g"
OUT = "return o * tanh_c, next_c, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)"
DC = "dc = dnext_c + dnext_h * o * (1 - tanh_c**2)"
DI = "di = dc * g * i * (1 - i)"
DF = "df = dc * prev_c * f * (1 - f)"
DO = "do = dnext_h * tanh_c * o * (1 - o)"
DG = "dg = dc * i * (1 - g**2)"
DA = "da = np.hstack([di, df, do, dg])"
STEP = "return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)"
NEXT = "state, cell, cache = lstm_step_forward(x[:, t], state, cell, Wx, Wh, b)"
BACK = "step = lstm_step_backward(dh[:, t] + dstate, dcell, cache[t])"
SUM_WX, SUM_B = "dWx = dWx + dWx_t", "db = db + db_t"

OF_STEP = "dx, dprev_h, dprev_c, dWx, dWh, db"
OF_GATES = "dx, dprev_h, dWx, dWh, db"
ALL = "dxs, dh0, dWx_sum, dWh_sum, db_sum"

WRONG = [
    several(
        "input and forget gate exchanged",
        {
            F: "f = sigmoid(a[:, :H])",
            "i = sigmoid(a[:, :H])": "i = sigmoid(a[:, H : 2 * H])",
        },
        lstm_step_forward="next_h, next_c",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "the logistic function for the new content",
        G,
        G.replace("np.tanh", "sigmoid"),
        lstm_step_forward="next_h, next_c",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "no forget gate",
        CELL,
        "next_c = prev_c + i * g",
        lstm_step_forward="next_h, next_c",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "the output gate on the cell state alone",
        OUT,
        OUT.replace("o * tanh_c", "o * next_c"),
        lstm_step_forward="next_h",
    ),
    wrong(
        "the hidden state forgets the cell state's own gradient",
        DC,
        "dc = dnext_h * o * (1 - tanh_c**2)",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "nothing from the hidden state to the cell state",
        DC,
        "dc = dnext_c",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "no slope of tanh of the cell state",
        DC,
        "dc = dnext_c + dnext_h * o",
        lstm_step_backward=OF_STEP,
    ),
    wrong(
        "no slope of the input gate",
        DI,
        "di = dc * g",
        lstm_step_backward=OF_GATES,
    ),
    wrong(
        "the forget gate by the new content",
        DF,
        DF.replace("prev_c", "g"),
        lstm_step_backward=OF_GATES,
    ),
    wrong(
        "the output gate by the cell state's gradient",
        DO,
        DO.replace("dnext_h", "dc"),
        lstm_step_backward=OF_GATES,
    ),
    wrong(
        "no square in the slope of the new content",
        DG,
        DG.replace("**2", ""),
        lstm_step_backward=OF_GATES,
    ),
    wrong(
        "gates in another order",
        DA,
        "da = np.hstack([di, df, dg, do])",
        lstm_step_backward=OF_GATES,
    ),
    wrong(
        "the previous cell state without its gate",
        STEP,
        STEP.replace("dc * f", "dc"),
        lstm_step_backward="dprev_c",
    ),
    wrong(
        "a mean for a sum",
        STEP,
        STEP.replace("da.sum", "da.mean"),
        "by N",
        lstm_step_backward="db",
    ),
    wrong(
        "the cell state starts anew in each step",
        NEXT,
        NEXT.replace("state, cell, Wx", "state, 0 * cell, Wx"),
        lstm_forward="h",
        lstm_backward=ALL,
    ),
    wrong(
        "the cell state starts from the hidden state",
        "np.zeros_like(h0)",
        "h0",
        lstm_forward="h",
        lstm_backward=ALL,
    ),
    wrong(
        "nothing from later steps to the hidden state",
        BACK,
        BACK.replace(" + dstate", ""),
        lstm_backward=ALL,
    ),
    wrong(
        "nothing from later steps to the cell state",
        BACK,
        BACK.replace("dcell", "0 * dcell"),
        lstm_backward=ALL,
    ),
    wrong(
        "from the first step to the last",
        "reversed(range(dh.shape[1]))",
        "range(dh.shape[1])",
        lstm_backward=ALL,
    ),
    wrong("the weights of the last step alone", SUM_WX, "dWx = dWx_t", lstm_backward="dWx_sum"),
    wrong("the bias of the last step alone", SUM_B, "db = db_t", lstm_backward="db_sum"),
]

CALLERS = ["forward", "backward"]
"""Checks of functions that call those that are made constant."""

CONSTANT = {
    OUT: "return 1 + 0 * o, 1 + 0 * o, (x, prev_h, prev_c, Wx, Wh, i, f, o, g, tanh_c)",
    STEP: "return 0 * x, 0 * prev_h, 0 * prev_c, 0 * Wx, 0 * Wh, np.zeros(Wh.shape[1])",
}

STARTER = """
import numpy as np


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    next_h, next_c, cache = None, None, None
    # TODO
    pass
    return next_h, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    dx, dprev_h, dprev_c, dWx, dWh, db = None, None, None, None, None, None
    # TODO
    pass
    return dx, dprev_h, dprev_c, dWx, dWh, db


def lstm_forward(x, h0, Wx, Wh, b):
    h, cache = None, None
    # TODO
    pass
    return h, cache


def lstm_backward(dh, cache):
    dx, dh0, dWx, dWh, db = None, None, None, None, None
    # TODO
    pass
    return dx, dh0, dWx, dWh, db
"""
