"""A net of any depth, ReLU and in the end a sigmoid, on a batch whose examples are columns."""

import numpy as np


def initialize_parameters_deep(layer_dims):
    """Return random weights and biases of 0 for layers of these sizes."""
    raise NotImplementedError


def linear_forward(A, W, b):
    """Return what goes into the activation of a layer, and what the backward needs."""
    raise NotImplementedError


def linear_activation_forward(A_prev, W, b, activation):
    """Return the activations of a layer, and what the backward needs."""
    raise NotImplementedError


def L_model_forward(X, parameters):
    """Return the probabilities, and the caches of all layers."""
    raise NotImplementedError


def compute_cost(AL, Y):
    """Return the mean cross entropy."""
    raise NotImplementedError


def linear_backward(dZ, cache):
    """Return the gradient of what came in, and those of W and b, over the number of examples."""
    raise NotImplementedError


def linear_activation_backward(dA, cache, activation):
    """Return the same for a layer with its activation."""
    raise NotImplementedError


def L_model_backward(AL, Y, caches):
    """Return the gradients of the mean cross entropy."""
    raise NotImplementedError


def update_parameters(parameters, grads, learning_rate):
    """Return the parameters after one step of gradient descent."""
    raise NotImplementedError
