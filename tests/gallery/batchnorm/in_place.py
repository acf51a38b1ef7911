import numpy as np


class BN:
    pass


def batchnorm_forward(x, gamma, beta, bn_param):
    bn_param.setdefault("running_mean", np.zeros(x.shape[1]))
    bn_param.setdefault("running_var", np.zeros(x.shape[1]))
    eps = bn_param.get("eps", 1e-5)
    if bn_param["mode"] == "test":
        y = x - bn_param["running_mean"]
        y /= np.sqrt(bn_param["running_var"] + eps)
        y *= gamma
        y += beta
        return y, {}
    m = bn_param.get("momentum", 0.9)
    y = x.copy()
    mean = np.mean(y, axis=0, keepdims=True)
    y -= mean
    var = np.mean(y * y, axis=0, keepdims=True)
    bn_param["running_mean"] *= m
    bn_param["running_mean"] += (1 - m) * mean[0]
    bn_param["running_var"] *= m
    bn_param["running_var"] += (1 - m) * var[0]
    c = BN()
    c.inv = 1 / np.sqrt(var + eps)
    y *= c.inv
    c.xhat = y
    c.gamma = gamma
    return y * gamma + beta, c


def batchnorm_backward(dout, cache):
    N = len(dout)
    dbeta = dout.sum(0)
    dgamma = (dout * cache.xhat).sum(0)
    dx = dout
    dx *= cache.gamma
    s1 = dx.sum(0, keepdims=True)
    s2 = (dx * cache.xhat).sum(0, keepdims=True)
    dx -= s1 / N
    dx -= cache.xhat * s2 / N
    dx *= cache.inv
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    return batchnorm_backward(dout, cache)
