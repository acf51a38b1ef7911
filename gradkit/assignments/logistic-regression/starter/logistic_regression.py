"""Logistic regression on a batch whose examples are columns."""

import numpy as np


def sigmoid(z):
    """Return the logistic function of each number in z."""
    raise NotImplementedError


def initialize_with_zeros(dim):
    """Return weights and a bias of 0."""
    raise NotImplementedError


def propagate(w, b, X, Y):
    """Return the gradients of the mean cross entropy, and that."""
    raise NotImplementedError


def optimize(w, b, X, Y, num_iterations=100, learning_rate=0.009, print_cost=False):
    """Return what gradient descent ends with, the last gradients, and every hundredth cost."""
    raise NotImplementedError


def predict(w, b, X):
    """Return 1 for each example whose probability is above 0.5, and else 0."""
    raise NotImplementedError
