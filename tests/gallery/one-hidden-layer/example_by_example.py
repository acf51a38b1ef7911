import copy
import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def layer_sizes(X, Y):
    n_x = np.size(X, 0)
    n_h = 4
    n_y = np.size(Y, 0)
    return n_x, n_h, n_y


def initialize_parameters(n_x, n_h, n_y):
    return {
        "W1": np.random.uniform(-0.05, 0.05, (n_h, n_x)),
        "b1": np.zeros([n_h, 1]),
        "W2": np.random.uniform(-0.05, 0.05, (n_y, n_h)),
        "b2": np.zeros([n_y, 1]),
    }


def forward_propagation(X, parameters):
    m = X.shape[1]
    hidden = []
    A2 = np.zeros((1, m))
    for i in range(m):
        x = X[:, i:i + 1]
        a1 = np.tanh(parameters["W1"].dot(x) + parameters["b1"])
        z2 = parameters["W2"].dot(a1) + parameters["b2"]
        A2[0, i] = sigmoid(z2.item())
        hidden.append(a1)
    return A2, {"hidden": hidden, "A2": A2}


def compute_cost(A2, Y):
    total = 0
    for a, y in zip(A2[0], Y[0]):
        if y == 1:
            total -= math.log(a)
        else:
            total -= math.log(1 - a)
    return total / len(A2[0])


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    W2 = parameters["W2"]
    grads = {"dW1": np.zeros_like(parameters["W1"]), "db1": np.zeros_like(parameters["b1"]),
             "dW2": np.zeros_like(W2), "db2": np.zeros_like(parameters["b2"])}
    for i in range(m):
        x = X[:, [i]]
        a1 = cache["hidden"][i]
        dz2 = cache["A2"][:, [i]] - Y[:, [i]]
        grads["dW2"] += np.outer(dz2, a1)
        grads["db2"] += dz2
        dz1 = np.zeros(a1.shape)
        for j in range(len(a1)):
            dz1[j, 0] = W2[0, j] * dz2[0, 0] * (1 - a1[j, 0] * a1[j, 0])
        grads["dW1"] += np.outer(dz1, x)
        grads["db1"] += dz1
    for g in grads.values():
        g /= m
    return grads


def update_parameters(parameters, grads, learning_rate=1.2):
    parameters = copy.deepcopy(parameters)
    for name in ("W1", "b1", "W2", "b2"):
        parameters[name] -= learning_rate * grads["d" + name]
    return parameters
