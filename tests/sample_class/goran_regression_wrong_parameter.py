import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def linear_forward(A_prev, W, b):
    Z = np.dot(W.T, A_prev) + b
    return Z


def L_layer_forward(X, parameters):
    A = X
    L = len(parameters) // 2
    for l in range(1, L + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters["W" + str(l)], parameters["b" + str(l)])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    e = 2 * (y - y_hat)
    w0 = parameters["W2"][0][0]
    w1 = parameters["W2"][1][0]

    parameters["W1"][0][0] = parameters["W1"][0][0] + 0.001 * e * w0 * X[0][0]
    parameters["W1"][0][1] = parameters["W1"][0][1] + 0.001 * e * w1 * X[0][0]
    parameters["W1"][1][0] = parameters["W1"][1][0] + 0.001 * e * w0 * X[1][0]
    parameters["W1"][1][1] = parameters["W1"][1][1] + 0.001 * e * w1 * X[1][0]
    parameters["b1"][0][0] = parameters["b1"][1][0] + 0.01 * e * w0
    parameters["b1"][1][0] = parameters["b1"][1][0] + 0.01 * e * w1
    parameters["W2"][0][0] = parameters["W2"][0][0] + 0.001 * e * A1[0][0]
    parameters["W2"][1][0] = parameters["W2"][1][0] + 0.001 * e * A1[1][0]
    parameters["b2"][0][0] = parameters["W2"][1][0] + 0.01 * e
