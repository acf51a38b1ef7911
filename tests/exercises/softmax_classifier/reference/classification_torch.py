"""Classification with PyTorch: 4 inputs, 5 tanh units, softmax over 3 classes, cross-entropy."""

import torch
from torch import nn


class Model(nn.Module):
    """Linear, tanh, linear, softmax."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 5)
        self.output = nn.Linear(5, 3)

    def forward(self, X):
        """Return probabilities of shape (examples, 3)."""
        return torch.softmax(self.output(torch.tanh(self.hidden(X))), dim=1)


def train(model, X, y, epochs=20, lr=0.2):
    """Train ``model``; return the loss of each epoch before its step.

    The model ends in a softmax and ``y`` is one-hot, (examples, 3). `nn.CrossEntropyLoss`
    would apply a second softmax, so the loss is written out.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = -(y * torch.log(model(X))).sum(dim=1).mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
