"""What the course hands out beside the exercise: the activations."""

import numpy as np


def softmax(x):
    """Return the softmax of each column."""
    powers = np.exp(x - np.max(x))
    return powers / powers.sum(axis=0)


def sigmoid(x):
    """Return ``1 / (1 + exp(-x))``."""
    return 1 / (1 + np.exp(-x))
