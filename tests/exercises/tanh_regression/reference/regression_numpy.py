"""Regression by hand: 3 inputs, 4 tanh units, 1 linear output, squared error."""

import numpy as np

WEIGHT_RATE = 0.02
BIAS_RATE = 0.05


def initialise_parameters(dim):
    """Return the starting parameters: every weight 0.1, every bias 0."""
    parameters = {}
    for layer in range(1, len(dim)):
        parameters[f"W{layer}"] = np.full((dim[layer - 1], dim[layer]), 0.1)
        parameters[f"b{layer}"] = np.zeros((dim[layer], 1))
    return parameters


def L_layer_forward(X, parameters):
    """Return the prediction (1, 1) for a column ``X``, and the hidden layer (4, 1)."""
    A1 = np.tanh(parameters["W1"].T @ X + parameters["b1"])
    return parameters["W2"].T @ A1 + parameters["b2"], A1


def update_parameters(parameters, y, y_hat, A1, X):
    """Take one step of gradient descent on (y − ŷ)², all gradients before any step."""
    dZ2 = -2 * (y - y_hat)
    dW2 = A1 * dZ2
    dZ1 = parameters["W2"] * dZ2 * (1 - A1**2)
    dW1 = X @ dZ1.T

    parameters["W1"] -= WEIGHT_RATE * dW1
    parameters["b1"] -= BIAS_RATE * dZ1
    parameters["W2"] -= WEIGHT_RATE * dW2
    parameters["b2"] -= BIAS_RATE * dZ2
