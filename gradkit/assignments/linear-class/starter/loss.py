"""Losses as classes: forward takes outputs and targets, backward gives the outputs' gradient."""

import numpy as np


class MSELoss:
    """The mean of the squared differences."""

    def forward(self, A, Y):
        """Return the loss, and keep the differences."""
        raise NotImplementedError

    def backward(self):
        """Return the gradient of A."""
        raise NotImplementedError


class CrossEntropyLoss:
    """The mean over examples of -log of the probability of the right class, by softmax."""

    def forward(self, A, Y):
        """Return the loss, and keep probabilities and targets."""
        raise NotImplementedError

    def backward(self):
        """Return the gradient of A."""
        raise NotImplementedError
