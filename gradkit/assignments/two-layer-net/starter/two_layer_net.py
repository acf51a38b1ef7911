"""A net of two layers with a softmax loss."""

import numpy as np


class TwoLayerNet:
    """Affine, ReLU, affine, softmax; each example is a row."""

    def __init__(self, input_size, hidden_size, output_size, std=1e-4):
        raise NotImplementedError

    def loss(self, X, y=None, reg=0.0):
        """Return the loss and the gradient of each parameter; without labels, the scores."""
        raise NotImplementedError

    def predict(self, X):
        """Return the class of the highest score for each example."""
        raise NotImplementedError
