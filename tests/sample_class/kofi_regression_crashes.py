import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def linear_forward(A_prev, W, b):
    return np.dot(W.T, A_prev) + b


def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters["W1"], parameters["b1"])
    A2 = linear_forward(A1, parameters["W2"], parameters["b2"])
    return A2, A1


def step(value, rate, gradient):
    return value - rate * gradient


def update_parameters(parameters, y, y_hat, A1, X):
    d = -2 * (y - y_hat)
    dW1 = np.dot(X, (parameters["W2"] * d).T)
    db1 = parameters["W2"] * d
    for i in range(1, 3):
        for j in range(1, 3):
            parameters["W1"][i][j] = step(parameters["W1"][i][j], 0.001, dW1[i][j])
    parameters["b1"] = step(parameters["b1"], 0.01, db1)
    parameters["W2"] = step(parameters["W2"], 0.001, A1 * d)
    parameters["b2"] = step(parameters["b2"], 0.01, d)
