import copy

import numpy as np


def sigmoid(Z):
    A = np.empty_like(Z)
    pos = Z >= 0
    A[pos] = 1 / (1 + np.exp(-Z[pos]))
    e = np.exp(Z[~pos])
    A[~pos] = e / (1 + e)
    return A, A


def relu(Z):
    A = Z.copy()
    A[A < 0] = 0
    return A, Z > 0


def initialize_parameters_deep(layer_dims):
    pairs = zip(layer_dims[:-1], layer_dims[1:])
    params = {}
    for l, (n_in, n_out) in enumerate(pairs, start=1):
        params[f"W{l}"] = np.random.standard_normal((n_out, n_in)) / np.sqrt(n_in)
        params[f"b{l}"] = np.zeros(n_out).reshape(-1, 1)
    return params


def linear_forward(A, W, b):
    cache = {"input": A, "weights": W, "m": A.shape[1]}
    return np.einsum("ij,jk->ik", W, A) + b, cache


def linear_activation_forward(A_prev, W, b, activation):
    Z, cache = linear_forward(A_prev, W, b)
    functions = {"relu": relu, "sigmoid": sigmoid}
    A, cache["activation"] = functions[activation](Z)
    return A, cache


def L_model_forward(X, parameters):
    L = len([name for name in parameters if name.startswith("W")])
    caches = {}
    A = X
    for l in range(1, L + 1):
        W, b = parameters[f"W{l}"], parameters[f"b{l}"]
        A, caches[l] = linear_activation_forward(A, W, b, "sigmoid" if l == L else "relu")
    return A, caches


def compute_cost(AL, Y):
    losses = -np.log(np.where(Y > 0.5, AL, 1 - AL))
    return losses.mean()


def linear_backward(dZ, cache):
    m = cache["m"]
    dW = np.zeros(cache["weights"].shape)
    for i in range(m):
        dW += np.outer(dZ[:, i], cache["input"][:, i])
    dW /= m
    db = dZ.mean(axis=1)[:, np.newaxis]
    dA_prev = (dZ.T @ cache["weights"]).T
    return dA_prev, dW, db


def linear_activation_backward(dA, cache, activation):
    if activation == "relu":
        dZ = np.where(cache["activation"], dA, 0.0)
    else:
        A = cache["activation"]
        dZ = A - A ** 2
        dZ *= dA
    return linear_backward(dZ, cache)


def L_model_backward(AL, Y, caches):
    grads = {}
    L = max(caches)
    # the sigmoid and the cross entropy together
    dA, grads[f"dW{L}"], grads[f"db{L}"] = linear_backward(AL - Y, caches[L])
    l = L - 1
    while l > 0:
        dA, dW, db = linear_activation_backward(dA, caches[l], "relu")
        grads[f"dW{l}"] = dW
        grads[f"db{l}"] = db
        l -= 1
    return grads


def update_parameters(params, grads, learning_rate):
    parameters = copy.deepcopy(params)
    for key, value in parameters.items():
        value -= learning_rate * grads["d" + key]
    return parameters


def predict(X, y, parameters):
    probas, _ = L_model_forward(X, parameters)
    p = (probas > 0.5).astype(int)
    print("Accuracy: " + str(np.mean(p == y)))
    return p
