"""Regression with NumPy: backpropagation by hand through a 2-2-1 network.

Predict lpa, a number, from cgpa and resume_score.

    A1 = W1ᵀ·X + b1    hidden layer, 2 units
    ŷ  = W2ᵀ·A1 + b2   output, 1 unit

The loss of one example is (y − ŷ)². Fill in the four functions, run this file, then run
``gradkit check regression_numpy.py``.
"""

import numpy as np


def initialise_parameters(dim):
    """Return a dict of starting parameters: every weight 0.1, every bias 0.0.

    ``dim`` lists the units per layer, input first: ``[2, 2, 1]``. The dict has
    ``W1`` of shape (2, 2), ``b1`` (2, 1), ``W2`` (2, 1) and ``b2`` (1, 1): a
    weight matrix is (inputs of the layer, units of the layer).
    """
    raise NotImplementedError


def linear_forward(A_prev, W, b):
    """Return the output of one layer, Wᵀ·A_prev + b.

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
    - The loss is (y − ŷ)², so its derivative by ŷ is −2(y − ŷ). Mind the factor 2.
    - Compute all four gradients before you change any parameter: each of them belongs
      to the parameters that made the prediction.
    """
    raise NotImplementedError


if __name__ == "__main__":
    examples = np.array([[8, 8], [6, 10], [7, 9], [5, 12]])  # cgpa, resume_score
    targets = np.array([4, 6, 5, 7])  # lpa

    parameters = initialise_parameters([2, 2, 1])
    for epoch in range(5):
        losses = []
        for example, y in zip(examples, targets, strict=True):
            X = example.reshape(2, 1)
            y_hat, A1 = L_layer_forward(X, parameters)
            y_hat = y_hat.item()
            losses.append((y - y_hat) ** 2)
            update_parameters(parameters, y, y_hat, A1, X)
        print("epoch", epoch + 1, "loss", np.mean(losses))
