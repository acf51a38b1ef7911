"""What the course hands out beside the exercise: activations, forward and backward."""

import numpy as np


def sigmoid(Z):
    """Return ``1 / (1 + exp(-Z))``, and Z for the backward pass."""
    return 1 / (1 + np.exp(-Z)), Z


def relu(Z):
    """Return Z where it is positive and else 0, and Z for the backward pass."""
    return np.maximum(Z, 0), Z


def sigmoid_backward(dA, cache):
    """Return the gradient of Z, from that of the sigmoid."""
    A = 1 / (1 + np.exp(-cache))
    return dA * A * (1 - A)


def relu_backward(dA, cache):
    """Return the gradient of Z, from that of the ReLU."""
    return np.where(cache > 0, dA, 0)


def load_data():
    """Return training pictures and labels, test pictures and labels, and names of the classes."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, size=(6, 4, 4, 3))
    labels = np.array([[0, 1, 0, 1, 1, 0]])
    classes = np.array([b"other", b"cat"])
    return pictures[:4], labels[:, :4], pictures[4:], labels[:, 4:], classes
