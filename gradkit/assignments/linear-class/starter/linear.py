"""A linear layer as a class."""

import numpy as np


class Linear:
    """A linear layer: W is (out, in), b is (out, 1), and each example of A is a row."""

    def __init__(self, in_features, out_features):
        raise NotImplementedError

    def forward(self, A):
        """Return Z, and keep the input."""
        raise NotImplementedError

    def backward(self, dLdZ):
        """Return the gradient of A, and keep those of W and b."""
        raise NotImplementedError
