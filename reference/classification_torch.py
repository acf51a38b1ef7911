"""Classification with PyTorch: a 2-2-1 sigmoid network, full-batch SGD on cross-entropy.

Autograd does what `classification_numpy` does by hand, on all examples at once. Run this
file to watch it learn.
"""

import torch
from torch import nn


class Model(nn.Module):
    """Linear, sigmoid, linear, sigmoid: 2 inputs, 2 hidden units, 1 probability."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 2)
        self.output = nn.Linear(2, 1)

    def forward(self, X):
        """Return probabilities of shape (examples, 1) for ``X`` of shape (examples, 2)."""
        A1 = torch.sigmoid(self.hidden(X))
        return torch.sigmoid(self.output(A1))


def train(model, X, y, epochs=100, lr=0.01):
    """Train ``model`` in place and return the loss of each epoch before its step.

    Every epoch sees all examples: predict, compare, clear the old gradients (PyTorch
    adds to them otherwise), propagate back, step. The model ends in a sigmoid, so the
    loss is `BCELoss`; `BCEWithLogitsLoss` would apply a second one.

    Parameters
    ----------
    model : torch.nn.Module
        Its parameters are changed.
    X : tensor, shape (examples, 2)
        All examples.
    y : tensor, shape (examples,) or (examples, 1)
        Classes as 0.0 and 1.0. Predictions are brought to this shape before they are
        compared.
    epochs : int
        Number of steps, one per epoch.
    lr : float
        Learning rate of the optimizer.

    Returns
    -------
    list of float
    """
    criterion = nn.BCELoss()
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
    students = torch.tensor([[8.0, 8.0], [7.0, 9.0], [6.0, 10.0], [5.0, 5.0]])
    placed = torch.tensor([1.0, 1.0, 0.0, 0.0])
    for epoch, loss in enumerate(train(Model(), students, placed)):
        if epoch % 10 == 0:
            print(f"epoch {epoch}: loss {loss}")
