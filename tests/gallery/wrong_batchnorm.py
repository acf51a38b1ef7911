"""Wrong answers to the exercise of batch normalisation, and its course's starter."""

from __future__ import annotations

from layers_helpers import several, wrong

OUT = "return gamma * x_hat + beta, (x_hat, gamma, std)"
TEST = "gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta"
MEAN = 'bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mean'
VAR = 'bn_param["running_var"] = momentum * running_var + (1 - momentum) * var'
DVAR = "dvar = np.sum(dx_hat * centred, axis=0) * -0.5 / std**3"
DX = "dx = dx_hat / std + (2 * centred * dvar + dmean) / len(dout)"
DGAMMA = "dgamma = np.sum(dout * x_hat, axis=0)"
DBETA = "dbeta = np.sum(dout, axis=0)"
ALT = "dx = gamma / std * (dout - mean_dout - x_hat * mean_both)"
ALTS = "return dx, len(dout) * mean_both, len(dout) * mean_dout"

RUNNING_MEAN, RUNNING_VAR = "bn_param['running_mean']", "bn_param['running_var']"

EVERY = {
    "batchnorm_train": "out",
    "batchnorm_backward": "dx",
    "batchnorm_backward_alt": "dx",
}

WRONG = [
    wrong("no shift", OUT, OUT.replace(" + beta", ""), batchnorm_train="out"),
    wrong("no centre", "x_hat = (x - mean) / std", "x_hat = x / std", **EVERY),
    wrong(
        "eps outside the root",
        "np.sqrt(var + eps)",
        "np.sqrt(var) + eps",
        batchnorm_train="out",
        batchnorm_backward="dx",
        batchnorm_backward_alt="dx",
    ),
    wrong(
        "eps outside the root in the test",
        "np.sqrt(running_var + eps)",
        "(np.sqrt(running_var) + eps)",
        batchnorm_test="out",
    ),
    wrong(
        "a variance by N - 1",
        "var = x.var(axis=0)",
        "var = x.var(axis=0, ddof=1)",
        batchnorm_train=f"out, {RUNNING_VAR}",
        batchnorm_backward="dx",
        batchnorm_backward_alt="dx",
    ),
    wrong(
        "one mean for all features",
        "mean = x.mean(axis=0)",
        "mean = np.full(x.shape[1], x.mean())",
        batchnorm_train=f"out, {RUNNING_MEAN}",
        batchnorm_backward="dx",
        batchnorm_backward_alt="dx",
    ),
    several(
        "running averages stay",
        {
            MEAN: 'bn_param["running_mean"] = running_mean',
            VAR: 'bn_param["running_var"] = running_var',
        },
        batchnorm_train=f"{RUNNING_MEAN}, {RUNNING_VAR}",
    ),
    several(
        "running averages are not handed back",
        {
            MEAN: MEAN.replace('bn_param["running_mean"]', "running_mean"),
            VAR: VAR.replace('bn_param["running_var"]', "running_var"),
        },
        batchnorm_train=f"{RUNNING_MEAN}, {RUNNING_VAR}",
    ),
    wrong(
        "the batch's mean is kept",
        MEAN,
        'bn_param["running_mean"] = mean',
        batchnorm_train=RUNNING_MEAN,
    ),
    several(
        "momentum the other way",
        {
            MEAN: MEAN.replace(
                "momentum * running_mean + (1 - momentum)",
                "running_mean * (1 - momentum) + momentum",
            ),
            VAR: VAR.replace(
                "momentum * running_var + (1 - momentum)", "running_var * (1 - momentum) + momentum"
            ),
        },
        batchnorm_train=f"{RUNNING_MEAN}, {RUNNING_VAR}",
    ),
    wrong("a deviation is kept", VAR, VAR.replace("* var", "* std"), batchnorm_train=RUNNING_VAR),
    wrong(
        "running averages move in the test",
        "        return gamma * (x - running_mean)",
        "        running_mean *= 0.9\n        return gamma * (x - running_mean)",
        batchnorm_test="out, bn_test left alone",
    ),
    wrong(
        "the input is changed",
        "x_hat = (x - mean) / std",
        "x -= mean\n    x_hat = x / std",
        "`x` is changed in place",
        batchnorm_train="x left alone",
    ),
    wrong(
        "the cache is changed",
        "centred = x_hat * std",
        "x_hat *= std\n    centred = x_hat",
        batchnorm_backward="dx, dgamma",
    ),
    wrong("no way through the variance", DVAR, "dvar = 0", batchnorm_backward="dx"),
    wrong("1/N of all", DX, f"{DX}\n    dx = dx / len(dout)", "by N", batchnorm_backward="dx"),
    wrong(
        "dgamma without the input",
        DGAMMA,
        "dgamma = np.sum(dout, axis=0)",
        batchnorm_backward="dgamma",
    ),
    wrong(
        "dbeta over the wrong axis",
        DBETA,
        DBETA.replace("axis=0", "axis=1"),
        "has shape",
        batchnorm_backward="dbeta",
    ),
    several(
        "means for sums",
        {
            DGAMMA: DGAMMA.replace("sum", "mean"),
            DBETA: DBETA.replace("sum", "mean"),
            DX: f"{DX}\n    dx = dx / len(dout)",
        },
        batchnorm_backward="dx, dgamma, dbeta",
    ),
    wrong("the short way without 1/N", ALT, f"{ALT} * len(dout)", batchnorm_backward_alt="dx"),
    wrong(
        "means for sums in the short way",
        ALTS,
        "return dx, mean_both, mean_dout",
        "there is one division by N too many",
        batchnorm_backward_alt="dgamma, dbeta",
    ),
]

CONSTANT = {
    OUT: "return np.ones_like(x), (x_hat, gamma, std)",
    TEST: "np.ones_like(x)",
    MEAN: "",
    VAR: "",
    DX: "dx = np.zeros_like(dout)",
    DGAMMA: "dgamma = np.zeros_like(gamma)",
    DBETA: "dbeta = np.zeros_like(gamma)",
    ALT: "dx = np.zeros_like(dout)",
    ALTS: "return dx, 0 * mean_both, 0 * mean_dout",
}


STARTER = """
import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)

    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))

    out, cache = None, None
    if mode == "train":
        # TODO
        pass
    elif mode == "test":
        # TODO
        pass
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)

    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var

    return out, cache


def batchnorm_backward(dout, cache):
    dx, dgamma, dbeta = None, None, None
    # TODO
    pass
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    dx, dgamma, dbeta = None, None, None
    # TODO
    pass
    return dx, dgamma, dbeta
"""
