import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param["eps"] if "eps" in ln_param else 1e-5
    N, D = x.shape
    out, hats, stds = np.zeros((N, D)), [], []
    for i, row in enumerate(x):
        mean = sum(row) / D
        var = sum((value - mean) ** 2 for value in row) / D
        stds.append((var + eps) ** 0.5)
        hats.append([(value - mean) / stds[-1] for value in row])
        for j in range(D):
            out[i, j] = gamma[j] * hats[i][j] + beta[j]
    return out, {"hats": np.array(hats), "stds": stds, "gamma": gamma}


def layernorm_backward(dout, cache):
    hats, stds, gamma = cache["hats"], cache["stds"], cache["gamma"]
    N, D = dout.shape
    dx, dgamma, dbeta = np.zeros((N, D)), np.zeros(D), np.zeros(D)
    for i in range(N):
        dgamma += dout[i] * hats[i]
        dbeta += dout[i]
        # the Jacobian of one normalised row
        J = np.eye(D) - 1 / D - np.outer(hats[i], hats[i]) / D
        dx[i] = J @ (dout[i] * gamma) / stds[i]
    return dx, dgamma, dbeta
