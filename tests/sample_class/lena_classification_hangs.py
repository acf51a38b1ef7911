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
    A = X
    for l in (1, 2):
        A_prev = A
        A = linear_forward(A_prev, parameters["W" + str(l)], parameters["b" + str(l)])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    hidden = parameters["W2"] * error * A1 * (1 - A1)
    j = 0
    while True:
        parameters["W2"][j][0] += 0.001 * error * A1[j][0]
        parameters["b1"][j][0] += 0.01 * hidden[j][0]
        if j == 2:
            break
    parameters["b2"] += 0.01 * error
    parameters["W1"] += 0.001 * np.dot(X, hidden.T)
