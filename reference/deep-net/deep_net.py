"""A net of any depth, ReLU and in the end a sigmoid, on a batch whose examples are columns.

No function changes what it is handed, but update_parameters may. Of a key such as "Wl", l is the
number of the layer: "W1", "W2", and so on.
"""

import numpy as np


def sigmoid(Z):
    """Return ``1 / (1 + exp(-Z))``."""
    return 1 / (1 + np.exp(-Z))


def initialize_parameters_deep(layer_dims):
    """Return random weights and biases of 0.

    Parameters
    ----------
    layer_dims : list of int
        n_0, n_1, …, n_L: how many inputs there are, and units in each layer.

    Returns
    -------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), for each layer l = 1, 2, …, L, and nothing else.
        How large weights are is up to you; they are not all the same.
    """
    parameters = {}
    for i in range(1, len(layer_dims)):
        parameters[f"W{i}"] = np.random.randn(layer_dims[i], layer_dims[i - 1]) * 0.01
        parameters[f"b{i}"] = np.zeros((layer_dims[i], 1))
    return parameters


def linear_forward(A, W, b):
    """Return what goes into the activation of a layer, and what the backward needs.

    Parameters
    ----------
    A : array, (n_in, m)
        m examples, each a column.
    W : array, (n_out, n_in)
    b : array, (n_out, 1)

    Returns
    -------
    Z : array, (n_out, m)
    cache
        Whatever linear_backward reads.
    """
    return W @ A + b, (A, W)


def linear_activation_forward(A_prev, W, b, activation):
    """Return the activations of a layer, and what the backward needs.

    Parameters
    ----------
    A_prev : array, (n_in, m)
    W : array, (n_out, n_in)
    b : array, (n_out, 1)
    activation : "relu" or "sigmoid"

    Returns
    -------
    A : array, (n_out, m)
    cache
        Whatever linear_activation_backward reads.
    """
    Z, linear_cache = linear_forward(A_prev, W, b)
    A = np.maximum(Z, 0) if activation == "relu" else sigmoid(Z)
    return A, (linear_cache, Z)


def L_model_forward(X, parameters):
    """Return the probabilities, and the caches of all layers.

    Parameters
    ----------
    X : array, (n_0, m)
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), for each layer l = 1, 2, …, L.

    Returns
    -------
    AL : array, (1, m)
    caches
        Whatever L_model_backward reads.
    """
    layers = len(parameters) // 2
    caches = []
    A = X
    for i in range(1, layers + 1):
        W, b = parameters[f"W{i}"], parameters[f"b{i}"]
        A, cache = linear_activation_forward(A, W, b, "relu" if i < layers else "sigmoid")
        caches.append(cache)
    return A, caches


def compute_cost(AL, Y):
    """Return the mean cross entropy over the examples, with the natural logarithm.

    Parameters
    ----------
    AL : array, (1, m)
        Probabilities.
    Y : array, (1, m)
        Labels, 0 or 1.

    Returns
    -------
    cost : number
    """
    m = Y.shape[1]
    return -np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)) / m


def linear_backward(dZ, cache):
    """Return the gradients of a layer without its activation.

    Those of W and b are divided by the number of examples, that of A_prev is not.

    Parameters
    ----------
    dZ : array, (n_out, m)
        The gradient of Z.
    cache
        What linear_forward returned.

    Returns
    -------
    dA_prev : array, (n_in, m)
    dW : array, (n_out, n_in)
    db : array, (n_out, 1)
    """
    A_prev, W = cache
    m = A_prev.shape[1]
    dW = dZ @ A_prev.T / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return W.T @ dZ, dW, db


def linear_activation_backward(dA, cache, activation):
    """Return the gradients of a layer with its activation.

    Those of W and b are divided by the number of examples, that of A_prev is not.

    Parameters
    ----------
    dA : array, (n_out, m)
        The gradient of A.
    cache
        What linear_activation_forward returned.
    activation : "relu" or "sigmoid"

    Returns
    -------
    dA_prev : array, (n_in, m)
    dW : array, (n_out, n_in)
    db : array, (n_out, 1)
    """
    linear_cache, Z = cache
    if activation == "relu":
        dZ = dA * (Z > 0)
    else:
        A = sigmoid(Z)
        dZ = dA * A * (1 - A)
    return linear_backward(dZ, linear_cache)


def L_model_backward(AL, Y, caches):
    """Return the gradients of the mean cross entropy over the examples.

    Parameters
    ----------
    AL : array, (1, m)
    Y : array, (1, m)
    caches
        What L_model_forward returned.

    Returns
    -------
    grads : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1), for each layer l = 1, 2, …, L.
        "dAl", (n_l, m), may be there too.
    """
    grads = {}
    dA = (1 - Y) / (1 - AL) - Y / AL
    for i in range(len(caches), 0, -1):
        activation = "relu" if i < len(caches) else "sigmoid"
        dA, dW, db = linear_activation_backward(dA, caches[i - 1], activation)
        grads |= {f"dA{i - 1}": dA, f"dW{i}": dW, f"db{i}": db}
    return grads


def update_parameters(parameters, grads, learning_rate):
    """Return the parameters after one step of gradient descent.

    Parameters
    ----------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), for each layer l = 1, 2, …, L.
    grads : dict
        "dWl", (n_l, n_(l-1)), and "dbl", (n_l, 1), for each layer l = 1, 2, …, L.
    learning_rate : number

    Returns
    -------
    parameters : dict
        "Wl", (n_l, n_(l-1)), and "bl", (n_l, 1), for each layer l = 1, 2, …, L.
        A new dict, or the one that was handed in.
    """
    return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}
