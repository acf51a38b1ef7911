import numpy as np

W_RATE = 0.001
B_RATE = 0.01


def initialise_parameters(dim):
    parameters = {}
    for i in range(1, len(dim)):
        parameters["W" + str(i)] = np.ones((dim[i - 1], dim[i])) / 10
        parameters["b" + str(i)] = np.zeros((dim[i], 1))
    return parameters


def sigmoid(Z):
    return 1.0 / (1.0 + np.exp(-Z))


def sigmoid_derivative(A):
    return 1 - A


def linear_forward(A_prev, W, b):
    return sigmoid(np.dot(W.T, A_prev) + b)


def L_layer_forward(X, parameters):
    A = X
    for l in range(1, 3):
        A_prev = A
        A = linear_forward(A_prev, parameters[f"W{l}"], parameters[f"b{l}"])
    return A, A_prev


def update_parameters(parameters, y, y_hat, A1, X):
    dZ2 = y_hat - y
    dW2 = A1 * dZ2
    dZ1 = parameters["W2"] * dZ2 * sigmoid_derivative(A1)
    dW1 = np.dot(X, dZ1.T)

    parameters["W2"] -= W_RATE * dW2
    parameters["b2"] -= B_RATE * dZ2
    parameters["W1"] -= W_RATE * dW1
    parameters["b1"] -= B_RATE * dZ1
