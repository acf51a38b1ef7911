import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) * 0.1
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def L_layer_forward(X, parameters):
    A1 = np.dot(parameters["W1"].T, X) + parameters["b1"]
    A2 = np.dot(parameters["W2"].T, A1) + parameters["b2"]
    return A2, A1


def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y - y_hat)
    gradients = {
        "W1": np.dot(X, (parameters["W2"] * d).T),
        "b1": parameters["W2"] * d,
        "W2": A1 * d,
        "b2": d,
    }
    rates = {"W": 0.001, "b": 0.01}
    for name, gradient in gradients.items():
        parameters[name] = parameters[name] - rates[name[0]] * gradient
    return parameters
