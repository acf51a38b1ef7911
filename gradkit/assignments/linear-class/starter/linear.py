"""A linear layer as a class."""

import numpy as np


class Linear:
    """``Z = A Wᵀ + bᵀ``, with each example of A as a row."""

    def __init__(self, in_features, out_features):
        raise NotImplementedError

    def forward(self, A):
        """Return Z, and keep the input."""
        raise NotImplementedError

    def backward(self, dLdZ):
        """Return the gradient of A, and keep those of W and b."""
        raise NotImplementedError
