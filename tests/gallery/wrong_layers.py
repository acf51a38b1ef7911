"""Wrong answers to the exercise of affine and ReLU layers, and its course's starter."""

from __future__ import annotations

from layers_helpers import several, wrong

DB = "return dx, dw, dout.sum(axis=0)"
DX = "dx = (dout @ w.T).reshape(x.shape)"
DW = "dw = x.reshape(len(x), -1).T @ dout"
OUT = "x.reshape(len(x), -1) @ w + b"
MASK = "dout * (cache > 0)"

WRONG = [
    wrong("no bias", OUT, "x.reshape(len(x), -1) @ w", affine_forward="out"),
    wrong("db over rows", DB, "return dx, dw, dout.sum(axis=1)", "shape", affine_backward="db"),
    several(
        "all means",
        {DX: f"{DX} / len(x)", DW: f"{DW} / len(x)", DB: "return dx, dw, dout.mean(axis=0)"},
        affine_backward="dx, dw, db",
    ),
    wrong(
        "dx flat",
        DX,
        "dx = dout @ w.T",
        "The numbers are right; only the shape is wrong.",
        affine_backward="dx",
    ),
    wrong(
        "the cached input is changed",
        DW,
        "x -= x.mean()\n    dw = x.reshape(len(x), -1).T @ dout",
        affine_backward="dw, x left alone",
    ),
    several(
        "a kept copy is changed",
        {"+ b, (x, w)": "+ b, (x.copy(), w)", DW: f"{DW}\n    x *= 0"},
        "is different when the same call is made again",
        affine_backward="dw",
    ),
    several(
        "a cache that is emptied, and half of dw",
        {
            "+ b, (x, w)": "+ b, [x, w]",
            "x, w = cache": "w, x = cache.pop(), cache.pop()",
            DW: f"{DW} / 2",
        },
        "`dw`",
        affine_backward="dw",
    ),
    wrong("no mask", MASK, "dout", relu_backward="missing"),
    wrong("no ReLU", "np.maximum(x, 0), x", "x, x", relu_forward="missing"),
    wrong(
        "ReLU changes its input",
        "return np.maximum(x, 0), x",
        "x[x < 0] = 0\n    return x, x",
        relu_forward="x left alone",
    ),
    wrong(
        "ReLU's backward changes its input",
        "    return dout * (cache > 0)",
        "    cache[cache < 0] = 0\n    return dout * (cache > 0)",
        relu_backward="x left alone",
    ),
]

CONSTANT = {
    OUT: "np.ones((len(x), w.shape[1]))",
    DX: "dx = np.zeros_like(x)",
    DW: "dw = np.zeros_like(w)",
    DB: "return dx, dw, np.zeros(dout.shape[1])",
    "np.maximum(x, 0), x": "np.ones_like(x), x",
    MASK: "np.zeros_like(dout)",
}

STARTER = '''
import numpy as np


def affine_forward(x, w, b):
    """Compute the forward pass."""
    out = None
    # TODO: reshape the input into rows.
    pass
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    """Compute the backward pass."""
    x, w, b = cache
    dx, dw, db = None, None, None
    pass
    return dx, dw, db


def relu_forward(x):
    out = None
    pass
    cache = x
    return out, cache


def relu_backward(dout, cache):
    dx, x = None, cache
    pass
    return dx'''
