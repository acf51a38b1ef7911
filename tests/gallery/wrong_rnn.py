"""Wrong answers to the exercise of a simple recurrent network, and the starter of its course."""

from __future__ import annotations

from layers_helpers import wrong

NEXT = "next_h = np.tanh(x @ Wx + prev_h @ Wh + b)"
DA = "da = dnext_h * (1 - next_h**2)"
STEP = "return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)"
STATE = "state, cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)"
STATES = "return np.stack(states, axis=1), caches"
BACK = "dx_t, dstate, dWx_t, dWh_t, db_t = rnn_step_backward(dh[:, t] + dstate, cache[t])"
FIRST = "dx.insert(0, dx_t)"
SUM_WX, SUM_WH, SUM_B = "dWx = dWx + dWx_t", "dWh = dWh + dWh_t", "db = db + db_t"
RETURN = "return np.stack(dx, axis=1), dstate, dWx, dWh, db"

ALL = "dxs, dh0, dWx_sum, dWh_sum, db_sum"
STEPS = "dx, dprev_h, dWx, dWh, db"

WRONG = [
    wrong(
        "no bias",
        NEXT,
        NEXT.replace(" + b)", ")"),
        rnn_step_forward="next_h",
        rnn_step_backward=STEPS,
    ),
    wrong(
        "the logistic function",
        NEXT,
        "next_h = 1 / (1 + np.exp(-(x @ Wx + prev_h @ Wh + b)))",
        rnn_step_forward="next_h",
        rnn_step_backward=STEPS,
    ),
    wrong(
        "the weights of the state transposed",
        NEXT,
        NEXT.replace("@ Wh", "@ Wh.T"),
        rnn_step_forward="next_h",
        rnn_step_backward=STEPS,
    ),
    wrong(
        "no square in the slope",
        DA,
        DA.replace("**2", ""),
        rnn_step_backward=STEPS,
    ),
    wrong("no slope", DA, "da = dnext_h", rnn_step_backward=STEPS),
    wrong(
        "the slope of the logistic function",
        DA,
        "da = dnext_h * next_h * (1 - next_h)",
        rnn_step_backward=STEPS,
    ),
    wrong(
        "the gradient of the state with Wh not transposed",
        STEP,
        STEP.replace("da @ Wh.T", "da @ Wh"),
        rnn_step_backward="dprev_h",
    ),
    wrong(
        "the next state for the previous one",
        STEP,
        STEP.replace("prev_h.T @ da", "next_h.T @ da"),
        rnn_step_backward="dWh",
    ),
    wrong(
        "a mean for a sum",
        STEP,
        STEP.replace("da.sum", "da.mean"),
        "by N",
        rnn_step_backward="db",
    ),
    wrong(
        "the bias over the wrong axis",
        STEP,
        STEP.replace("da.sum(axis=0)", "da.sum(axis=1)"),
        "shape",
        rnn_step_backward="db",
    ),
    wrong(
        "the state of the start in every step",
        STATE,
        STATE.replace("state, Wx", "h0, Wx"),
        rnn_forward="h",
        rnn_backward=ALL,
    ),
    wrong(
        "the first input in every step",
        STATE,
        STATE.replace("x[:, t]", "x[:, 0]"),
        rnn_forward="h",
        rnn_backward="dxs",
    ),
    wrong("steps in front", STATES, STATES.replace("axis=1", "axis=0"), rnn_forward="h"),
    wrong(
        "nothing from later steps",
        BACK,
        BACK.replace(" + dstate", ""),
        rnn_backward=ALL,
    ),
    wrong(
        "the gradient of the last step in every step",
        BACK,
        BACK.replace("dh[:, t]", "dh[:, -1]"),
        rnn_backward=ALL,
    ),
    wrong(
        "from the first step to the last",
        "reversed(range(T))",
        "range(T)",
        rnn_backward=ALL,
    ),
    wrong("steps in the wrong order", FIRST, "dx.append(dx_t)", rnn_backward="dxs"),
    wrong("the weights of the last step alone", SUM_WX, "dWx = dWx_t", rnn_backward="dWx_sum"),
    wrong("the same of the state", SUM_WH, "dWh = dWh_t", rnn_backward="dWh_sum"),
    wrong("the same of the bias", SUM_B, "db = db_t", rnn_backward="db_sum"),
    wrong(
        "a mean over the steps",
        RETURN,
        RETURN.replace("dWx, dWh, db", "dWx / T, dWh / T, db / T"),
        "by T",
        rnn_backward="dWx_sum, dWh_sum, db_sum",
    ),
    wrong(
        "no gradient of the first state",
        RETURN,
        RETURN.replace("dstate", "0 * dstate"),
        "`dh0` is 0",
        rnn_backward="dh0",
    ),
]

CALLERS = ["forward", "backward"]
"""Checks of functions that call those that are made constant."""

CONSTANT = {
    "return next_h, (x, prev_h, Wx, Wh, next_h)": (
        "return 1 + 0 * next_h, (x, prev_h, Wx, Wh, next_h)"
    ),
    STEP: "return 0 * x, 0 * prev_h, 0 * Wx, 0 * Wh, np.zeros(len(Wh))",
}

STARTER = """
import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h, cache = None, None
    # TODO
    pass
    return next_h, cache


def rnn_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = None, None, None, None, None
    # TODO
    pass
    return dx, dprev_h, dWx, dWh, db


def rnn_forward(x, h0, Wx, Wh, b):
    h, cache = None, None
    # TODO
    pass
    return h, cache


def rnn_backward(dh, cache):
    dx, dh0, dWx, dWh, db = None, None, None, None, None
    # TODO
    pass
    return dx, dh0, dWx, dWh, db
"""
