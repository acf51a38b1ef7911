"""Classification with PyTorch: a 2-2-1 network, trained on all examples at once.

Predict placed, 0 or 1, from cgpa and resume_score. Fill in the model and the training
loop, run this file, then run ``gradkit check classification_torch.py``.
"""

import torch
from torch import nn


class Model(nn.Module):
    """Linear, sigmoid, linear, sigmoid: 2 inputs → 2 hidden units → 1 probability."""

    def __init__(self):
        super().__init__()
        raise NotImplementedError

    def forward(self, X):
        """Return the probabilities, shape (examples, 1), for ``X`` of shape (examples, 2)."""
        raise NotImplementedError


def train(model, X, y, epochs=100, lr=0.01):
    """Train ``model`` in place; return a list with the loss of each epoch before its step.

    ``X`` is a tensor of shape (examples, 2), ``y`` one of shape (examples,) that holds
    0.0 and 1.0. Use plain stochastic gradient descent (``torch.optim.SGD``) at learning
    rate ``lr`` and the binary cross-entropy of probabilities. Every epoch is one step
    on all examples. Predictions have shape (examples, 1): bring both to one shape
    before you compare them.
    """
    raise NotImplementedError


if __name__ == "__main__":
    X = torch.tensor([[8.0, 8.0], [7.0, 9.0], [6.0, 10.0], [5.0, 5.0]])  # cgpa, resume_score
    y = torch.tensor([1.0, 1.0, 0.0, 0.0])  # placed
    for epoch, loss in enumerate(train(Model(), X, y)):
        if epoch % 10 == 0:
            print("epoch", epoch, "loss", loss)
