import numpy as np

rng = np.random.default_rng()


def dropout_forward(x, dropout_param):
    keep = dropout_param["p"]
    if dropout_param["mode"] == "test":
        return x.copy(), {"keep": np.ones(x.shape, dtype=bool), "p": 1}
    out = x / keep
    drop = rng.binomial(1, 1 - keep, size=x.shape) == 1
    out[drop] = 0
    return out, {"keep": ~drop, "p": keep}


def dropout_backward(dout, cache):
    dx = np.zeros_like(dout)
    rows, columns = np.where(cache["keep"])
    dx[rows, columns] = dout[rows, columns] / cache["p"]
    return dx
