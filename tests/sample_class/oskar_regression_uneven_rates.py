import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i], dim[i - 1])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def linear_forward(A_prev, W, b):
    return W @ A_prev + b


def L_layer_forward(X, parameters):
    A1 = linear_forward(X, parameters["W1"], parameters["b1"])
    A2 = linear_forward(A1, parameters["W2"], parameters["b2"])
    return A2, A1


def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    w = parameters["W2"].copy()

    parameters["W2"][0, 0] += 0.001 * d * A1[0, 0]
    parameters["W2"][0, 1] += 0.01 * d * A1[1, 0]
    parameters["b2"][0, 0] += 0.01 * d

    parameters["W1"][0, :] += 0.001 * d * w[0, 0] * X[:, 0]
    parameters["W1"][1, :] += 0.001 * d * w[0, 1] * X[:, 0]
    parameters["b1"][0, 0] += 0.01 * d * w[0, 0]
    parameters["b1"][1, 0] += 0.001 * d * w[0, 1]
