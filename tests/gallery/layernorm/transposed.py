import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    out, cache = None, None
    eps = ln_param.get("eps", 1e-5)
    # the same as batch normalisation of the transpose
    x = x.T
    D, N = x.shape
    mu = np.sum(x, axis=0) / D
    xmu = x - mu
    var = np.sum(xmu ** 2, axis=0) / D
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = xhat.T * gamma + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar)
    return out, cache


def layernorm_backward(dout, cache):
    dx, dgamma, dbeta = None, None, None
    xhat, gamma, xmu, ivar, sqrtvar = cache
    D, N = xhat.shape
    dgamma = np.sum(dout * xhat.T, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = (dout * gamma).T
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu = dxhat * ivar
    dsqrtvar = -divar / sqrtvar ** 2
    dvar = 0.5 * dsqrtvar / sqrtvar
    dxmu += 2 * xmu * dvar / D
    dx = dxmu - np.sum(dxmu, axis=0) / D
    return dx.T, dgamma, dbeta
