"""Regression with PyTorch: a 2-2-1 network, trained on all examples at once.

Predict lpa, a number, from cgpa and resume_score. Fill in the model and the training
loop, run this file, then run ``gradkit check regression_torch.py``.
"""

import torch
from torch import nn


class Model(nn.Module):
    """Linear, linear: 2 inputs → 2 hidden units → 1 output."""

    def __init__(self):
        super().__init__()
        raise NotImplementedError

    def forward(self, X):
        """Return the predictions, shape (examples, 1), for ``X`` of shape (examples, 2)."""
        raise NotImplementedError


def train(model, X, y, epochs=20, lr=0.001):
    """Train ``model`` in place; return a list with the loss of each epoch before its step.

    ``X`` is a tensor of shape (examples, 2), ``y`` one of shape (examples,). Use plain
    stochastic gradient descent (``torch.optim.SGD``) at learning rate ``lr`` and the
    mean squared error. Every epoch is one step on all examples. Predictions have shape
    (examples, 1): bring both to one shape before you compare them.
    """
    raise NotImplementedError


if __name__ == "__main__":
    X = torch.tensor([[8.0, 8.0], [6.0, 10.0], [7.0, 9.0], [5.0, 12.0]])  # cgpa, resume_score
    y = torch.tensor([4.0, 6.0, 5.0, 7.0])  # lpa
    for epoch, loss in enumerate(train(Model(), X, y)):
        print("epoch", epoch, "loss", loss)
