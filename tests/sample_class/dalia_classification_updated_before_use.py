import numpy as np


def initialise_parameters(dim):
    return {
        "W1": 0.1 * np.ones((dim[0], dim[1])),
        "b1": np.zeros((dim[1], 1)),
        "W2": 0.1 * np.ones((dim[1], dim[2])),
        "b2": np.zeros((dim[2], 1)),
    }


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward_propagation(X, parameters):
    A1 = sigmoid(parameters["W1"].T @ X + parameters["b1"])
    A2 = sigmoid(parameters["W2"].T @ A1 + parameters["b2"])
    return A2, A1


def update_parameters(parameters, y, y_hat, A1, X):
    error = y - y_hat
    # output layer
    parameters["W2"] += 0.001 * error * A1
    parameters["b2"] += 0.01 * error
    # hidden layer
    hidden_error = error * parameters["W2"] * A1 * (1 - A1)
    parameters["W1"] += 0.001 * X @ hidden_error.T
    parameters["b1"] += 0.01 * hidden_error
