"""Activations as classes, whose derivatives are written in what they gave."""

import numpy as np


class ReLU:
    """The input where it is positive, and else 0."""

    def forward(self, Z):
        """Return the activations, and keep them."""
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z."""
        raise NotImplementedError


class Sigmoid:
    """The logistic function."""

    def forward(self, Z):
        """Return the activations, and keep them."""
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z."""
        raise NotImplementedError


class Tanh:
    """The hyperbolic tangent."""

    def forward(self, Z):
        """Return the activations, and keep them."""
        raise NotImplementedError

    def backward(self, dLdA):
        """Return the gradient of Z."""
        raise NotImplementedError
