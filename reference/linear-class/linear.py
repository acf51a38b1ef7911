"""A linear layer as a class."""

import numpy as np


class Linear:
    """A linear layer: W is (out, in), b is (out, 1), and each example of A is a row."""

    def __init__(self, in_features, out_features):
        self.W = np.zeros((out_features, in_features))
        self.b = np.zeros((out_features, 1))

    def forward(self, A):
        """Return Z, and keep the input."""
        self.A = A
        return A @ self.W.T + self.b.T

    def backward(self, dLdZ):
        """Return the gradient of A, and keep those of W and b."""
        self.dLdW = dLdZ.T @ self.A
        self.dLdb = dLdZ.sum(axis=0, keepdims=True).T
        return dLdZ @ self.W
