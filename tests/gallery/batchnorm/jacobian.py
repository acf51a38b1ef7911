import numpy as np


def batchnorm_forward(x, gamma, beta, bn_param):
    eps = bn_param["eps"] if "eps" in bn_param else 1e-5
    momentum = bn_param["momentum"] if "momentum" in bn_param else 0.9
    n, d = x.shape
    out = np.empty((n, d))
    if bn_param["mode"] == "train":
        means, variances = [], []
        for j in range(d):
            column = x[:, j]
            mean = sum(column) / n
            var = sum((value - mean) ** 2 for value in column) / n
            means.append(mean)
            variances.append(var)
            for i in range(n):
                out[i, j] = gamma[j] * (column[i] - mean) / (var + eps) ** 0.5 + beta[j]
        old = bn_param.get("running_mean", 0), bn_param.get("running_var", 0)
        bn_param["running_mean"] = momentum * old[0] + (1 - momentum) * np.array(means)
        bn_param["running_var"] = momentum * old[1] + (1 - momentum) * np.array(variances)
        return out, (x, gamma, means, variances, eps)
    for j in range(d):
        std = np.sqrt(bn_param["running_var"][j] + eps)
        out[:, j] = gamma[j] * (x[:, j] - bn_param["running_mean"][j]) / std + beta[j]
    return out, None


def batchnorm_backward(dout, cache):
    x, gamma, means, variances, eps = cache
    n, d = x.shape
    dx = np.zeros((n, d))
    dgamma = np.zeros(d)
    dbeta = np.zeros(d)
    for j in range(d):
        std = np.sqrt(variances[j] + eps)
        hat = (x[:, j] - means[j]) / std
        # d hat_i / d x_k
        J = (np.eye(n) - 1 / n - np.outer(hat, hat) / n) / std
        dx[:, j] = J.T @ (dout[:, j] * gamma[j])
        dgamma[j] = hat @ dout[:, j]
        for i in range(n):
            dbeta[j] += dout[i, j]
    return dx, dgamma, dbeta


def batchnorm_backward_alt(dout, cache):
    x, gamma, means, variances, eps = cache
    xmu = x - np.reshape(means, (1, -1))
    v = np.reshape(variances, (1, -1)) + eps
    g = gamma.reshape(1, -1)
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(xmu * v ** (-1.0 / 2.0) * dout, axis=0)
    N = x.shape[0]
    dx = (1.0 / N) * g * v ** (-1.0 / 2.0) * (
        N * dout - dbeta - xmu * v ** (-1.0) * np.sum(dout * xmu, axis=0)
    )
    return dx, dgamma, dbeta
