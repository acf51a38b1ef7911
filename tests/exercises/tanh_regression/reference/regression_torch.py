"""Regression with PyTorch: 3 inputs, 4 tanh units, 1 linear output, mean squared error."""

import torch
from torch import nn


class Model(nn.Module):
    """Linear, tanh, linear."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(3, 4)
        self.output = nn.Linear(4, 1)

    def forward(self, X):
        """Return predictions of shape (examples, 1)."""
        return self.output(torch.tanh(self.hidden(X)))


def train(model, X, y, epochs=20, lr=0.05):
    """Train ``model``; return the loss of each epoch before its step."""
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(epochs):
        loss = criterion(model(X).reshape(y.shape), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
