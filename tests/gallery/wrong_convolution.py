"""Wrong answers to the exercise of convolution and pooling, and its course's starter."""

from __future__ import annotations

from layers_helpers import several, wrong

PADDED = "padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))"
ROWS = "rows = 1 + (padded.shape[2] - height) // stride"
OUT = "out[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3))) + b"
PADDED_AGAIN = "padded = np.pad(x, ((0,), (0,), (pad,), (pad,)))"
DPADDED = "dpadded = np.zeros_like(padded)"
DB = "db = dout.sum(axis=(0, 2, 3))"
DX = "dpadded[place] += np.tensordot(dout[:, :, i, j], w, 1)"
DW = "dw += np.tensordot(dout[:, :, i, j].T, padded[place], 1)"
CUT = "dx = dpadded[:, :, pad : dpadded.shape[2] - pad, pad : dpadded.shape[3] - pad]"
START = """    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
"""
PLACE = "            place = np.s_[:, :, top : top + height, left : left + width]\n"
MOVED = "            top, left = i, j\n"
POOLED = "x[:, :, top : top + height, left : left + width].max(axis=(2, 3))"
LARGEST = "largest = x[place].max(axis=(2, 3), keepdims=True)"
MASK = "(x[place] == largest)"

WRONG = [
    wrong("no bias", OUT, OUT.replace(" + b", ""), convolution_forward="out"),
    wrong(
        "padding on one side",
        PADDED,
        "padded = np.pad(x, ((0, 0), (0, 0), (2 * pad, 0), (2 * pad, 0)))",
        convolution_forward="out",
    ),
    # The windows run over the edge. The backward pass gets the right cache, and pads it itself.
    wrong(
        "no stride in the size",
        ROWS,
        ROWS.replace(" // stride", " + stride"),
        "ValueError",
        convolution_forward="error",
    ),
    several(
        "the input is changed",
        {PADDED: f"x -= x.mean()\n    {PADDED}"},
        "`x` is changed in place",
        convolution_forward="out, x left alone",
        convolution_backward="dw",
    ),
    wrong("shares that do not add up", DX, DX.replace("+=", "="), convolution_backward="dx"),
    wrong("the last share alone", DW, DW.replace("+=", "="), convolution_backward="dw"),
    wrong(
        "no stride on the way back",
        START + PLACE + "            dpadded",
        START + MOVED + PLACE + "            dpadded",
        convolution_backward="dx, dw",
    ),
    wrong("dw a mean", CUT, f"{CUT}\n    dw /= len(dout)", "by N", convolution_backward="dw"),
    several(
        "means for sums",
        {CUT: f"{CUT}\n    dx, dw, db = dx / len(dx), dw / len(dx), db / len(dx)"},
        convolution_backward="dx, dw, db",
    ),
    wrong(
        "db over the wrong axes",
        DB,
        "db = dout.sum(axis=(1, 2, 3))",
        "has shape",
        convolution_backward="db",
    ),
    several(
        "the filter is used up",
        {DX: DX.replace(" w,", " kept,"), DPADDED: f"{DPADDED}\n    kept = w.copy()\n    w *= 0"},
        "`w` is changed in place",
        convolution_backward="dx, w left alone",
    ),
    wrong(
        "a mean for the largest", POOLED, POOLED.replace("max", "mean"), max_pooling_forward="out"
    ),
    wrong(
        "the input is less its mean",
        '    height, width = pool_param["pool_height"], pool_param["pool_width"]\n'
        '    stride = pool_param["stride"]\n    rows',
        "    x -= x.mean()\n"
        '    height, width = pool_param["pool_height"], pool_param["pool_width"]\n'
        '    stride = pool_param["stride"]\n    rows',
        max_pooling_forward="out, x left alone",
    ),
    wrong("no mask", f"{MASK} * ", "1 * ", max_pooling_backward="dx"),
    wrong(
        "lost keepdims",
        LARGEST,
        LARGEST.replace(", keepdims=True", ""),
        "ValueError",
        max_pooling_backward="error",
    ),
    wrong(
        "written into the cached input",
        "dx = np.zeros_like(x)",
        "dx = x",
        "`x` is changed in place",
        max_pooling_backward="dx, x left alone",
    ),
]

CONSTANT = {
    OUT: "out[:, :, i, j] = 1",
    DB: "db = np.zeros(len(w))",
    DX: "pass",
    DW: "pass",
    POOLED: "1",
    f"dx[place] += {MASK} * dout[:, :, i : i + 1, j : j + 1]": "pass",
}

STARTER = """
import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    out = None
    # TODO: implement the forward pass. Hint: you can use np.pad.
    pass
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    dx, dw, db = None, None, None
    pass
    return dx, dw, db


def max_pool_forward_naive(x, pool_param):
    out = None
    pass
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    dx = None
    pass
    return dx
"""
