"""Three slips in one function: =+ for +=, a parenthesis, and b2 forgotten."""

import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def linear_forward(A_prev, W, b):
    return sigmoid(np.dot(W.T, A_prev) + b)


def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters["W1"], parameters["b1"])
    A2 = linear_forward(A1, parameters["W2"], parameters["b2"])
    return A2, A1


def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    w = parameters["W2"].copy()
    for i in range(2):
        for j in range(2):
            slope = A1[j][0] * (1 - A1[j][0] * X[i][0])
            parameters["W1"][i][j] += 0.001 * error * w[j][0] * slope
    for j in range(2):
        parameters["b1"][j][0] =+ 0.01 * error * w[j][0] * A1[j][0] * (1 - A1[j][0])
        parameters["W2"][j][0] += 0.001 * error * A1[j][0]
