"""Salary regression. Row vectors, and a new dict on every step."""

import numpy as np


def initialize_params(dims):
    params = {}
    for layer in range(1, len(dims)):
        params[f"w{layer}"] = np.full((dims[layer - 1], dims[layer]), 0.1)
        params[f"b{layer}"] = np.zeros((1, dims[layer]))
    return params


def forward_pass(x, params):
    hidden = x @ params["w1"] + params["b1"]
    output = hidden @ params["w2"] + params["b2"]
    return output, {"hidden": hidden, "output": output}


def update_params(params, y, y_pred, hidden, x):
    d_out = np.reshape(2 * (y_pred - y), (1, 1))
    d_hidden = d_out @ params["w2"].T
    return {
        "w1": params["w1"] - 0.001 * x.T @ d_hidden,
        "b1": params["b1"] - 0.01 * d_hidden,
        "w2": params["w2"] - 0.001 * hidden.T @ d_out,
        "b2": params["b2"] - 0.01 * d_out,
    }


if __name__ == "__main__":
    rows = np.array([[8, 8, 4], [6, 10, 6], [7, 9, 5], [5, 12, 7]])
    params = initialize_params([2, 2, 1])
    for epoch in range(5):
        for row in rows:
            x, y = row[:2].reshape(1, 2), row[2]
            y_pred, cache = forward_pass(x, params)
            params = update_params(params, y, y_pred, cache["hidden"], x)
        print(epoch, (y - y_pred.item()) ** 2)
