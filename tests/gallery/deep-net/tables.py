import numpy as np


def sigmoid(Z):
    return np.where(Z >= 0, 1 / (1 + np.exp(-np.abs(Z))), np.exp(-np.abs(Z)) / (1 + np.exp(-np.abs(Z))))


def relu(Z):
    return (Z > 0) * Z


def d_relu(Z):
    return np.where(Z > 0, 1.0, 0.0)


def d_sigmoid(Z):
    s = sigmoid(Z)
    return s - np.square(s)


ACT = {"relu": relu, "sigmoid": sigmoid}
DACT = {"relu": d_relu, "sigmoid": d_sigmoid}


def initialize_parameters_deep(layer_dims):
    np.random.seed(3)
    parameters = {}
    for l, (n_prev, n) in enumerate(zip(layer_dims[:-1], layer_dims[1:])):
        parameters["W" + str(l + 1)] = np.random.randn(n, n_prev) / np.sqrt(n_prev)
        parameters["b" + str(l + 1)] = np.zeros(shape=(n, 1))
    return parameters


def linear_forward(A, W, b):
    return np.einsum("ij,jk->ik", W, A) + b, (A, W, b)


def linear_activation_forward(A_prev, W, b, activation):
    Z, lin = linear_forward(A_prev, W, b)
    return ACT[activation](Z), (lin, Z)


def L_model_forward(X, parameters):
    caches, A = [], X
    L = max(int(k[1:]) for k in parameters)
    for l in range(L):
        act = "sigmoid" if l == L - 1 else "relu"
        A, cache = linear_activation_forward(A, parameters[f"W{l + 1}"], parameters[f"b{l + 1}"], act)
        caches.append(cache)
    return A, caches


def compute_cost(AL, Y):
    logs = np.where(Y == 1, np.log(AL), np.log(1 - AL))
    return -np.mean(logs)


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    m = dZ.shape[-1]
    dW = np.einsum("im,jm->ij", dZ, A_prev) / m
    db = np.mean(dZ, axis=1).reshape(b.shape)
    dA_prev = np.einsum("ij,im->jm", W, dZ)
    return dA_prev, dW, db


def linear_activation_backward(dA, cache, activation):
    lin, Z = cache
    return linear_backward(np.multiply(dA, DACT[activation](Z)), lin)


def L_model_backward(AL, Y, caches):
    L = len(caches)
    grads = {}
    Y = Y.reshape(AL.shape)
    upstream = (AL - Y) / (AL * (1 - AL))
    acts = ["relu"] * (L - 1) + ["sigmoid"]
    for l, (cache, act) in reversed(list(enumerate(zip(caches, acts)))):
        upstream, grads[f"dW{l + 1}"], grads[f"db{l + 1}"] = linear_activation_backward(upstream, cache, act)
        grads[f"dA{l}"] = upstream
    return grads


def update_parameters(parameters, grads, learning_rate):
    L = len(parameters) // 2
    new = {}
    for l in range(1, L + 1):
        for kind in "Wb":
            new[kind + str(l)] = np.subtract(parameters[kind + str(l)], learning_rate * grads["d" + kind + str(l)])
    return new
