"""Classification with NumPy: backpropagation by hand through a 2-2-1 network.

Predict placed, 0 or 1, from cgpa and resume_score.

    A1 = σ(W1ᵀ·X + b1)    hidden layer, 2 units
    ŷ  = σ(W2ᵀ·A1 + b2)   output, 1 unit

The loss of one example is the binary cross-entropy −y·log(ŷ) − (1 − y)·log(1 − ŷ). Fill
in the five functions, run this file, then run
``gradkit check classification_numpy.py``.
"""

import numpy as np


def initialise_parameters(dim):
    """Return a dict of starting parameters: every weight 0.1, every bias 0.0.

    ``dim`` lists the units per layer, input first: ``[2, 2, 1]``. The dict has
    ``W1`` of shape (2, 2), ``b1`` (2, 1), ``W2`` (2, 1) and ``b2`` (1, 1): a
    weight matrix is (inputs of the layer, units of the layer).
    """
    raise NotImplementedError


def sigmoid(Z):
    """Return σ(Z), entry by entry: near 0 for very negative Z, near 1 for very positive."""
    raise NotImplementedError


def linear_forward(A_prev, W, b):
    """Return the output of one layer, σ(Wᵀ·A_prev + b).

    ``A_prev`` is a column, what enters the layer; ``W`` and ``b`` belong to the layer.
    """
    raise NotImplementedError


def L_layer_forward(X, parameters):
    """Run one example through all layers and return the pair ``(A, A_prev)``.

    ``X`` is a column of shape (2, 1). ``A`` is the prediction ŷ, shape (1, 1);
    ``A_prev`` is what entered the last layer, shape (2, 1). ``parameters`` is not
    changed.
    """
    raise NotImplementedError


def update_parameters(parameters, y, y_hat, A1, X):
    """Take one step of gradient descent for one example, changing ``parameters`` in place.

    ``y`` and ``y_hat`` are numbers, ``A1`` is the hidden layer (2, 1) and ``X`` the
    example (2, 1). Each entry moves by minus its learning rate times its gradient.

    - The learning rate is 0.001 for weights (W1, W2) and 0.01 for biases (b1, b2).
    - The loss is the binary cross-entropy. Work out what remains of its derivative
      once the output's sigmoid is taken into account, and what the hidden layer's
      sigmoid contributes.
    - Compute all four gradients before you change any parameter: each of them belongs
      to the parameters that made the prediction.
    """
    raise NotImplementedError


if __name__ == "__main__":
    examples = np.array([[8, 8], [7, 9], [6, 10], [5, 5]])  # cgpa, resume_score
    targets = np.array([1, 1, 0, 0])  # placed

    parameters = initialise_parameters([2, 2, 1])
    for epoch in range(5):
        losses = []
        for example, y in zip(examples, targets, strict=True):
            X = example.reshape(2, 1)
            y_hat, A1 = L_layer_forward(X, parameters)
            y_hat = y_hat.item()
            losses.append(-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat))
            update_parameters(parameters, y, y_hat, A1, X)
        print("epoch", epoch + 1, "loss", np.mean(losses))
