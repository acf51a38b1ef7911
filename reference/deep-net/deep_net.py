"""A net of any depth, ReLU and in the end a sigmoid, on a batch whose examples are columns."""

import numpy as np


def sigmoid(Z):
    """Return ``1 / (1 + exp(-Z))``."""
    return 1 / (1 + np.exp(-Z))


def initialize_parameters_deep(layer_dims):
    """Return random weights and biases of 0 for layers of these sizes."""
    parameters = {}
    for i in range(1, len(layer_dims)):
        parameters[f"W{i}"] = np.random.randn(layer_dims[i], layer_dims[i - 1]) * 0.01
        parameters[f"b{i}"] = np.zeros((layer_dims[i], 1))
    return parameters


def linear_forward(A, W, b):
    """Return what goes into the activation of a layer, and what the backward needs."""
    return W @ A + b, (A, W)


def linear_activation_forward(A_prev, W, b, activation):
    """Return the activations of a layer, and what the backward needs."""
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = np.maximum(Z, 0) if activation == "relu" else sigmoid(Z)
    return A, (linear_cache, Z)


def L_model_forward(X, parameters):
    """Return the probabilities, and the caches of all layers."""
    layers = len(parameters) // 2
    caches = []
    A = X
    for i in range(1, layers + 1):
        W, b = parameters[f"W{i}"], parameters[f"b{i}"]
        A, cache = linear_activation_forward(A, W, b, "relu" if i < layers else "sigmoid")
        caches.append(cache)
    return A, caches


def compute_cost(AL, Y):
    """Return the mean cross entropy."""
    m = Y.shape[1]
    return -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m


def linear_backward(dZ, cache):
    """Return the gradient of what came in, and those of W and b, over the number of examples."""
    A_prev, W = cache
    m = A_prev.shape[1]
    dW = dZ @ A_prev.T / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return W.T @ dZ, dW, db


def linear_activation_backward(dA, cache, activation):
    """Return the same for a layer with its activation."""
    linear_cache, Z = cache
    if activation == "relu":
        dZ = dA * (Z > 0)
    else:
        A = sigmoid(Z)
        dZ = dA * A * (1 - A)
    return linear_backward(dZ, linear_cache)


def L_model_backward(AL, Y, caches):
    """Return the gradients of the mean cross entropy."""
    grads = {}
    dA = (1 - Y) / (1 - AL) - Y / AL
    for i in range(len(caches), 0, -1):
        activation = "relu" if i < len(caches) else "sigmoid"
        dA, dW, db = linear_activation_backward(dA, caches[i - 1], activation)
        grads |= {f"dA{i - 1}": dA, f"dW{i}": dW, f"db{i}": db}
    return grads


def update_parameters(parameters, grads, learning_rate):
    """Return the parameters after one step of gradient descent."""
    return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}
