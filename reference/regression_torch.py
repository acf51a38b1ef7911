"""Regression with PyTorch: a 2-2-1 linear network, full-batch SGD on the mean squared error.

Autograd does what `regression_numpy` does by hand, on all examples at once. Run this
file to watch it learn.
"""

import torch
from torch import nn


class Model(nn.Module):
    """Two linear layers with nothing between them: 2 inputs, 2 hidden units, 1 output."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 2)
        self.output = nn.Linear(2, 1)

    def forward(self, X):
        """Return predictions of shape (examples, 1) for ``X`` of shape (examples, 2)."""
        return self.output(self.hidden(X))


def train(model, X, y, epochs=20, lr=0.001):
    """Train ``model`` in place and return the loss of each epoch before its step.

    Every epoch sees all examples: predict, compare, clear the old gradients (PyTorch
    adds to them otherwise), propagate back, step.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters are changed.
    X : tensor, shape (examples, 2)
        All examples.
    y : tensor, shape (examples,) or (examples, 1)
        Targets. Predictions are brought to this shape before they are compared; (n, 1)
        against (n,) would broadcast to a table of n·n differences.
    epochs : int
        Number of steps, one per epoch.
    lr : float
        Learning rate of the optimizer.

    Returns
    -------
    list of float
    """
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


if __name__ == "__main__":
    students = torch.tensor([[8.0, 8.0], [6.0, 10.0], [7.0, 9.0], [5.0, 12.0]])
    salaries = torch.tensor([4.0, 6.0, 5.0, 7.0])
    for epoch, loss in enumerate(train(Model(), students, salaries)):
        print(f"epoch {epoch}: loss {loss}")
