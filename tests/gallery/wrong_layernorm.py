"""Wrong answers to the exercise of layer normalisation, and the starter of its course."""

from __future__ import annotations

from layers_helpers import several, wrong

MEAN = "mean = x.mean(axis=1, keepdims=True)"
STD = "std = np.sqrt(x.var(axis=1, keepdims=True) + eps)"
OUT = "return gamma * x_hat + beta, (x_hat, gamma, std)"
DGAMMA = "dgamma = np.sum(dout * x_hat, axis=0)"
DBETA = "dbeta = np.sum(dout, axis=0)"
DX_HAT = "dx_hat = dout * gamma"
BY_MEAN = "through_mean = dx_hat.mean(axis=1, keepdims=True)"
BY_VAR = "through_var = x_hat * np.mean(dx_hat * x_hat, axis=1, keepdims=True)"
DX = "dx = (dx_hat - through_mean - through_var) / std"

WRONG = [
    several(
        "over the batch",
        {
            MEAN: MEAN.replace("axis=1", "axis=0"),
            STD: STD.replace("axis=1", "axis=0"),
            BY_MEAN: BY_MEAN.replace("axis=1", "axis=0"),
            BY_VAR: BY_VAR.replace("axis=1", "axis=0"),
        },
        layernorm_forward="out",
        layernorm_backward="dx, dgamma",
    ),
    wrong(
        "the deviation over the batch",
        STD,
        STD.replace("axis=1", "axis=0"),
        layernorm_forward="out",
        layernorm_backward="dx, dgamma",
    ),
    wrong(
        "no centre",
        "x_hat = (x - mean) / std",
        "x_hat = x / std",
        layernorm_forward="out",
        layernorm_backward="dx, dgamma",
    ),
    wrong(
        "eps outside the root",
        STD,
        "std = np.sqrt(x.var(axis=1, keepdims=True)) + eps",
        layernorm_forward="out",
        layernorm_backward="dx, dgamma",
    ),
    wrong(
        "another default of eps",
        '.get("eps", 1e-5)',
        '.get("eps", 1e-8)',
        "This happens only with",
        layernorm_forward="out",  # the gradient is right for that
    ),
    wrong(
        "a variance by D - 1",
        STD,
        STD.replace("axis=1", "axis=1, ddof=1"),
        layernorm_forward="out",
        layernorm_backward="dx, dgamma",
    ),
    wrong("no shift", OUT, OUT.replace(" + beta", ""), layernorm_forward="out"),
    wrong("no scale", OUT, OUT.replace("gamma * x_hat +", "x_hat +"), layernorm_forward="out"),
    wrong(
        "lost keepdims",
        MEAN,
        "mean = x.mean(axis=1)",
        "ValueError",
        layernorm_forward="error",
    ),
    wrong(
        "the input is changed",
        "x_hat = (x - mean) / std",
        "x -= mean\n    x_hat = x / std",
        "`x` is changed in place",
        layernorm_forward="x left alone",
    ),
    wrong(
        "gamma's gradient over the features",
        DGAMMA,
        DGAMMA.replace("axis=0", "axis=1"),
        "shape",
        layernorm_backward="dgamma",
    ),
    wrong(
        "gamma without the input", DGAMMA, "dgamma = dout.sum(axis=0)", layernorm_backward="dgamma"
    ),
    wrong(
        "a mean for a sum", DBETA, DBETA.replace("sum", "mean"), "by N", layernorm_backward="dbeta"
    ),
    wrong(
        "beta over the features",
        DBETA,
        DBETA.replace("axis=0", "axis=1"),
        layernorm_backward="dbeta",
    ),
    wrong("gamma forgotten on the way back", DX_HAT, "dx_hat = dout", layernorm_backward="dx"),
    wrong(
        "no way through the mean",
        DX,
        DX.replace(" - through_mean", ""),
        layernorm_backward="dx",
    ),
    wrong(
        "no way through the variance",
        DX,
        DX.replace(" - through_var", ""),
        layernorm_backward="dx",
    ),
    wrong("not divided by the deviation", DX, DX.replace(" / std", ""), layernorm_backward="dx"),
    wrong("divided twice", DX, DX.replace("/ std", "/ std**2"), layernorm_backward="dx"),
    wrong("a sum for a mean", BY_VAR, BY_VAR.replace("mean", "sum"), layernorm_backward="dx"),
    several(
        "means over the batch on the way back",
        {
            BY_MEAN: BY_MEAN.replace("axis=1", "axis=0"),
            BY_VAR: BY_VAR.replace("axis=1", "axis=0"),
        },
        layernorm_backward="dx",
    ),
    wrong(
        "the cache is changed",
        DX,
        f"{DX}\n    x_hat *= std",
        "is different when the same call is made again",
        layernorm_backward="dx, dgamma",
    ),
]

CONSTANT = {
    OUT: "return np.ones_like(x), (x_hat, gamma, std)",
    DX: "dx = np.zeros_like(dout)",
    DGAMMA: "dgamma = np.zeros_like(gamma)",
    DBETA: "dbeta = np.zeros_like(gamma)",
}

STARTER = """
import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    out, cache = None, None
    eps = ln_param.get("eps", 1e-5)
    # TODO
    pass
    return out, cache


def layernorm_backward(dout, cache):
    dx, dgamma, dbeta = None, None, None
    # TODO
    pass
    return dx, dgamma, dbeta
"""
