# task: classification-numpy
import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for l in range(1, len(dim)):
        parameters["W" + str(l)] = np.ones((dim[l - 1], dim[l])) * 0.1
        parameters["b" + str(l)] = np.zeros((dim[l], 1))
    return parameters


def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))


def linear_forward(A_prev, W, b):
    return sigmoid(np.dot(W.T, A_prev) + b)


def L_layer_forward(X, parameters):
    A = X
    L = len(parameters) // 2
    for l in range(1, L + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters["W" + str(l)], parameters["b" + str(l)])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = -(y - y_hat)
    dW2 = A1 * dZ2
    db2 = dZ2
    dZ1 = parameters["W2"] * dZ2 * A1 * (1 - A1)
    dW1 = np.dot(X, dZ1.T)
    db1 = dZ1

    parameters["W2"] = parameters["W2"] - 0.001 * dW2
    parameters["b2"] = parameters["b2"] - 0.01 * db2
    parameters["W1"] = parameters["W1"] - 0.001 * dW1
    parameters["b1"] = parameters["b1"] - 0.01 * db1
