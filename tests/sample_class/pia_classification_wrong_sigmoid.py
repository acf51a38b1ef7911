import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def sigmoid(Z):
    return 1 / (1 + np.exp(Z))


def linear_forward(A_prev, W, b):
    return sigmoid(np.dot(W.T, A_prev) + b)


def L_layer_forward(X, parameters):
    A = X
    for l in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters["W" + str(l)], parameters["b" + str(l)])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    back = error * parameters["W2"] * A1 * (1 - A1)
    parameters["W1"] += 0.001 * X.dot(back.T)
    parameters["b1"] += 0.01 * back
    parameters["W2"] += 0.001 * error * A1
    parameters["b2"] += 0.01 * error
