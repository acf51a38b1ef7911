"""A net of any depth, ReLU and in the end a sigmoid, on a batch whose examples are columns.

No function changes what it is handed, but update_parameters may. Of a key such as "Wl", l is the
number of the layer: "W1", "W2", and so on.
"""

import numpy as np


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
