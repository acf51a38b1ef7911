import numpy as np


def layer_sizes(X, Y):
    n_x = len(X)
    n_h = 4
    n_y = len(Y)
    return (n_x, n_h, n_y)


def initialize_parameters(n_x, n_h, n_y):
    rng = np.random.default_rng(2)
    sizes = {"1": (n_h, n_x), "2": (n_y, n_h)}
    parameters = {}
    for k, shape in sizes.items():
        parameters["W" + k] = rng.normal(scale=0.01, size=shape)
        parameters["b" + k] = np.zeros((shape[0], 1))
    return parameters


def forward_propagation(X, parameters):
    W1, b1, W2, b2 = [parameters[k] for k in ("W1", "b1", "W2", "b2")]
    A1 = np.tanh(np.einsum("hx,xm->hm", W1, X) + b1)
    Z2 = np.einsum("yh,hm->ym", W2, A1) + b2
    A2 = np.exp(Z2) / (np.exp(Z2) + 1)
    return A2, {"X": X, "H": A1, "P": A2}


def compute_cost(A2, Y):
    m = Y.shape[1]
    good = np.sum(np.log(A2[Y == 1]))
    bad = np.sum(np.log(1 - A2[Y == 0]))
    return float(-(good + bad) / m)


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    H, P = cache["H"], cache["P"]
    grads = {"dW1": 0, "db1": 0, "dW2": 0, "db2": 0}
    for i in range(m):
        e = P[:, i:i + 1] - Y[:, i:i + 1]
        h = H[:, i:i + 1]
        grads["dW2"] = grads["dW2"] + np.dot(e, h.T)
        grads["db2"] = grads["db2"] + e
        eh = np.dot(parameters["W2"].T, e) * (1 - np.power(h, 2))
        grads["dW1"] = grads["dW1"] + np.dot(eh, X[:, i:i + 1].T)
        grads["db1"] = grads["db1"] + eh
    return {k: v / m for k, v in grads.items()}


def update_parameters(parameters, grads, learning_rate=1.2):
    out = {}
    for k in parameters:
        out[k] = parameters[k] + (-learning_rate) * grads["d" + k]
    return out
